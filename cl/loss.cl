/*
 * Masked, weighted mean squared error and its gradient.
 *
 *     e = pred - target;  w = row_weight[r] * col_weight[c] * mask[r,c];  d_pred = 2 e w / denominator
 *     sums[p] = sum of e^2 w over part p of n_parts of the rows
 *
 * A work-group of WG items takes one part; its items go along the columns, VW per step. Local memory: WG floats.
 * -D: MASKED, GRADIENT = 0 | 1.
 */
#if !defined(WG) || !defined(VW)
#error "loss.cl needs -DWG -DVW"
#endif

#if MASKED
#define MASK(n) * LDV(n, CF32(mask) + r * n_cols, c)
#else
#define MASK(n)
#endif
#if GRADIENT
#define STORE(n) STV(n, two_over * e * w, F32(d_pred) + r * n_cols, c);
#else
#define STORE(n)
#endif
#define ADD(n, s)                                                                                     \
    {                                                                                                 \
        const FV(n) e = LDV(n, CF32(pred) + r * n_cols, c) - LDV(n, CF32(target) + r * n_cols, c);    \
        const FV(n) w = row * LDV(n, CF32(col_weight), c) MASK(n);                                    \
        sum_##s += e * e * w;                                                                         \
        STORE(n)                                                                                      \
    }

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void mse(CTENSOR(pred), CTENSOR(target), CTENSOR(row_weight), CTENSOR(col_weight), CTENSOR(mask), TENSOR(d_pred),
         TENSOR(sums), long n_rows, long n_cols, long n_parts, float two_over)
{
    const uint lid = get_local_id(0);
    const long part = get_group_id(0), first = n_rows * part / n_parts, last = n_rows * (part + 1) / n_parts;
    FV(VW) sum_v = 0.0f;
    float sum_t = 0.0f;
    for (long r = first; r < last; r++) {
        const float row = CF32(row_weight)[r];
        FOR_COLUMNS(ADD, n_cols, lid)
    }
    float sum = SUMV(VW, sum_v) + sum_t;
#if WG > 1
    __local float lanes[WG];
    sum = group_sum(sum, lanes, lid, WG);
#endif
    if (lid == 0)
        F32(sums)[part] = sum;
}
