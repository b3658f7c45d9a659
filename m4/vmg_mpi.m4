dnl VMG_MPI: --with-mpi links OpenMPI (or any MPI with a pkg-config file), so that several processes share a job. Not by default: what a
dnl package depends on is its maker's choice.
AC_DEFUN([VMG_MPI], [
  AC_ARG_WITH([mpi], [AS_HELP_STRING([--with-mpi], [let processes share training, lists and measuring through MPI @<:@no@:>@])],
    [], [with_mpi=no])
  vmg_mpi=no
  AS_IF([test "x$with_mpi" != xno], [
    PKG_CHECK_MODULES([MPI], [ompi-c], [vmg_mpi=yes], [
      PKG_CHECK_MODULES([MPI], [mpich], [vmg_mpi=yes],
        [VMG_MISSING([MPI], [pkg-config file ompi-c], [libopenmpi-dev], [openmpi-devel], [openmpi])])])
    AC_DEFINE([HAVE_MPI], [1], [processes may share a job through MPI])
  ])
  AM_CONDITIONAL([HAVE_MPI], [test "x$vmg_mpi" = xyes])
])
