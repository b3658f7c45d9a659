dnl VMG_OPENBLAS: OpenBLAS, only for comparison in bench/. Never linked by the library.
AC_DEFUN([VMG_OPENBLAS], [
  vmg_openblas=no
  PKG_CHECK_MODULES([OPENBLAS], [openblas], [
    vmg_openblas=yes
    AC_DEFINE([HAVE_OPENBLAS], [1], [bench/ may compare with OpenBLAS])
  ], [OPENBLAS_LIBS=; OPENBLAS_CFLAGS=])
  AM_CONDITIONAL([HAVE_OPENBLAS], [test "x$vmg_openblas" = xyes])
])
