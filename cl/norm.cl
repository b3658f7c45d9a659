/*
 * LayerNorm and RMSNorm over rows, with affine parameters and per-group modulation.
 *
 *     n = (x - mean) / sqrt(var + eps)   or, RMS,   x / sqrt(mean(x^2) + eps)
 *     y = n * weight + bias;  y = y * (1 + scale[group]) + shift[group]
 *
 * Layout: matrices row-major, ld_* elements from row to row; forward, x is of T_X and y of T_Y (f32, f16, bf16). A work-group of WG items takes ROWS rows one after another,
 * VW columns per step; sums meet in local memory (WG floats), with WG = 1 in a register. The variance is taken in a
 * second pass over the row, which is then in the nearest cache; meanwhile a processor fetches what comes next.
 * -D: NORM_FORWARD | NORM_BACKWARD | NORM_SUMS; RMS, AFFINE_WEIGHT, AFFINE_BIAS, MODULATED, GROUPED, STATS = 0 | 1.
 */
#if !defined(WG) || !defined(VW) || !(defined(ROWS) || defined(NV))
#error "norm.cl needs -DWG -DVW and -DROWS or -DNV"
#endif

#if GROUPED
#define GROUP(r) ((long)I32(group)[r])
#else
#define GROUP(r) 0L
#endif

#if AFFINE_WEIGHT
#define WEIGHT(n, v) ((v) * LDV(n, CF32(weight), c))
#else
#define WEIGHT(n, v) (v)
#endif
#if AFFINE_BIAS
#define BIAS(n, v) ((v) + LDV(n, CF32(bias), c))
#else
#define BIAS(n, v) (v)
#endif

#if WG == 1
#define GROUP_SUM(v) (v)
#else
#define GROUP_SUM(v) group_sum(v, lanes, lid, WG)
#endif

#ifdef NORM_FORWARD

#if MODULATED
#define MODULATE(n, v) ((v) * (1.0f + LDV(n, scale_row, c)) + LDV(n, shift_row, c))
#else
#define MODULATE(n, v) (v)
#endif
#define X(n) LDTV(T_X, n, x_row, c)
#define ADD(n, s) sum_##s += X(n);
#define ADD_SQUARE(n, s)                                                                       \
    {                                                                                          \
        WILL_READ(x_row + (ld_x + c) * BYTES(T_X))                                             \
        WILL_WRITE(y_row + c * BYTES(T_Y))                                                     \
        FV(n) d = X(n) - mean;                                                                 \
        square_##s += d * d;                                                                   \
    }
#define WRITE(n, s) \
    { FV(n) v = (X(n) - mean) * inv_std; STTV(T_Y, n, MODULATE(n, BIAS(n, WEIGHT(n, v))), y_row, c); }

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void norm_forward(ALIASED(x), ALIASED(y), CTENSOR(weight), CTENSOR(bias), CTENSOR(shift), CTENSOR(scale), CTENSOR(group),
                  TENSOR(stats), long n_rows, long n_cols, long ld_x, long ld_y, long ld_shift, long ld_scale, float eps)
{
    const uint lid = get_local_id(0);
    const long first = (long)get_group_id(0) * ROWS, last = min(first + ROWS, n_rows);
#if WG > 1
    __local float lanes[WG];
#endif
    for (long r = first; r < last; r++) {
        __global const uchar *x_row = AT(x) + r * ld_x * BYTES(T_X);
        __global uchar *y_row = AT(y) + r * ld_y * BYTES(T_Y);
#if MODULATED
        __global const float *shift_row = CF32(shift) + GROUP(r) * ld_shift;
        __global const float *scale_row = CF32(scale) + GROUP(r) * ld_scale;
#endif
#if RMS
        const float mean = 0.0f;
#else
        RUNNING(sum, 0.0f)
        FOR_COLUMNS_RUNNING(ADD, n_cols, lid)
        const float mean = GROUP_SUM(RUNNING_SUM(sum)) / n_cols;
#endif
        RUNNING(square, 0.0f)
        FOR_COLUMNS_RUNNING(ADD_SQUARE, n_cols, lid)
        const float inv_std = 1.0f / sqrt(GROUP_SUM(RUNNING_SUM(square)) / n_cols + eps);
#if STATS
        if (lid == 0) {
            F32(stats)[2 * r] = mean;
            F32(stats)[2 * r + 1] = inv_std;
        }
#endif
        FOR_COLUMNS(WRITE, n_cols, lid)
    }
}
#endif

/* Gradient at y times what y = n·gain + … was multiplied with. */
#if MODULATED
#define GAIN(n, v, scale_row) ((v) * (1.0f + LDV(n, scale_row, c)))
#else
#define GAIN(n, v, scale_row) (v)
#endif

#ifdef NORM_BACKWARD
/*
 * With g = dy * (1 + scale) * weight:
 *     dx = (g - mean(g) - n * mean(g * n)) / std   (RMS: without mean(g)).
 */
#define NORMALISED(n) ((LDV(n, x_row, c) - mean) * inv_std)
#define ADD_BOTH(n, s)                                                                         \
    {                                                                                          \
        WILL_READ(x_row + ld_x + c)                                                            \
        WILL_READ(dy_row + ld_dy + c)                                                          \
        WILL_WRITE(dx_row + c)                                                                 \
        FV(n) g = GAIN(n, WEIGHT(n, LDV(n, dy_row, c)), scale_row);                            \
        sum_##s += g;                                                                          \
        product_##s += g * NORMALISED(n);                                                      \
    }
#define WRITE(n, s) \
    {                                                                                          \
        FV(n) g = GAIN(n, WEIGHT(n, LDV(n, dy_row, c)), scale_row);                            \
        STV(n, inv_std * (g - mean_g - NORMALISED(n) * mean_gn), dx_row, c);                   \
    }

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void norm_backward(CTENSOR(x), CTENSOR(stats), ALIASED(dy), ALIASED(dx), CTENSOR(weight), CTENSOR(scale), CTENSOR(group),
                   long n_rows, long n_cols, long ld_x, long ld_dy, long ld_dx, long ld_scale)
{
    const uint lid = get_local_id(0);
    const long first = (long)get_group_id(0) * ROWS, last = min(first + ROWS, n_rows);
#if WG > 1
    __local float lanes[WG];
#endif
    for (long r = first; r < last; r++) {
        __global const float *x_row = CF32(x) + r * ld_x;
        __global const float *dy_row = CF32(dy) + r * ld_dy;
        __global float *dx_row = F32(dx) + r * ld_dx;
#if MODULATED
        __global const float *scale_row = CF32(scale) + GROUP(r) * ld_scale;
#endif
        const float mean = CF32(stats)[2 * r], inv_std = CF32(stats)[2 * r + 1];
        RUNNING(sum, 0.0f)
        RUNNING(product, 0.0f)
        FOR_COLUMNS_RUNNING(ADD_BOTH, n_cols, lid)
#if RMS
        const float mean_g = 0.0f;
#else
        const float mean_g = GROUP_SUM(RUNNING_SUM(sum)) / n_cols;
#endif
        const float mean_gn = GROUP_SUM(RUNNING_SUM(product)) / n_cols;
        FOR_COLUMNS(WRITE, n_cols, lid)
    }
}
#endif

#ifdef NORM_SUMS
/*
 * Column sums for the parameters' gradients, over one part of one group's rows:
 *     sums[0] = sum q,   sums[1] = sum q * (n * weight + bias),   q = dy * (1 + scale)
 * Shift and scale: MODULATED 0, per group. Weight and bias: AFFINE_* 0, all rows (GROUPED picks scale's row).
 * A work-group owns WG*VW*NV columns and walks its rows in order, four at a time, so that running sums that lie in memory are
 * read and written less; dimension 1 is the group, 2 the part. The parts, (2, n_parts, G, C) in `sums`, are added in a second
 * kernel (reduce.cl, fold_parts), so the order of summation is fixed.
 * -DPER_GROUP = 0 | 1: whether groups are summed apart.
 */
typedef struct row {
    __global const float *x, *dy, *scale;
    float mean, inv_std;
} row;

#define NORMALISED_AT(n) ((LDV(n, at[k].x, c) - at[k].mean) * at[k].inv_std)
/* The terms of M rows into s and p. */
#define ADD_TERMS(n, M, s, p)                                                                                      \
    {                                                                                                              \
        FV(n) s_rows = 0.0f, p_rows = 0.0f;                                                                        \
        _Pragma("unroll") for (int k = 0; k < M; k++)                                                              \
        {                                                                                                          \
            const FV(n) q = GAIN(n, LDV(n, at[k].dy, c), at[k].scale);                                             \
            s_rows += q;                                                                                           \
            p_rows += q * BIAS(n, WEIGHT(n, NORMALISED_AT(n)));                                                    \
        }                                                                                                          \
        s += s_rows;                                                                                               \
        p += p_rows;                                                                                               \
    }
#define ADD_ROWS(M)                                                                                                \
    {                                                                                                              \
        row at[M];                                                                                                 \
        _Pragma("unroll") for (int k = 0; k < M; k++)                                                              \
            at[k] = (row){CF32(x) + (r + k) * ld_x, CF32(dy) + (r + k) * ld_dy, SCALE_ROW(r + k),                  \
                          CF32(stats)[2 * (r + k)], CF32(stats)[2 * (r + k) + 1]};                                 \
        EACH_OWN(j, ADD_TERMS(VW, M, sum[j], product[j]))                                                          \
        EACH_LEFT(k_left, ADD_TERMS(1, M, left[k_left], left_product[k_left]))                                     \
    }
#if MODULATED
#define SCALE_ROW(r) CF32(scale) + GROUP(r) * ld_scale
#else
#define SCALE_ROW(r) 0
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1)))
void norm_sums(CTENSOR(x), CTENSOR(stats), CTENSOR(dy), CTENSOR(weight), CTENSOR(bias), CTENSOR(scale), CTENSOR(group),
               TENSOR(sums), long n_rows, long n_cols, long n_groups, long n_parts, long ld_x, long ld_dy, long ld_scale)
{
    const long g = get_global_id(1), part = get_global_id(2);
    long begin = 0, end = n_rows;
#if PER_GROUP
    begin = lower_bound(I32(group), n_rows, g);
    end = lower_bound(I32(group), n_rows, g + 1);
#endif
    const long first = begin + (end - begin) * part / n_parts, last = begin + (end - begin) * (part + 1) / n_parts;
    __global float *to = F32(sums) + (part * n_groups + g) * n_cols;
    __global float *to_product = to + n_parts * n_groups * n_cols;
    OWN_COLUMNS(n_cols)
    FV(VW) sum[NV], product[NV];
    float left[VW], left_product[VW];
    EACH_OWN(j, sum[j] = product[j] = 0.0f;)
    EACH_LEFT(k, left[k] = left_product[k] = 0.0f;)
    long r = first;
    for (; r + 4 <= last; r += 4)
        ADD_ROWS(4)
    for (; r < last; r++)
        ADD_ROWS(1)
    EACH_OWN(j, STV(VW, sum[j], to, c); STV(VW, product[j], to_product, c);)
    EACH_LEFT(k, to[c] = left[k]; to_product[c] = left_product[k];)
}
#endif
