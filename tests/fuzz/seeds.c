/* Writes the fuzz targets' seeds: small honest files of every format, below the folder it is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/fs.h"
#include "host/base/mem.h"
#include "models/spiece.h"
#include "src/format/writer.h"
#include "src/format/zip.h"

/* DIR/target/name; exits on exhaustion, as a test program may. */
static char *place(const char *dir, const char *target, const char *name)
{
    char *folder = vmg_path_join(dir, target), *path = folder ? vmg_path_join(folder, name) : NULL;
    if (!path || vmg_mkdirs(folder) != VMG_OK)
        exit(1);
    free(folder);
    return path;
}

static int write_model(const char *path, vmg_dtype wide)
{
    static const uint8_t data[72] = {1, 2, 3};
    static const uint8_t words[] = {2, 0, 0, 0, 0, 0, 0, 0, 'h', 'i'};
    vmg_writer *w = NULL;
    size_t bytes = 0;
    bool safetensors = strstr(path, ".safetensors") != NULL;
    int rc = vmg_writer_open(path, &w);
    if (rc == VMG_OK)
        rc = vmg_writer_meta_string(w, "name", "x");
    if (rc == VMG_OK)
        rc = vmg_writer_meta_int(w, "count", VMG_U32, 3);
    if (rc == VMG_OK)
        rc = vmg_writer_meta_real(w, "eps", VMG_F64, 1e-6);
    if (rc == VMG_OK && !safetensors)
        rc = vmg_writer_meta(w, &(vmg_meta){.key = "words", .kind = VMG_META_STRINGS, .data = words,
                                            .n = 1, .data_bytes = sizeof words});
    if (rc == VMG_OK)
        rc = vmg_writer_declare(w, "a", VMG_F32, 2, (int64_t[]){2, 3});
    if (rc == VMG_OK)
        rc = vmg_writer_declare(w, "b.c", wide, 2, (int64_t[]){1, 32});
    if (rc == VMG_OK)
        rc = vmg_writer_data(w, data, 24);
    if (rc == VMG_OK)
        rc = vmg_dtype_bytes(wide, 32, &bytes);
    if (rc == VMG_OK)
        rc = vmg_writer_data(w, data, bytes);
    if (rc == VMG_OK)
        rc = vmg_writer_commit(w);
    vmg_writer_free(w);
    return rc;
}

/* Pickles beyond what our own writer makes. */
static const struct {
    const char *name, *text;
    size_t n;
} pickles[] = {
#define SEED(name, text) {name, text, sizeof text - 1}
    SEED("nested", "\x80\2}(X\1\0\0\0mccollections\nOrderedDict\n)R(X\1\0\0\0wK\1u}X\1\0\0\0kK\2sb"
                   "X\1\0\0\0l](K\1G\x40\4\0\0\0\0\0\0eK\7(NX\1\0\0\0at.u."),
    SEED("memo", "\x80\4\x95\x12\0\0\0\0\0\0\0}\x94(\x8c\1a\x94K\1\x8c\1b\x94h\1u."),
    SEED("array",
         "\x80\4\x8c\x16numpy._core.multiarray\x8c\x0c_reconstruct\x93\x8c\5numpy\x8c\7ndarray"
         "\x93K\0\x85"
         "C\1b\x87R(K\1K\2\x85\x8c\5numpy\x8c\5dtype\x93\x8c\2i2\x89\x88\x87R(K\3"
         "\x8c\1<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
         "C\4\1\2\3\4tb."),
    SEED("scalar",
         "\x80\2cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\2\0\0\0f8K\0K\1\x87R(K\3"
         "X\1\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbc_codecs\nencode\nX\x08\0\0\0"
         "\0\0\0\0\0\0\0\0X\6\0\0\0latin1\x86R\x86R."),
    SEED("strided",
         "\x80\2ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\n"
         "X\1\0\0\0"
         "0X\3\0\0\0cpuK\x10tQK\0(K\2K\3t(K\1K\2t\x89"
         "ccollections\nOrderedDict\n"
         ")RtR."),
    SEED("smpl",
         "\x80\2}(U\1vccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR}U\1x"
         "K\7sbU\1Jcscipy.sparse.csc\ncsc_matrix\n)\x81}(U\4data]K\1aU\6indptr]K\0aubu."),
    SEED("sets",
         "\x80\4\x8f(K\1K\2\x90(K\1\x91\x86(K\1K\2d\x86\x88\x89N\x87\x86\x8a\2\xff\x7f\x86."),
};

/* numpy.savez_compressed(a=zeros((3, 4), float32)). */
static int write_packed(const char *dir)
{
    static const char npz[] =
        "\120\113\003\004\055\000\000\000\010\000\000\000\041\000\300\241\314\352\377\377"
        "\377\377\377\377\377\377\005\000\024\000\141\056\156\160\171\001\000\020\000\260"
        "\000\000\000\000\000\000\000\111\000\000\000\000\000\000\000\233\354\027\352\033"
        "\020\311\310\120\306\120\255\236\222\132\234\134\244\156\245\240\156\223\146\242"
        "\256\243\240\236\226\137\124\122\224\230\027\237\137\224\222\012\022\167\113\314"
        "\051\116\005\212\027\147\044\026\244\002\371\032\306\072\012\046\232\072\012\265"
        "\012\144\003\056\006\022\001\000\120\113\001\002\055\003\055\000\000\000\010\000"
        "\000\000\041\000\300\241\314\352\111\000\000\000\260\000\000\000\005\000\000\000"
        "\000\000\000\000\000\000\000\000\200\001\000\000\000\000\141\056\156\160\171\120"
        "\113\005\006\000\000\000\000\001\000\001\000\063\000\000\000\200\000\000\000\000"
        "\000";
    char *path = place(dir, "zip", "packed.npz");
    int rc = vmg_write_file(path, npz, sizeof npz - 1);
    free(path);
    return rc;
}

/* A skeleton of two joints and two frames, numbers in every style. */
static int write_bvh(const char *dir)
{
    static const char text[] =
        "HIERARCHY\nROOT a\n{\n\tOFFSET 0 0 0\n\tCHANNELS 4 Xposition Zrotation Yrotation Xrotation\n"
        "\tJOINT b {\r\n\t\tOFFSET 1e-2 -.5 +2.\n\t\tCHANNELS 1 Yrotation\n\t\tEnd Site\n\t\t{ OFFSET 0 "
        "1 0 }\n\t}\n}\nMOTION\nFrames: 2\nFrame Time: 0.05\n1 2 3 4 5\n-1.5e1 0 0 0 90\n";
    char *path = place(dir, "bvh", "small.bvh");
    int rc = vmg_write_file(path, text, sizeof text - 1);
    free(path);
    return rc;
}

/* A skinned joint below a node, animated in each way; and the text form with its buffer inside. */
static int write_gltf(const char *dir)
{
    static const char *const head_text =
        "{'asset':{'version':'2.0'},'nodes':[{'name':'a','children':[1],'scale':[2,2,2]},{'name':'b','matrix':"
        "[1,0,0,0,0,1,0,0,0,0,1,0,1,2,3,1]}],'buffers':[{'byteLength':120", *const tail_text =
        "}],'bufferViews':[{'buffer':0,"
        "'byteLength':120,'byteStride':4},{'buffer':0,'byteOffset':8,'byteLength':112}],'accessors':[{'bufferView':0,"
        "'componentType':5126,'count':2,'type':'SCALAR'},{'bufferView':1,'componentType':5126,'count':2,'type':"
        "'VEC3'},{'bufferView':1,'componentType':5122,'normalized':true,'count':6,'type':'VEC4'},{'bufferView':1,"
        "'componentType':5126,'count':1,'type':'MAT4'}],'skins':[{'joints':[1],'inverseBindMatrices':3}],"
        "'animations':[{'samplers':[{'input':0,'output':1},{'input':0,'output':2,'interpolation':'CUBICSPLINE'}],"
        "'channels':[{'sampler':0,'target':{'node':0,'path':'translation'}},{'sampler':1,'target':{'node':1,"
        "'path':'rotation'}}]}]}";
    float values[30] = {0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 2, 3, 1};
    vmg_buf glb = {0};
    char encoded[161], *text = NULL;
    memset(encoded, 'A', 160);
    encoded[160] = 0;
    memcpy(encoded, "AAAAAAAAgD8A", 12);
    int rc = VMG_OK;
    for (int k = 0; k < 2 && rc == VMG_OK; k++) {
        char *uri = k ? vmg_asprintf(",'uri':'data:;base64,%s'", encoded) : vmg_strdup("");
        text = uri ? vmg_asprintf("%s%s%s", head_text, uri, tail_text) : NULL;
        char *path = place(dir, "gltf", k ? "small.gltf" : "small.glb");
        free(uri);
        if (!text)
            return VMG_E_NOMEM;
        for (char *c = text; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        const uint32_t n = (uint32_t)strlen(text);
        const uint32_t head[5] = {0x46546c67, 2, 12 + 8 + n + 8 + sizeof values, n, 0x4e4f534a};
        const uint32_t chunk[2] = {sizeof values, 0x004e4942};
        vmg_buf_append(&glb, head, k ? 0 : sizeof head);
        vmg_buf_append(&glb, text, n);
        vmg_buf_append(&glb, chunk, k ? 0 : sizeof chunk);
        vmg_buf_append(&glb, values, k ? 0 : sizeof values);
        rc = glb.failed ? VMG_E_NOMEM : vmg_write_file(path, glb.data, glb.len);
        glb.len = 0;
        free(text);
        free(path);
    }
    vmg_buf_free(&glb);
    return rc;
}

/* A tokenizer with one normalisation rule, and texts that take every path of cleaning. */
static int write_texts(const char *dir)
{
    static const char *const texts[] = {
        "voil\xC3\x83 \xC3\xA2\xE2\x82\xAC\xC5\x93so\xC3\xA2\xE2\x82\xAC\xC2\x9D",
        "&eacute;&EACUTE;&#233;&#xE9 &amp;lt; <b>",
        "\x1B[31mred\x1B[0m \xEF\xAC\x83 \xEF\xBC\xA1\r\n",
        "e\xCC\x81\xCC\xA3 \xC2\x85 \xED\xA0\xBD \xF0\x9F\x98\x80"};
    static uint8_t map[4 + 4 * 256 + 2] = {0, 4}; /* the trie's bytes, 1024 */
    static const struct {
        size_t unit;
        uint32_t value;
    } units[] = {{0, 0x80u << 10},
                 {0x80 ^ 'A', 'A' | 1u << 8 | (uint32_t)(0x80 ^ 'A' ^ 0x10) << 10},
                 {0x10, 1u << 31}};
    for (size_t i = 0; i < VMG_COUNT(units); i++)
        for (int b = 0; b < 4; b++)
            map[4 + 4 * units[i].unit + (size_t)b] = (uint8_t)(units[i].value >> (8 * b));
    map[4 + 4 * 256] = 'a';
    vmg_buf model = {0};
    vmg_spiece_add_piece(&model, "</s>", 4, 0, VMG_SPIECE_CONTROL);
    vmg_spiece_add_piece(&model, "<unk>", 5, 0, VMG_SPIECE_UNKNOWN);
    vmg_spiece_add_piece(&model, "\xE2\x96\x81", 3, -2, VMG_SPIECE_NORMAL);
    vmg_spiece_add_piece(&model, "\xE2\x96\x81walk", 7, -3, VMG_SPIECE_NORMAL);
    vmg_spiece_add_piece(&model, "s", 1, -2, VMG_SPIECE_NORMAL);
    vmg_spiece_add_piece(&model, "man", 3, -1, VMG_SPIECE_USER_DEFINED);
    vmg_spiece_add_settings(&model, &(vmg_spiece_settings){.add_space_prefix = true,
                                                           .remove_extra_whitespaces = true,
                                                           .charsmap = map,
                                                           .charsmap_bytes = sizeof map});
    char *path = place(dir, "tokenizer", "small.model");
    int rc = model.failed ? VMG_E_NOMEM : vmg_write_file(path, model.data, model.len);
    free(path);
    vmg_buf_free(&model);
    for (size_t i = 0; rc == VMG_OK && i < VMG_COUNT(texts); i++) {
        char name[] = {'0' + (char)i, 0};
        path = place(dir, "text", name);
        rc = vmg_write_file(path, texts[i], strlen(texts[i]));
        free(path);
    }
    return rc;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: seeds DIR\n");
        return 2;
    }
    const char *dir = argv[1];
    char *gguf = place(dir, "gguf", "model.gguf"), *st = place(dir, "safetensors", "m.safetensors");
    char *pt = place(dir, "zip", "model.pt"), *npy = place(dir, "npy", "array.npy");
    char *bytes = NULL;
    size_t n;
    vmg_zip zip = {0};
    int rc = write_model(gguf, VMG_Q4_0);
    if (rc == VMG_OK)
        rc = write_model(st, VMG_BF16);
    if (rc == VMG_OK)
        rc = write_model(pt, VMG_F16);
    if (rc == VMG_OK)
        rc = vmg_array_write(npy, VMG_F32, 2, (int64_t[]){1, 2}, (float[]){1, 2});
    if (rc == VMG_OK)
        rc = vmg_read_file(pt, 1 << 20, &bytes, &n);
    if (rc == VMG_OK)
        rc = vmg_zip_open((uint8_t *)bytes, n, &zip);
    if (rc == VMG_OK) {
        char *path = place(dir, "pickle", "model");
        const vmg_zip_entry *e = vmg_zip_find(&zip, "archive/data.pkl");
        rc = e ? vmg_write_file(path, e->data, e->size) : VMG_E_NOTFOUND;
        free(path);
    }
    for (size_t i = 0; rc == VMG_OK && i < VMG_COUNT(pickles); i++) {
        char *path = place(dir, "pickle", pickles[i].name);
        rc = vmg_write_file(path, pickles[i].text, pickles[i].n);
        free(path);
    }
    if (rc == VMG_OK)
        rc = write_packed(dir);
    if (rc == VMG_OK)
        rc = write_bvh(dir);
    if (rc == VMG_OK)
        rc = write_gltf(dir);
    if (rc == VMG_OK)
        rc = write_texts(dir);
    if (rc != VMG_OK)
        fprintf(stderr, "seeds: %s\n", vmg_error_message());
    vmg_zip_close(&zip);
    free(bytes);
    free(gguf);
    free(st);
    free(pt);
    free(npy);
    return rc == VMG_OK ? 0 : 1;
}
