dnl VMG_FUZZ: --enable-fuzz builds the libFuzzer targets under tests/fuzz (needs clang).
AC_DEFUN([VMG_FUZZ], [
  AC_ARG_ENABLE([fuzz], [AS_HELP_STRING([--enable-fuzz], [build the libFuzzer targets (CC=clang)])],
    [], [enable_fuzz=no])
  AM_CONDITIONAL([ENABLE_FUZZ], [test "x$enable_fuzz" = xyes])
])
