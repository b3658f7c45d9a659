# Sources of src/mbench.
libvmg_la_SOURCES += src/mbench/floating.c src/mbench/floating.h src/mbench/joints.c src/mbench/joints.h
libvmg_la_SOURCES += src/mbench/eval.c src/mbench/eval.h
libvmg_la_SOURCES += src/mbench/spectrum.c src/mbench/spectrum.h
libvmg_la_SOURCES += src/mbench/dft.c src/mbench/dft.h
