/*
 * The epilogue on its own, for products that a library computed: out (M,N) = epilogue(y (M,N)), y
 * may be out. One item per element, rows along dimension 1.
 */
#include "matmul_epilogue.cl"
EPILOGUE_FUNCTION(finish1, 1)

__kernel void matmul_finish(EPI_TENSOR(y), EPILOGUE_PARAMS, long y_ld)
{
    const epilogue e = EPILOGUE_INIT;
    const long n = get_global_id(0), m = get_global_id(1);
    if (n < e.cols)
        finish1(&e, m, n, ((__global const float *)AT(y))[m * y_ld + n]);
}
