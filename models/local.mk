# Networks written in host ops.
libvmg_la_SOURCES += models/weights.c models/weights.h
