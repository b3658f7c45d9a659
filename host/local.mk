# The OpenCL runtime.
libvmg_la_SOURCES += \
	host/base/fs.c host/base/fs.h \
	host/base/log.c host/base/log.h \
	host/base/mem.c host/base/mem.h \
	host/base/sha256.c host/base/sha256.h \
	host/base/status.c host/base/status.h \
	host/dtype.c host/dtype.h host/quant.c host/quant.h
