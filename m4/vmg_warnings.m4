dnl VMG_WARNINGS: the warnings the sources are kept clean of, in VMG_CFLAGS. --enable-werror for CI.
AC_DEFUN([VMG_WARNINGS], [
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
    [], [enable_werror=no])
  VMG_CFLAGS="-std=gnu11 -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla"
  dnl Host numbers do not depend on whether the processor can fuse a product and a sum.
  VMG_CFLAGS="$VMG_CFLAGS -ffp-contract=off"
  VMG_CXXFLAGS="-std=c++17 -Wall -Wextra -Wshadow"
  AS_IF([test "x$enable_werror" = xyes],
    [VMG_CFLAGS="$VMG_CFLAGS -Werror"; VMG_CXXFLAGS="$VMG_CXXFLAGS -Werror"])
  AC_SUBST([VMG_CFLAGS])
  AC_SUBST([VMG_CXXFLAGS])
])
