# Sources of src/motion.
libvmg_la_SOURCES += \
	src/motion/rotation.c src/motion/rotation.h \
	src/motion/skeleton.c src/motion/skeleton.h
