dnl VMG_OPENCL: the OpenCL ICD loader and its headers. Sets OPENCL_LIBS.
AC_DEFUN([VMG_OPENCL], [
  AC_CHECK_HEADER([CL/cl.h], [],
    [VMG_MISSING([OpenCL], [header CL/cl.h], [opencl-headers], [opencl-headers], [opencl-headers])],
    [#define CL_TARGET_OPENCL_VERSION 120])
  vmg_saved_LIBS=$LIBS
  AC_CHECK_LIB([OpenCL], [clGetPlatformIDs], [OPENCL_LIBS=-lOpenCL],
    [VMG_MISSING([OpenCL], [ICD loader], [ocl-icd-opencl-dev], [ocl-icd-devel], [ocl-icd])])
  LIBS=$vmg_saved_LIBS
  AC_SUBST([OPENCL_LIBS])
])
