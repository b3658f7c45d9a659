dnl VMG_LIB(VAR, header, library, function, Debian, Fedora, Arch): a required C library without a
dnl dependable .pc file. Sets VAR_LIBS; a missing one ends configure with the package to install.
AC_DEFUN([VMG_LIB], [
  AC_CHECK_HEADER([$2], [], [VMG_MISSING([$3], [header $2], [$5], [$6], [$7])])
  vmg_saved_LIBS=$LIBS
  LIBS=
  AC_SEARCH_LIBS([$4], [$3], [$1_LIBS=$LIBS], [VMG_MISSING([$3], [library $3], [$5], [$6], [$7])], [-lOpenCL -lm])
  LIBS=$vmg_saved_LIBS
  AC_SUBST([$1_LIBS])
])

dnl VMG_MISSING(what, piece, Debian, Fedora, Arch)
AC_DEFUN([VMG_MISSING], [
  AC_MSG_ERROR([$1 is needed and its $2 was not found. Install it:
    Debian, Ubuntu:  apt install $3
    Fedora:          dnf install $4
    Arch:            pacman -S $5
  or run ./bootstrap, which installs everything.])
])
