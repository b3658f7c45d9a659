/*
 * scale[i] = the power of two that brings the largest |value| of row i of x (I,K), of any dtype T_X, into
 * [0.5, 1); 1 for a row of zeros. A work-group of WG items a row; local memory: WG floats.
 */
#if !defined(WG) || !defined(T_X)
#error "WG and T_X must be defined"
#endif
/* Beyond these a row of float's smallest numbers would be multiplied by infinity. */
#define MOST 100

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void
row_scales(CTENSOR(x), TENSOR(scale), long K, long ld)
{
    __local float lanes[WG];
    const int lid = get_local_id(0);
    const long row = get_group_id(0);
    float most = 0.0f;
    for (long k = lid; k < K; k += WG)
        most = fmax(most, fabs(LD(T_X, AT(x), (ulong)(row * ld + k))));
    most = group_max(most, lanes, lid, WG);
    if (lid == 0) {
        int exponent = 0;
        if (isfinite(most))
            frexp(most, &exponent);
        F32(scale)[row] = ldexp(1.0f, clamp(-exponent, -MOST, MOST));
    }
}
