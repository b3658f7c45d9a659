# Sources of src/lib: the public interface.
libvmg_la_SOURCES += src/lib/version.c
libvmg_la_SOURCES += src/lib/selftest.h
