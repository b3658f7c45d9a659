# The OpenCL runtime.
libvmg_la_SOURCES += \
	host/base/fs.c host/base/fs.h \
	host/base/log.c host/base/log.h \
	host/base/mem.c host/base/mem.h \
	host/base/sha256.c host/base/sha256.h \
	host/base/status.c host/base/status.h \
	host/dtype.c host/dtype.h host/quant.c host/quant.h
libvmg_la_SOURCES += \
	host/arena.c host/arena.h \
	host/base/dict.c host/base/dict.h \
	host/ctx.c host/ctx.h \
	host/device.c host/device.h \
	host/kernel.c host/kernel.h \
	host/plan.c host/plan.h \
	host/profile.c host/profile.h \
	host/program.c host/program.h \
	host/tensor.c host/tensor.h \
	host/tune.c host/tune.h host/tune_search.c host/tune_search.h
libvmg_la_SOURCES += \
	host/op/attention.c host/op/attention.h host/op/attention_impl.h host/op/attention_lanes.c host/op/attention_tiled.c
	host/op/attention.c host/op/attention.h host/op/attention_impl.h host/op/attention_lanes.c
libvmg_la_SOURCES += host/blas.c host/blas.h host/blas_params.cc host/blas_params.h
libvmg_la_SOURCES += \
	host/op/matmul.c host/op/matmul.h host/op/matmul_path.h host/op/matmul_weight.c \
	host/op/matmul_packed.c host/op/matmul_tiled.c
