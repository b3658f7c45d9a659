dnl VMG_SANITIZE: --enable-sanitize builds everything with AddressSanitizer and UBSan.
AC_DEFUN([VMG_SANITIZE], [
  AC_ARG_ENABLE([sanitize],
    [AS_HELP_STRING([--enable-sanitize], [build with AddressSanitizer and UndefinedBehaviorSanitizer])],
    [], [enable_sanitize=no])
  vmg_sanitize=$enable_sanitize
  AS_IF([test "x$enable_sanitize" = xyes], [
    VMG_CFLAGS="$VMG_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g"
    dnl C programs link our C++ file: clang's vptr check would need a C++ link.
    VMG_CXXFLAGS="$VMG_CXXFLAGS -fsanitize=address,undefined -fno-sanitize=vptr -fno-omit-frame-pointer -g"
    VMG_LDFLAGS="-fsanitize=address,undefined"
  ])
  AC_SUBST([VMG_LDFLAGS])
])
