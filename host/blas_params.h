/* CLBlast's parameters of a device, which its C interface cannot tell. */
#ifndef VMG_HOST_BLAS_PARAMS_H
#define VMG_HOST_BLAS_PARAMS_H

#include <CL/cl.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Value of parameter `name` ("MWG") of the single-precision kernel `kernel` ("Xgemm") on this
 * device; -1 when CLBlast does not know it. */
long vmg_blas_param(cl_device_id device, const char *kernel, const char *name);

#ifdef __cplusplus
}
#endif

#endif
