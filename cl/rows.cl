/*
 * Moving rows of matrices by index: GATHER out[r] = x[index[r]] (zeros for an index outside x), SCATTER
 * out[index[r]] = x[r], SCATTER_ACC out[index[r]] += x[r] (an index outside out is skipped).
 *
 * A work-group of WG items takes ROWS indices one after another, its items along the columns.
 */
#if !defined(WG) || !defined(VW) || !defined(ROWS)
#error "rows.cl needs -DWG -DVW -DROWS"
#endif

#ifdef GATHER
#define FROM i
#define TO r
#else
#define FROM r
#define TO i
#endif
#ifdef SCATTER_ACC
#define MOVE(n, s) STV(n, LDV(n, to, c) + LDV(n, from, c), to, c);
#else
#define MOVE(n, s) STV(n, LDV(n, from, c), to, c);
#endif
#define CLEAR(n, s) STV(n, (FV(n))(0.0f), to, c);

/* n_indexed: rows of the matrix that the indices point into. */
__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void move_rows(CTENSOR(x), CTENSOR(index), TENSOR(out), long n_rows, long n_cols, long ld_x, long ld_out,
               long n_indexed)
{
    const int lid = get_local_id(0);
    const long first = (long)get_group_id(0) * ROWS, last = min(first + ROWS, n_rows);
    for (long r = first; r < last; r++) {
        const int wanted = I32(index)[r];
        const bool inside = wanted >= 0 && wanted < n_indexed;
        const long i = inside ? wanted : 0; /* llvmpipe computes addresses of branches not taken */
        if (inside) {
            __global const float *from = CF32(x) + FROM * ld_x;
            __global float *to = F32(out) + TO * ld_out;
            FOR_COLUMNS(MOVE, n_cols, lid)
        }
#ifdef GATHER
        if (!inside) {
            __global float *to = F32(out) + r * ld_out;
            FOR_COLUMNS(CLEAR, n_cols, lid)
        }
#endif
    }
}
