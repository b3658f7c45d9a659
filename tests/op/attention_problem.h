/* Attention problems on host and device, and their double-precision solution. */
#ifndef VMG_TESTS_OP_ATTENTION_PROBLEM_H
#define VMG_TESTS_OP_ATTENTION_PROBLEM_H

#include "host/op/attention.h"

enum { MAX_SEGMENTS = 8, N_BUCKETS = 32 };

/* One call. Rows beyond the segments belong to nobody. */
typedef struct problem {
    const char *name;
    int64_t n_heads, head_dim, n_rows, n_keys;
    int64_t pad;  /* columns beside each matrix; -1: q, k and v are views of one matrix */
    bool key_bias, rel_bias;
    float scale, magnitude; /* of q and k */
    int n_segments;
    vmg_segment segment[MAX_SEGMENTS];
} problem;

/* Host values (dense): operands, then the reference's results. `query` and `key` (n_rows, n_keys) tell which
 * rows lie in a segment. */
typedef struct call {
    const problem *p;
    int64_t cols;
    float *q, *k, *v, *key_bias, *rel_bias, *d_out;
    float *out, *lse, *dq, *dk, *dv, *d_rel_bias;
    bool *query, *key;
    vmg_tensor out_whole, lse_whole;
    vmg_attention a; /* on the device; everything around the matrices is NaN */
} call;

/* For oclgrind, thousands of times slower than a device; the tiniest for each set of tunables (a work-group computes whole tiles, so
 * segments cost more than rows). */
enum { N_TINY = 2 };
extern const problem tiny_problem, tiny_problems[N_TINY], tiniest_problem;

/* Whether this process has the time for it. */
bool suits_device(const problem *p);

/* Runs `run` with each of our own paths, whatever class the device has. */
void run_own_paths(const vmg_variants *set, void (*run)(void));

void make_call(const problem *p, call *c);
void free_call(call *c);

/* Checks problems of the AMX path with the variant "amx", one of them with each tunable set of its kernel; skips where there is
 * no such unit. */
void run_amx(const vmg_variants *set, const vmg_kernel_def *def, void (*check)(const problem *));

/* Segments as an op takes them; the host's stay the caller's. */
vmg_segments test_segments(const vmg_segment *host, int n);

/* On the device and for the reference: key 1 does not exist for who looks at it (bias -infinity). */
void mask_key(call *c);

/* The reference's operands as the AMX path rounds them; the device keeps its own. */
void round_operands(call *c);

/* Fill the reference's results: the forward pass, and then the gradients of sum(out d_out). */
void reference(call *c);
void reference_backward(call *c);

/* The rows of a read result that lie inside segments equal the reference; the others are still NaN. */
void compare_rows(const char *what, const call *c, const float *got, const float *want,
                  const bool *inside, int64_t rows, int64_t cols, double tol);

#endif
