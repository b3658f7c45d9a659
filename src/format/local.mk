# Sources of src/format.
libvmg_la_SOURCES += src/format/bytes.h
libvmg_la_SOURCES += src/format/gguf.c src/format/gguf.h
libvmg_la_SOURCES += src/format/npy.c src/format/npy.h
libvmg_la_SOURCES += src/format/pickle.c src/format/pickle.h
libvmg_la_SOURCES += src/format/pynumpy.c
libvmg_la_SOURCES += src/format/pyobject.c src/format/pyobject.h
libvmg_la_SOURCES += src/format/safetensors.c src/format/safetensors.h
libvmg_la_SOURCES += src/format/source.c src/format/source.h
libvmg_la_SOURCES += src/format/strided.c src/format/strided.h
libvmg_la_SOURCES += src/format/torch.c src/format/torch.h
libvmg_la_SOURCES += src/format/weights_file.c src/format/weights_file.h
libvmg_la_SOURCES += src/format/write_gguf.c
libvmg_la_SOURCES += src/format/write_safetensors.c
libvmg_la_SOURCES += src/format/write_torch.c
libvmg_la_SOURCES += src/format/writer.c src/format/writer.h
libvmg_la_SOURCES += src/format/writer_formats.h
libvmg_la_SOURCES += src/format/zip.c src/format/zip.h
libvmg_la_SOURCES += src/format/zip_write.c
libvmg_la_SOURCES += \
	src/format/bvh.c src/format/bvh.h src/format/bvh_write.c \
	src/format/bytes.h \
	src/format/gguf.c src/format/gguf.h \
	src/format/npy.c src/format/npy.h \
	src/format/number.c src/format/number.h \
	src/format/pickle.c src/format/pickle.h \
	src/format/pynumpy.c \
	src/format/pyobject.c src/format/pyobject.h \
	src/format/safetensors.c src/format/safetensors.h \
	src/format/source.c src/format/source.h \
	src/format/strided.c src/format/strided.h \
	src/format/torch.c src/format/torch.h \
	src/format/weights_file.c src/format/weights_file.h \
	src/format/zip.c src/format/zip.h src/format/zip_write.c
