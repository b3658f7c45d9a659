/*
 * Gaussian smoothing along time: width 5, sigma 1, normalised. The first and last two rows of a segment are copied.
 *
 *     y[r] = w0*x[r] + w1*(x[r-1] + x[r+1]) + w2*(x[r-2] + x[r+2]),   w_k = exp(-k^2/2) / sum
 *
 * A work-group of WG items takes ROWS rows one after another, its items along the columns. No local memory.
 */
#if !defined(WG) || !defined(VW) || !defined(ROWS)
#error "filter.cl needs -DWG -DVW -DROWS"
#endif

#define W0 0.40261994689424746f
#define W1 0.24420134200323332f
#define W2 0.05448868454964294f

/* Rows outside the segment are not touched: `step` is 0 at its ends. */
#define AT_ROW(n, k) LDV(n, row + (k) * step, c)
#define SMOOTH(n) \
    (W0 * AT_ROW(n, 0) + W1 * (AT_ROW(n, -1) + AT_ROW(n, 1)) + W2 * (AT_ROW(n, -2) + AT_ROW(n, 2)))
#define STORE(n, s) STV(n, inner ? SMOOTH(n) : AT_ROW(n, 0), F32(y) + r * n_cols, c);

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void gaussian_time(CTENSOR(x), CTENSOR(starts), TENSOR(y), long n_rows, long n_cols, long n_segments)
{
    for (long r = (long)get_group_id(0) * ROWS, last = min(r + ROWS, n_rows); r < last; r++) {
        __global const float *row = CF32(x) + r * n_cols;
        /* The segment is the one before the first start that lies beyond r. */
        const long next = lower_bound(I32(starts), n_segments + 1, (int)r + 1);
        const long s = clamp(next - 1, 0L, n_segments - 1);
        const bool inner = next > 0 && next <= n_segments && r - I32(starts)[s] >= 2 && I32(starts)[s + 1] - r > 2;
        const long step = inner ? n_cols : 0;
        FOR_COLUMNS(STORE, n_cols, get_local_id(0))
    }
}
