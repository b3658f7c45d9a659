/*
 * Rows picked from a table by index: token embeddings and their gradient, positions.
 *
 * A work-group of WG items takes ROWS rows one after another, its items along the columns. No local memory. Addresses are
 * valid on both sides of a condition: llvmpipe loads on the side not taken, too.
 */
#if !defined(WG) || !defined(VW) || !defined(ROWS)
#error "embed.cl needs -DWG -DVW -DROWS"
#endif

#define FOR_ROWS(n_rows) \
    for (long r = (long)get_group_id(0) * ROWS, last = min(r + ROWS, (long)(n_rows)); r < last; r++)

#ifdef EMBED
/* out[r,:] = table[ids[r],:] (zeros for an id outside), T_TABLE its dtype. */
#define STORE(n, s) \
    STV(n, inside ? LDTV(T_TABLE, n, AT(table), id * n_cols + c) : (FV(n))(0.0f), F32(out) + r * n_cols, c);
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void embed(CTENSOR(table), CTENSOR(ids), TENSOR(out), long n_rows, long n_cols, long n_table)
{
    FOR_ROWS(n_rows) {
        const bool inside = I32(ids)[r] >= 0 && I32(ids)[r] < n_table;
        const long id = inside ? I32(ids)[r] : 0;
        FOR_COLUMNS(STORE, n_cols, get_local_id(0))
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
        const bool inside = id >= 0 && id < n_table;
        bool mine = inside;
        for (long k = 0; mine && k < r; k++)
            mine = I32(ids)[k] != id;
        if (mine) {
            __global float *to = F32(d_table) + (inside ? id : 0) * n_cols;
            FOR_COLUMNS(SUM_ROWS, n_cols, get_local_id(0))
        }
    }
}
#endif

#ifdef ADD_POSITION
/* x[r,:] += table[pos[r],:] (nothing for a position outside). */
#define STORE(n, s) STV(n, LDV(n, x_row, c) + (inside ? LDV(n, table_row, c) : (FV(n))(0.0f)), x_row, c);
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void add_position(TENSOR(x), CTENSOR(table), CTENSOR(pos), long n_rows, long n_cols, long n_table)
{
    FOR_ROWS(n_rows) {
        const bool inside = I32(pos)[r] >= 0 && I32(pos)[r] < n_table;
        __global float *x_row = F32(x) + r * n_cols;
        __global const float *table_row = CF32(table) + (inside ? I32(pos)[r] : 0) * n_cols;
        FOR_COLUMNS(STORE, n_cols, get_local_id(0))
    }
}
#endif
