# Sources of src/lib: the public interface.
libvmg_la_SOURCES += src/lib/version.c
libvmg_la_SOURCES += src/lib/selftest.c src/lib/selftest.h src/lib/selftest_mbench.c src/lib/selftest_motion.c
libvmg_la_SOURCES += src/lib/convert_meta.c
libvmg_la_SOURCES += src/lib/convert_meta.h
libvmg_la_SOURCES += src/lib/convert_model.c
libvmg_la_SOURCES += src/lib/convert_model.h
libvmg_la_SOURCES += src/lib/golden.c src/lib/golden.h src/lib/selftest_dit.c src/lib/selftest_t5.c
libvmg_la_SOURCES += src/lib/model.c src/lib/model.h
libvmg_la_SOURCES += src/lib/generate.c src/lib/generate.h
libvmg_la_SOURCES += src/lib/embedding.c src/lib/embedding.h
libvmg_la_SOURCES += src/lib/encoder.c src/lib/encoder.h
libvmg_la_SOURCES += src/lib/embed_cache.c
libvmg_la_SOURCES += src/lib/embed_cache.h
libvmg_la_SOURCES += src/lib/selftest_device.c
libvmg_la_SOURCES += src/lib/session.c
libvmg_la_SOURCES += src/lib/encode_texts.c
libvmg_la_SOURCES += src/lib/tuning.c src/lib/tuning.h
