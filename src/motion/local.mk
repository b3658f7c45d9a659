# Sources of src/motion.
libvmg_la_SOURCES += \
	src/motion/rotation.c src/motion/rotation.h \
	src/motion/skeleton.c src/motion/skeleton.h
libvmg_la_SOURCES += \
	src/motion/canonical.c src/motion/canonical.h \
	src/motion/edit.c src/motion/edit.h \
	src/motion/poses.c src/motion/poses.h \
	src/motion/rep276.c src/motion/rep276.h \
	src/motion/resample.c src/motion/resample.h \
	src/motion/smooth.c src/motion/smooth.h
