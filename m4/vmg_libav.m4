dnl VMG_LIBAV: FFmpeg's libraries, for films (.mp4, .gif). Optional: --without-libav, or a message without them.
AC_DEFUN([VMG_LIBAV], [
  AC_ARG_WITH([libav], [AS_HELP_STRING([--without-libav], [build without films (.mp4, .gif)])],
    [], [with_libav=check])
  vmg_libav=no
  AS_IF([test "x$with_libav" != xno], [
    PKG_CHECK_MODULES([LIBAV], [libavformat >= 58 libavcodec >= 58 libswscale libavutil], [vmg_libav=yes], [
      AS_IF([test "x$with_libav" = xyes],
        [VMG_MISSING([FFmpeg], [library libavcodec], [libavcodec-dev libavformat-dev libswscale-dev], [ffmpeg-free-devel], [ffmpeg])],
        [AC_MSG_WARN([without FFmpeg's libraries, vimogen render makes no .mp4 and .gif: install libavcodec-dev libavformat-dev libswscale-dev (Fedora: ffmpeg-free-devel, Arch: ffmpeg)])])])
  ])
  AS_IF([test "x$vmg_libav" = xyes], [AC_DEFINE([HAVE_LIBAV], [1], [FFmpeg's libraries make films])])
])
