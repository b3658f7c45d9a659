/* SentencePiece model files (protocol buffers, sentencepiece_model.proto): written and checked. */
#include "models/spiece.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Wire types and the fields used here. */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum { MODEL_PIECE = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3, MODEL_DENORMALIZER = 5 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_MODEL_TYPE = 3, TRAINER_SPACE_AS_SUFFIX = 24, TRAINER_BYTE_FALLBACK = 35 };
enum { UNIGRAM = 1 };
enum {
    NORMALIZER_CHARSMAP = 2,
    NORMALIZER_PREFIX = 3,
    NORMALIZER_EXTRA_SPACES = 4,
    NORMALIZER_ESCAPE_SPACES = 5
};

static const char space_piece[] = "\xE2\x96\x81"; /* U+2581 */

/* ---- writing ---- */

static void put_varint(vmg_buf *b, uint64_t v)
{
    do {
        uint8_t byte = (uint8_t)((v & 0x7F) | (v > 0x7F ? 0x80 : 0));
        vmg_buf_append(b, &byte, 1);
        v >>= 7;
    } while (v);
}

static void put_number(vmg_buf *b, unsigned field, uint64_t v)
{
    put_varint(b, field << 3 | WIRE_VARINT);
    put_varint(b, v);
}

static void put_bytes(vmg_buf *b, unsigned field, const void *data, size_t n)
{
    put_varint(b, field << 3 | WIRE_BYTES);
    put_varint(b, n);
    vmg_buf_append(b, data, n);
}

static void put_float(vmg_buf *b, unsigned field, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint8_t le[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16),
                     (uint8_t)(bits >> 24)};
    put_varint(b, field << 3 | WIRE_32);
    vmg_buf_append(b, le, sizeof le);
}

static void put_message(vmg_buf *b, unsigned field, vmg_buf *message)
{
    put_bytes(b, field, message->data, message->len);
    b->failed |= message->failed;
    vmg_buf_free(message);
}

void vmg_spiece_add_piece(vmg_buf *model, const char *piece, size_t n, float score, int type)
{
    vmg_buf m = {0};
    put_bytes(&m, PIECE_TEXT, piece, n);
    put_float(&m, PIECE_SCORE, score);
    put_number(&m, PIECE_TYPE, (uint64_t)type);
    put_message(model, MODEL_PIECE, &m);
}

void vmg_spiece_add_settings(vmg_buf *model, const vmg_spiece_settings *settings)
{
    vmg_buf trainer = {0}, normalizer = {0};
    put_number(&trainer, TRAINER_MODEL_TYPE, UNIGRAM);
    put_number(&trainer, TRAINER_BYTE_FALLBACK, settings->byte_fallback);
    put_message(model, MODEL_TRAINER, &trainer);
    put_bytes(&normalizer, NORMALIZER_CHARSMAP, settings->charsmap, settings->charsmap_bytes);
    put_number(&normalizer, NORMALIZER_PREFIX, settings->add_space_prefix);
    put_number(&normalizer, NORMALIZER_EXTRA_SPACES, settings->remove_extra_whitespaces);
    put_message(model, MODEL_NORMALIZER, &normalizer);
}

/* ---- reading ---- */

/* A message's bytes, and one field of it. */
typedef struct message {
    const uint8_t *p;
    size_t n;
} message;

typedef struct field {
    unsigned number, wire;
    uint64_t value; /* of VARINT and fixed-size fields */
    message bytes;  /* of BYTES */
} field;

static bool take_varint(message *m, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 64 && m->n; shift += 7) {
        uint8_t byte = *m->p++;
        m->n--;
        *v |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* The next field, moving past it: 1, 0 at the message's end, -1 when it is damaged. */
static int take_field(message *m, field *f)
{
    uint64_t tag, size;
    if (m->n == 0)
        return 0;
    *f = (field){0};
    if (!take_varint(m, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
        return -1;
    f->number = (unsigned)(tag >> 3);
    f->wire = tag & 7;
    if (f->wire == WIRE_VARINT)
        return take_varint(m, &f->value) ? 1 : -1;
    if (f->wire == WIRE_BYTES) {
        if (!take_varint(m, &size) || size > m->n)
            return -1;
        f->bytes = (message){m->p, (size_t)size};
    } else if (f->wire == WIRE_32 || f->wire == WIRE_64) {
        size = f->wire == WIRE_32 ? 4 : 8;
        if (size > m->n)
            return -1;
        for (size_t i = 0; i < size; i++)
            f->value |= (uint64_t)m->p[i] << (8 * i);
    } else {
        return -1;
    }
    m->p += size;
    m->n -= (size_t)size;
    return 1;
}

static int fail_damaged(const char *what)
{
    return vmg_fail(VMG_E_FORMAT, "the SentencePiece model's %s is damaged", what);
}

static uint32_t load_u32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/*
 * Normalisation rules: the length of a double-array trie, the trie, then the replacements as
 * strings that end in NUL. The library follows a unit's offset without a look at the trie's size;
 * this checks every unit's offset and every leaf's replacement (darts-clone's unit layout). The
 * trie has whole blocks of 256 units, and a label only changes the place within a block.
 */
static int check_charsmap(message m)
{
    enum { BLOCK = 256 };
    const uint32_t leaf = 1u << 31;
    if (m.n == 0)
        return VMG_OK;
    if (m.n <= 4 || load_u32(m.p) >= m.n - 4 || m.p[m.n - 1] != 0)
        return fail_damaged("list of normalisation rules");
    size_t trie_bytes = load_u32(m.p), n = trie_bytes / 4, replacement_bytes = m.n - 4 - trie_bytes;
    const uint8_t *trie = m.p + 4;
    if (trie_bytes % 4 || n == 0 || n % BLOCK)
        return fail_damaged("trie of normalisation rules");
    for (size_t i = 0; i < n; i++) {
        uint32_t unit = load_u32(trie + 4 * i);
        if ((unit & leaf) && i > 0) /* a leaf is never entered; the root always is */
            continue;
        size_t to = i ^ ((size_t)(unit >> 10) << ((unit & 1u << 9) >> 6));
        if (to >= n)
            return fail_damaged("trie of normalisation rules");
        bool has_leaf = unit >> 8 & 1;
        if (has_leaf && (load_u32(trie + 4 * to) & ~leaf) >= replacement_bytes)
            return fail_damaged("trie of normalisation rules");
    }
    return VMG_OK;
}

/* What is gathered while reading. */
typedef struct facts {
    vmg_buf types;
    bool has_space_piece, has_inner_space, changes_spaces;
} facts;

static int check_normalizer(message m, facts *seen)
{
    field f;
    int more, rc = VMG_OK;
    while (rc == VMG_OK && (more = take_field(&m, &f)) != 0) {
        if (more < 0)
            rc = fail_damaged("normalisation");
        else if (f.number == NORMALIZER_CHARSMAP && f.wire == WIRE_BYTES)
            rc = check_charsmap(f.bytes);
        else if (f.number >= NORMALIZER_PREFIX && f.number <= NORMALIZER_ESCAPE_SPACES)
            seen->changes_spaces |= f.value == 0;
    }
    return rc;
}

static int check_trainer(message m, facts *seen)
{
    field f;
    int more;
    while ((more = take_field(&m, &f)) != 0) {
        if (more < 0)
            return fail_damaged("training settings");
        if (f.number == TRAINER_MODEL_TYPE && f.wire == WIRE_VARINT && f.value != UNIGRAM)
            return vmg_fail(VMG_E_UNSUPPORTED, "the SentencePiece model is not a unigram model");
        seen->changes_spaces |= f.number == TRAINER_SPACE_AS_SUFFIX && f.value != 0;
    }
    return VMG_OK;
}

static void look_for_spaces(message text, facts *seen)
{
    const size_t len = strlen(space_piece);
    bool first = text.n >= len && !memcmp(text.p, space_piece, len);
    seen->has_space_piece |= first && text.n == len;
    for (size_t i = 1; i + len <= text.n; i++)
        seen->has_inner_space |= !memcmp(text.p + i, space_piece, len);
}

static int check_piece(message m, facts *seen)
{
    field f;
    int more;
    uint8_t type = VMG_SPIECE_NORMAL;
    float score = 0;
    while ((more = take_field(&m, &f)) != 0) {
        if (more < 0)
            return fail_damaged("list of pieces");
        if (f.number == PIECE_TEXT && f.wire == WIRE_BYTES)
            look_for_spaces(f.bytes, seen);
        if (f.number == PIECE_TYPE && f.wire == WIRE_VARINT)
            type =
                f.value >= VMG_SPIECE_NORMAL && f.value <= VMG_SPIECE_BYTE ? (uint8_t)f.value : 0;
        if (f.number == PIECE_SCORE && f.wire == WIRE_32)
            memcpy(&score, &(uint32_t){(uint32_t)f.value}, sizeof score);
    }
    if (!isfinite(score))
        return vmg_fail(VMG_E_FORMAT, "a piece of the SentencePiece model has a score of %g",
                        (double)score);
    if (!type)
        return vmg_fail(VMG_E_FORMAT, "a piece of the SentencePiece model is of an unknown type");
    vmg_buf_append(&seen->types, &type, 1);
    return seen->types.failed ? VMG_E_NOMEM : VMG_OK;
}

static int read_model(message m, facts *seen)
{
    field f;
    int more, rc = VMG_OK;
    while (rc == VMG_OK && (more = take_field(&m, &f)) != 0) {
        if (more < 0 || (f.number <= MODEL_NORMALIZER && f.wire != WIRE_BYTES))
            return vmg_fail(VMG_E_FORMAT, "this is no SentencePiece model, or a damaged one");
        switch (f.number) {
        case MODEL_PIECE: rc = check_piece(f.bytes, seen); break;
        case MODEL_TRAINER: rc = check_trainer(f.bytes, seen); break;
        case MODEL_NORMALIZER:
        case MODEL_DENORMALIZER: rc = check_normalizer(f.bytes, seen); break;
        }
    }
    if (rc == VMG_OK && seen->types.len == 0)
        rc = vmg_fail(VMG_E_FORMAT, "this is no SentencePiece model: it has no pieces");
    return rc;
}

int vmg_spiece_read_facts(const void *model, size_t n, vmg_spiece_facts *out)
{
    facts seen = {0};
    *out = (vmg_spiece_facts){0};
    int rc = read_model((message){model, n}, &seen);
    if (rc != VMG_OK) {
        vmg_buf_free(&seen.types);
        return rc;
    }
    out->types = (uint8_t *)seen.types.data;
    out->n = seen.types.len;
    out->by_words = seen.has_space_piece && !seen.has_inner_space && !seen.changes_spaces;
    return VMG_OK;
}

void vmg_spiece_facts_free(vmg_spiece_facts *read)
{
    if (!read)
        return;
    free(read->types);
    *read = (vmg_spiece_facts){0};
}
