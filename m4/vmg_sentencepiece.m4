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
  dnl Training of vocabularies is a library of its own.
  SENTENCEPIECE_LIBS="-lsentencepiece_train -lsentencepiece"
  dnl For C programs: libtool leaves the C++ runtime to the C++ compiler, which does not link them.
  AC_SEARCH_LIBS([__gxx_personality_v0], [stdc++ c++], [],
    [AC_MSG_ERROR([sentencepiece is a C++ library and the C++ runtime was not found: install g++])])
  AC_SUBST([SENTENCEPIECE_LIBS])
])
