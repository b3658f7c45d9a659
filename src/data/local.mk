# Sources of src/data, one a line: merges are by union.
libvmg_la_SOURCES += src/data/prompts.c
libvmg_la_SOURCES += src/data/prompts.h
libvmg_la_SOURCES += src/data/dataset.h
libvmg_la_SOURCES += src/data/window.c
libvmg_la_SOURCES += src/data/window.h
