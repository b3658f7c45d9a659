/* The pickle machine without its hands: builds values, records calls, makes none. */
#include "src/format/pickle.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/mem.h"
#include "src/format/bytes.h"

enum { CHUNK_VALUES = 1024 };

struct vmg_pickle_chunk {
    struct vmg_pickle_chunk *next;
    size_t n;
    vmg_pickle_value values[CHUNK_VALUES];
};

typedef struct machine {
    vmg_cursor in;
    const char *const *allowed;
    vmg_pickle *out;
    vmg_pickle_value **stack, **memo;
    size_t n_stack, stack_cap, memo_cap, n_memo; /* n_memo: MEMOIZE's next index */
    size_t *marks;
    size_t n_marks, marks_cap;
    size_t n_values, n_ops, n_appended;
    size_t op_at;
    uint8_t op;
} machine;

/* ---- failing ---- */

static int bad(const machine *m, const char *why)
{
    char shown[8] = "";
    if (isprint(m->op)) {
        shown[0] = ' ', shown[1] = '\'', shown[2] = (char)m->op, shown[3] = '\'';
    }
    return vmg_fail(VMG_E_FORMAT, "pickle opcode 0x%02x%s at byte %zu %s", m->op, shown, m->op_at,
                    why);
}

static int ends_early(const machine *m)
{
    return bad(m, "needs more bytes than are left");
}

/* ---- values and stacks ---- */

static bool holds_items(const vmg_pickle_value *v)
{
    return v->kind >= VMG_PICKLE_LIST && v->kind != VMG_PICKLE_GLOBAL;
}

static vmg_pickle_value *new_value(machine *m, enum vmg_pickle_kind kind)
{
    vmg_pickle_chunk *c = m->out->chunks;
    if (m->n_values >= VMG_PICKLE_MAX_VALUES) {
        vmg_fail(VMG_E_FORMAT, "the pickle holds more than %d values", VMG_PICKLE_MAX_VALUES);
        return NULL;
    }
    if (!c || c->n == CHUNK_VALUES) {
        c = vmg_calloc(1, sizeof *c);
        if (!c)
            return NULL;
        c->next = m->out->chunks;
        m->out->chunks = c;
    }
    m->n_values++;
    vmg_pickle_value *v = &c->values[c->n++];
    v->kind = kind;
    return v;
}

/* new_value leaves its message; the code follows from it. */
static int no_value(const machine *m)
{
    return m->n_values >= VMG_PICKLE_MAX_VALUES ? VMG_E_FORMAT : VMG_E_NOMEM;
}

static int push(machine *m, vmg_pickle_value *v)
{
    if (!v)
        return no_value(m);
    vmg_pickle_value **more = vmg_grown(m->stack, m->n_stack, &m->stack_cap, 256, sizeof *more);
    if (!more)
        return VMG_E_NOMEM;
    m->stack = more;
    m->stack[m->n_stack++] = v;
    return VMG_OK;
}

/* Values above the last mark (all, if there is none): nothing may reach below it. */
static size_t above_mark(const machine *m)
{
    return m->n_stack - (m->n_marks ? m->marks[m->n_marks - 1] : 0);
}

static vmg_pickle_value *top(const machine *m)
{
    return m->stack[m->n_stack - 1];
}

/* Honest pickles append what an opcode pushed, so the opcodes' limit bounds this as well; a list
 * recalled from the memo could be appended many times over. */
static int append(machine *m, vmg_pickle_value *to, vmg_pickle_value *const *items, size_t n)
{
    m->n_appended += n;
    if (m->n_appended > VMG_PICKLE_MAX_OPS)
        return bad(m, "makes the containers hold too much in sum");
    if (to->cap - to->n_items < n) {
        size_t cap = VMG_MAX(2 * to->cap, to->n_items + n);
        vmg_pickle_value **more = vmg_realloc(to->items, cap, sizeof *more);
        if (!more)
            return VMG_E_NOMEM;
        to->items = more;
        to->cap = cap;
    }
    memcpy(to->items + to->n_items, items, n * sizeof *items);
    to->n_items += n;
    return VMG_OK;
}

/* Replaces the top n values by a container of them. */
static int collect(machine *m, enum vmg_pickle_kind kind, size_t n)
{
    if (above_mark(m) < n)
        return bad(m, "finds too few values on the stack");
    vmg_pickle_value *v = new_value(m, kind);
    if (!v)
        return no_value(m);
    m->n_stack -= n;
    int rc = n ? append(m, v, m->stack + m->n_stack, n) : VMG_OK;
    return rc == VMG_OK ? push(m, v) : rc;
}

/* Takes the last mark away; *n = values that stood above it. */
static int pop_mark(machine *m, size_t *n)
{
    if (!m->n_marks)
        return bad(m, "finds no mark on the stack");
    *n = above_mark(m);
    m->n_marks--;
    return VMG_OK;
}

static int push_mark(machine *m)
{
    if (m->n_marks == m->marks_cap) {
        size_t cap = m->marks_cap ? 2 * m->marks_cap : 64;
        size_t *more = vmg_realloc(m->marks, cap, sizeof *more);
        if (!more)
            return VMG_E_NOMEM;
        m->marks = more;
        m->marks_cap = cap;
    }
    m->marks[m->n_marks++] = m->n_stack;
    return VMG_OK;
}

/* ---- opcodes that carry their value ---- */

/* Opcode, bytes of the length before the text, kind. */
static const struct {
    uint8_t op;
    int length_bytes;
    enum vmg_pickle_kind kind;
} texts[] = {
    {'X', 4, VMG_PICKLE_STRING},  {0x8c, 1, VMG_PICKLE_STRING}, {0x8d, 8, VMG_PICKLE_STRING},
    {'T', 4, VMG_PICKLE_STRING},  {'U', 1, VMG_PICKLE_STRING},  {'B', 4, VMG_PICKLE_BYTES},
    {'C', 1, VMG_PICKLE_BYTES},   {0x8e, 8, VMG_PICKLE_BYTES},  {0x96, 8, VMG_PICKLE_BYTES},
    {0x8a, 1, VMG_PICKLE_BIGINT}, {0x8b, 4, VMG_PICKLE_BIGINT},
};

/* Two's complement of up to 8 bytes becomes an ordinary integer. */
static void shorten_integer(vmg_pickle_value *v)
{
    uint8_t raw[8];
    if (v->text_bytes > 8)
        return;
    bool negative = v->text_bytes && ((uint8_t)v->text[v->text_bytes - 1] & 0x80);
    memset(raw, negative ? 0xff : 0, sizeof raw);
    memcpy(raw, v->text, v->text_bytes);
    v->kind = VMG_PICKLE_INT;
    v->integer = (int64_t)vmg_le_load(raw, 8);
}

/* Pushes a text value; *known is false for other opcodes. */
static int push_text(machine *m, bool *known)
{
    size_t i = 0;
    while (i < VMG_COUNT(texts) && texts[i].op != m->op)
        i++;
    *known = i < VMG_COUNT(texts);
    if (!*known)
        return VMG_OK;
    uint64_t n;
    const uint8_t *text;
    if (!vmg_cursor_le(&m->in, texts[i].length_bytes, &n) || !(text = vmg_cursor_take(&m->in, n)))
        return ends_early(m);
    vmg_pickle_value *v = new_value(m, texts[i].kind);
    if (!v)
        return no_value(m);
    v->text = (const char *)text;
    v->text_bytes = (size_t)n;
    if (v->kind == VMG_PICKLE_BIGINT)
        shorten_integer(v);
    return push(m, v);
}

static int push_integer(machine *m, enum vmg_pickle_kind kind, int64_t value)
{
    vmg_pickle_value *v = new_value(m, kind);
    if (v)
        v->integer = value;
    return push(m, v);
}

/* BINFLOAT is the one big-endian number of the format. */
static int push_float(machine *m)
{
    const uint8_t *p = vmg_cursor_take(&m->in, 8);
    if (!p)
        return ends_early(m);
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | p[i];
    vmg_pickle_value *v = new_value(m, VMG_PICKLE_FLOAT);
    if (v)
        memcpy(&v->real, &bits, sizeof bits);
    return push(m, v);
}

static int push_scalar(machine *m)
{
    uint64_t n;
    switch (m->op) {
    case 'N': return push(m, new_value(m, VMG_PICKLE_NONE));
    case 0x88: return push_integer(m, VMG_PICKLE_BOOL, 1);
    case 0x89: return push_integer(m, VMG_PICKLE_BOOL, 0);
    case 'G': return push_float(m);
    case 'J':
        return vmg_cursor_le(&m->in, 4, &n) ? push_integer(m, VMG_PICKLE_INT, (int32_t)(uint32_t)n)
                                            : ends_early(m);
    case 'K':
    case 'M':
        return vmg_cursor_le(&m->in, m->op == 'K' ? 1 : 2, &n)
                   ? push_integer(m, VMG_PICKLE_INT, (int64_t)n)
                   : ends_early(m);
    default:
        return bad(m, isprint(m->op)
                          ? "is not read here: save the file again with pickle protocol 2 "
                            "or newer"
                          : "is not read here");
    }
}

/* ---- globals and the calls that are not made ---- */

static int push_global(machine *m, const char *module, size_t n_module, const char *name,
                       size_t n_name)
{
    for (size_t i = 0; m->allowed[i]; i++) {
        const char *a = m->allowed[i];
        if (strlen(a) == n_module + 1 + n_name && !memcmp(a, module, n_module) &&
            a[n_module] == '.' && !memcmp(a + n_module + 1, name, n_name)) {
            vmg_pickle_value *v = new_value(m, VMG_PICKLE_GLOBAL);
            if (!v)
                return no_value(m);
            v->text = a;
            v->text_bytes = strlen(a);
            return push(m, v);
        }
    }
    return vmg_fail(VMG_E_UNSUPPORTED,
                    "the pickle asks for Python's %.*s.%.*s at byte %zu, which is "
                    "refused: only plain data and tensors are read",
                    (int)VMG_MIN(n_module, (size_t)120), module, (int)VMG_MIN(n_name, (size_t)120),
                    name, m->op_at);
}

/* Bytes up to the next newline, which is skipped. */
static bool take_line(machine *m, const char **text, size_t *n)
{
    const uint8_t *start = m->in.data + m->in.at;
    const uint8_t *end = memchr(start, '\n', VMG_MIN(vmg_cursor_left(&m->in), (size_t)1024));
    if (!end)
        return false;
    *text = (const char *)start;
    *n = (size_t)(end - start);
    m->in.at += *n + 1;
    return true;
}

static int op_global(machine *m)
{
    const char *module, *name;
    size_t n_module, n_name;
    if (m->op == 'c') {
        if (!take_line(m, &module, &n_module) || !take_line(m, &name, &n_name))
            return bad(m, "is not followed by two lines");
        return push_global(m, module, n_module, name, n_name);
    }
    if (above_mark(m) < 2)
        return bad(m, "finds too few values on the stack");
    const vmg_pickle_value *a = m->stack[m->n_stack - 2], *b = top(m);
    if (a->kind != VMG_PICKLE_STRING || b->kind != VMG_PICKLE_STRING)
        return bad(m, "needs two names");
    m->n_stack -= 2;
    return push_global(m, a->text, a->text_bytes, b->text, b->text_bytes);
}

/* OrderedDict() and OrderedDict([(key, value), ...]) are dictionaries. */
static int make_dict(machine *m, const vmg_pickle_value *arguments)
{
    vmg_pickle_value *d = new_value(m, VMG_PICKLE_DICT);
    if (!d)
        return no_value(m);
    if (arguments->n_items > 1 ||
        (arguments->n_items == 1 && arguments->items[0]->kind != VMG_PICKLE_LIST))
        return bad(m, "makes an OrderedDict of something else than pairs");
    const vmg_pickle_value *pairs = arguments->n_items ? arguments->items[0] : NULL;
    for (size_t i = 0; pairs && i < pairs->n_items; i++) {
        const vmg_pickle_value *pair = pairs->items[i];
        if ((pair->kind != VMG_PICKLE_LIST && pair->kind != VMG_PICKLE_TUPLE) || pair->n_items != 2)
            return bad(m, "makes an OrderedDict of something else than pairs");
        int rc = append(m, d, pair->items, 2);
        if (rc != VMG_OK)
            return rc;
    }
    return push(m, d);
}

/* REDUCE and NEWOBJ: callable, argument tuple -> a record of the call. */
static int op_call(machine *m)
{
    if (above_mark(m) < 2)
        return bad(m, "finds too few values on the stack");
    const vmg_pickle_value *callable = m->stack[m->n_stack - 2], *arguments = top(m);
    if (callable->kind != VMG_PICKLE_GLOBAL || arguments->kind != VMG_PICKLE_TUPLE)
        return bad(m, "calls something that is not a known name with a tuple");
    if (strcmp(callable->text, "collections.OrderedDict"))
        return collect(m, VMG_PICKLE_CALL, 2);
    m->n_stack -= 2;
    return make_dict(m, arguments);
}

/* BUILD: an object's state goes to its record; an OrderedDict's attributes do not matter. */
static int op_build(machine *m)
{
    if (above_mark(m) < 2)
        return bad(m, "finds too few values on the stack");
    vmg_pickle_value *state = top(m), *object = m->stack[m->n_stack - 2];
    if (object->kind != VMG_PICKLE_DICT &&
        (object->kind != VMG_PICKLE_CALL || object->n_items != 2))
        return bad(m, "sets the state of something that has none");
    m->n_stack--;
    return object->kind == VMG_PICKLE_CALL ? append(m, object, &state, 1) : VMG_OK;
}

/* ---- containers and the memo ---- */

/* Moves the top n values into the container below them. */
static int extend(machine *m, enum vmg_pickle_kind kind, size_t n)
{
    if (above_mark(m) < n + 1)
        return bad(m, "finds too few values on the stack");
    vmg_pickle_value *to = m->stack[m->n_stack - n - 1];
    if (to->kind != kind || (kind == VMG_PICKLE_DICT && n % 2))
        return bad(m, "adds to something else than it should");
    m->n_stack -= n;
    return n ? append(m, to, m->stack + m->n_stack, n) : VMG_OK;
}

static int op_container(machine *m)
{
    size_t n = 0;
    int rc = VMG_OK;
    if (m->op != 0 && strchr("tldeu1", m->op))
        rc = pop_mark(m, &n);
    else if (m->op == 0x90 || m->op == 0x91)
        rc = pop_mark(m, &n);
    if (rc != VMG_OK)
        return rc;
    switch (m->op) {
    case ')': return collect(m, VMG_PICKLE_TUPLE, 0);
    case 0x85: return collect(m, VMG_PICKLE_TUPLE, 1);
    case 0x86: return collect(m, VMG_PICKLE_TUPLE, 2);
    case 0x87: return collect(m, VMG_PICKLE_TUPLE, 3);
    case 't': return collect(m, VMG_PICKLE_TUPLE, n);
    case ']': return collect(m, VMG_PICKLE_LIST, 0);
    case 'l': return collect(m, VMG_PICKLE_LIST, n);
    case '}': return collect(m, VMG_PICKLE_DICT, 0);
    case 'd': return n % 2 ? bad(m, "has a key without a value") : collect(m, VMG_PICKLE_DICT, n);
    case 0x8f: return collect(m, VMG_PICKLE_SET, 0);
    case 0x91: return collect(m, VMG_PICKLE_SET, n);
    case 'a': return extend(m, VMG_PICKLE_LIST, 1);
    case 'e': return extend(m, VMG_PICKLE_LIST, n);
    case 's': return extend(m, VMG_PICKLE_DICT, 2);
    case 'u': return extend(m, VMG_PICKLE_DICT, n);
    case 0x90: return extend(m, VMG_PICKLE_SET, n);
    default: /* '1', POP_MARK */
        m->n_stack -= n;
        return VMG_OK;
    }
}

static int op_put(machine *m)
{
    uint64_t i = m->n_memo;
    if (m->op != 0x94 && !vmg_cursor_le(&m->in, m->op == 'q' ? 1 : 4, &i))
        return ends_early(m);
    if (!above_mark(m) || i >= VMG_PICKLE_MAX_VALUES)
        return bad(m, "remembers nothing, or under too large a number");
    if (i >= m->memo_cap) {
        size_t cap = VMG_MAX(2 * m->memo_cap, (size_t)i + 256);
        vmg_pickle_value **more = vmg_realloc(m->memo, cap, sizeof *more);
        if (!more)
            return VMG_E_NOMEM;
        memset(more + m->memo_cap, 0, (cap - m->memo_cap) * sizeof *more);
        m->memo = more;
        m->memo_cap = cap;
    }
    m->n_memo += !m->memo[i];
    m->memo[i] = top(m);
    return VMG_OK;
}

static int op_get(machine *m)
{
    uint64_t i;
    if (!vmg_cursor_le(&m->in, m->op == 'h' ? 1 : 4, &i))
        return ends_early(m);
    if (i >= m->memo_cap || !m->memo[i])
        return bad(m, "recalls what was never remembered");
    return push(m, m->memo[i]);
}

/* ---- the loop ---- */

static int step(machine *m, bool *stop)
{
    uint64_t n;
    bool known;
    int rc = push_text(m, &known);
    if (known || rc != VMG_OK)
        return rc;
    switch (m->op) {
    case 0x80: /* PROTO */
        if (!vmg_cursor_le(&m->in, 1, &n))
            return ends_early(m);
        return n <= 5 ? VMG_OK : bad(m, "asks for a pickle protocol newer than 5");
    case 0x95: /* FRAME: a hint for buffering */
        return vmg_cursor_le(&m->in, 8, &n) && n <= vmg_cursor_left(&m->in) ? VMG_OK
                                                                            : ends_early(m);
    case '.':
        *stop = above_mark(m) == 1 && !m->n_marks;
        return *stop ? VMG_OK : bad(m, "ends the pickle without exactly one value");
    case '(': return push_mark(m);
    case '0':
        if (!above_mark(m))
            return bad(m, "finds too few values on the stack");
        m->n_stack--;
        return VMG_OK;
    case '2': return above_mark(m) ? push(m, top(m)) : bad(m, "finds too few values on the stack");
    case ')': case ']': case '}': case 't': case 'l': case 'd': case 'a': case 'e': case 's':
    case 'u': case '1': case 0x85: case 0x86: case 0x87: case 0x8f: case 0x90: case 0x91:
        return op_container(m);
    case 'q': case 'r': case 0x94: return op_put(m);
    case 'h': case 'j': return op_get(m);
    case 'c': case 0x93: return op_global(m);
    case 'R': case 0x81: return op_call(m);
    case 'b': return op_build(m);
    case 'Q': return collect(m, VMG_PICKLE_PERSISTENT, 1);
    default: return push_scalar(m);
    }
}

int vmg_pickle_read(const uint8_t *data, size_t size, const char *const *allowed, vmg_pickle *out)
{
    machine m = {.in = {data, 0, size}, .allowed = allowed, .out = out};
    bool stop = false;
    int rc = VMG_OK;
    *out = (vmg_pickle){0};
    while (rc == VMG_OK && !stop) {
        m.op_at = m.in.at;
        const uint8_t *p = vmg_cursor_take(&m.in, 1);
        if (!p) {
            rc = vmg_fail(VMG_E_FORMAT, "the pickle's bytes stop at %zu, before its end", size);
        } else if (m.n_ops++ >= VMG_PICKLE_MAX_OPS) {
            rc = vmg_fail(VMG_E_FORMAT, "the pickle has more than %d opcodes", VMG_PICKLE_MAX_OPS);
        } else {
            m.op = *p;
            rc = step(&m, &stop);
        }
    }
    if (rc == VMG_OK) {
        out->root = m.stack[0];
        out->used_bytes = m.in.at;
    } else {
        vmg_pickle_free(out);
    }
    free(m.stack);
    free(m.memo);
    free(m.marks);
    return rc;
}

void vmg_pickle_free(vmg_pickle *p)
{
    if (!p)
        return;
    for (vmg_pickle_chunk *c = p->chunks, *next; c; c = next) {
        next = c->next;
        for (size_t i = 0; i < c->n; i++)
            if (holds_items(&c->values[i]))
                free(c->values[i].items);
        free(c);
    }
    *p = (vmg_pickle){0};
}

bool vmg_pickle_is(const vmg_pickle_value *v, enum vmg_pickle_kind kind, const char *text)
{
    return v->kind == kind && v->text_bytes == strlen(text) &&
           !memcmp(v->text, text, v->text_bytes);
}
