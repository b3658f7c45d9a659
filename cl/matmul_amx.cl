/* The block product of AMX for matmul_bf16.cl. */
#if PANEL_ROWS != 32
#error "PANEL_ROWS must be 32"
#endif
#define STREAM_STEPS 2
#include "amx.cl"

#define UNIT_BEGIN() amx_begin()
#define UNIT_BLOCK(c, a, b, steps, rows, add, ahead)                                               \
    amx_block(c, a, b, steps, (rows) > 16 ? 2 : 1, add, ahead)
#define UNIT_END() amx_end()
#include "matmul_bf16.cl"
