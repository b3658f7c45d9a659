dnl VMG_MPI: --with-mpi links OpenMPI (or any MPI with a pkg-config file) for training on several machines.
AC_DEFUN([VMG_MPI], [
  AC_ARG_WITH([mpi], [AS_HELP_STRING([--with-mpi], [train on several processes through MPI @<:@no@:>@])],
    [], [with_mpi=no])
  vmg_mpi=no
  AS_IF([test "x$with_mpi" != xno], [
    PKG_CHECK_MODULES([MPI], [ompi-c], [vmg_mpi=yes], [
      PKG_CHECK_MODULES([MPI], [mpich], [vmg_mpi=yes],
        [VMG_MISSING([MPI], [pkg-config file ompi-c], [libopenmpi-dev], [openmpi-devel], [openmpi])])])
    AC_DEFINE([HAVE_MPI], [1], [training may use MPI])
  ])
  AM_CONDITIONAL([HAVE_MPI], [test "x$vmg_mpi" = xyes])
])
