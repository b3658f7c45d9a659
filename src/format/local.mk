# Sources of src/format.
libvmg_la_SOURCES += \
	src/format/bytes.h \
	src/format/gguf.c src/format/gguf.h \
	src/format/npy.c src/format/npy.h \
	src/format/pickle.c src/format/pickle.h \
	src/format/pynumpy.c \
	src/format/pyobject.c src/format/pyobject.h \
	src/format/safetensors.c src/format/safetensors.h \
	src/format/source.c src/format/source.h \
	src/format/strided.c src/format/strided.h \
	src/format/torch.c src/format/torch.h \
	src/format/weights_file.c src/format/weights_file.h \
	src/format/write_gguf.c \
	src/format/write_safetensors.c \
	src/format/write_torch.c \
	src/format/writer.c src/format/writer.h src/format/writer_formats.h \
	src/format/zip.c src/format/zip.h src/format/zip_write.c
