dnl VMG_SENTENCEPIECE: the tokenizer library (C++), behind one C++ file of ours.
AC_DEFUN([VMG_SENTENCEPIECE], [
  AC_LANG_PUSH([C++])
  dnl The header needs C++17, which older compilers do not speak by default.
  vmg_saved_CXXFLAGS=$CXXFLAGS
  CXXFLAGS="$CXXFLAGS -std=c++17"
  AC_CHECK_HEADER([sentencepiece_processor.h], [],
    [VMG_MISSING([sentencepiece], [header], [libsentencepiece-dev], [sentencepiece-devel], [sentencepiece])])
  CXXFLAGS=$vmg_saved_CXXFLAGS
  AC_LANG_POP([C++])
  SENTENCEPIECE_LIBS="-lsentencepiece -lstdc++"
  AC_SUBST([SENTENCEPIECE_LIBS])
])
