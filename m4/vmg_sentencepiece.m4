dnl VMG_SENTENCEPIECE: the tokenizer library (C++), behind one C++ file of ours.
AC_DEFUN([VMG_SENTENCEPIECE], [
  AC_LANG_PUSH([C++])
  AC_CHECK_HEADER([sentencepiece_processor.h], [],
    [VMG_MISSING([sentencepiece], [header], [libsentencepiece-dev], [sentencepiece-devel], [sentencepiece])])
  AC_LANG_POP([C++])
  SENTENCEPIECE_LIBS="-lsentencepiece -lstdc++"
  AC_SUBST([SENTENCEPIECE_LIBS])
])
