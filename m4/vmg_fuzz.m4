dnl VMG_FUZZ: --enable-fuzz builds the libFuzzer targets under tests/fuzz (needs clang), and the library
dnl with the coverage and the sanitizers that they need. Not for --enable-sanitize at the same time.
AC_DEFUN([VMG_FUZZ], [
  AC_ARG_ENABLE([fuzz],
    [AS_HELP_STRING([--enable-fuzz], [build the libFuzzer targets (with CC=clang CXX=clang++)])],
    [], [enable_fuzz=no])
  AS_IF([test "x$enable_fuzz" = xyes], [
    vmg_fuzz_flags="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
    vmg_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS $vmg_fuzz_flags"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [],
      [AC_MSG_ERROR([--enable-fuzz needs clang with its libFuzzer: configure with CC=clang CXX=clang++])])
    CFLAGS=$vmg_saved_CFLAGS
    VMG_CFLAGS="$VMG_CFLAGS $vmg_fuzz_flags -g"
    dnl C programs link our C++ file: clang's vptr check would need a C++ link.
    VMG_CXXFLAGS="$VMG_CXXFLAGS $vmg_fuzz_flags -fno-sanitize=vptr -g"
    VMG_LDFLAGS="$VMG_LDFLAGS -fsanitize=address,undefined"
  ])
  AM_CONDITIONAL([ENABLE_FUZZ], [test "x$enable_fuzz" = xyes])
])
