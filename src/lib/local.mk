# Sources of src/lib: the public interface.
libvmg_la_SOURCES += src/lib/version.c
libvmg_la_SOURCES += src/lib/selftest.c src/lib/selftest.h src/lib/selftest_mbench.c src/lib/selftest_motion.c
