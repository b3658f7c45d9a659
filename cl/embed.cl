/*
 * Rows picked from a table by index: token embeddings and their gradient, positions.
 *
 * A work-group of WG items takes ROWS rows one after another, its items along the columns. No local memory.
 */
#if !defined(WG) || !defined(VW) || !defined(ROWS)
#error "embed.cl needs -DWG -DVW -DROWS"
#endif

#define FOR_ROWS(n_rows) \
    for (long r = (long)get_group_id(0) * ROWS, last = min(r + ROWS, (long)(n_rows)); r < last; r++)

#ifdef EMBED
/* out[r,:] = table[ids[r],:] (zeros for an id outside), T_TABLE its dtype. */
#define STORE(n, s) STV(n, LDTV(T_TABLE, n, AT(table), id * n_cols + c), F32(out) + r * n_cols, c);
#define CLEAR(n, s) STV(n, (FV(n))(0.0f), F32(out) + r * n_cols, c);
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void embed(CTENSOR(table), CTENSOR(ids), TENSOR(out), long n_rows, long n_cols, long n_table)
{
    FOR_ROWS(n_rows) {
        const long id = I32(ids)[r];
        if (id >= 0 && id < n_table) {
            FOR_COLUMNS(STORE, n_cols, get_local_id(0))
        } else {
            FOR_COLUMNS(CLEAR, n_cols, get_local_id(0))
        }
    }
}
#endif

#ifdef EMBED_BACKWARD
/*
 * d_table[id,:] += sum of dy[r,:] over rows r with ids[r] = id, in row order. The first row of each id does the work of
 * all of them, so no two work-groups touch the same memory. n_rows^2/2 comparisons: meant for some thousand rows.
 */
#define SUM_ROWS(n, s)                                             \
    {                                                              \
        FV(n) sum = 0.0f;                                          \
        for (long k = r; k < n_rows; k++)                          \
            if (I32(ids)[k] == id)                                 \
                sum += LDV(n, CF32(dy) + k * n_cols, c);           \
        STV(n, sum + LDV(n, to, c), to, c);                        \
    }
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void embed_backward(CTENSOR(ids), CTENSOR(dy), TENSOR(d_table), long n_rows, long n_cols, long n_table)
{
    FOR_ROWS(n_rows) {
        const int id = I32(ids)[r];
        bool mine = id >= 0 && id < n_table;
        for (long k = 0; mine && k < r; k++)
            mine = I32(ids)[k] != id;
        if (mine) {
            __global float *to = F32(d_table) + id * n_cols;
            FOR_COLUMNS(SUM_ROWS, n_cols, get_local_id(0))
        }
    }
}
#endif

#ifdef ADD_POSITION
/* x[r,:] += table[pos[r],:] (nothing for a position outside). */
#define STORE(n, s) STV(n, LDV(n, x_row, c) + LDV(n, table_row, c), x_row, c);
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void add_position(TENSOR(x), CTENSOR(table), CTENSOR(pos), long n_rows, long n_cols, long n_table)
{
    FOR_ROWS(n_rows) {
        const long p = I32(pos)[r];
        if (p >= 0 && p < n_table) {
            __global float *x_row = F32(x) + r * n_cols;
            __global const float *table_row = CF32(table) + p * n_cols;
            FOR_COLUMNS(STORE, n_cols, get_local_id(0))
        }
    }
}
#endif
