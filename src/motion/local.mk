# Sources of src/motion.
libvmg_la_SOURCES += src/motion/rotation.c src/motion/rotation.h src/motion/skeleton.c src/motion/skeleton.h
libvmg_la_SOURCES += src/motion/canonical.c src/motion/canonical.h
libvmg_la_SOURCES += src/motion/edit.c src/motion/edit.h
libvmg_la_SOURCES += src/motion/poses.c src/motion/poses.h
libvmg_la_SOURCES += src/motion/rep276.c src/motion/rep276.h
libvmg_la_SOURCES += src/motion/resample.c src/motion/resample.h
libvmg_la_SOURCES += src/motion/smooth.c src/motion/smooth.h
libvmg_la_SOURCES += src/motion/fit.c src/motion/fit.h
libvmg_la_SOURCES += src/motion/joint_map.c src/motion/joint_map.h
libvmg_la_SOURCES += src/motion/retarget.c src/motion/retarget.h
libvmg_la_SOURCES += src/motion/pose_bvh.c src/motion/pose_bvh.h
