# The OpenCL runtime.
libvmg_la_SOURCES += host/base/fs.c host/base/fs.h
libvmg_la_SOURCES += host/base/log.c host/base/log.h
libvmg_la_SOURCES += host/base/mem.c host/base/mem.h
libvmg_la_SOURCES += host/base/sha256.c host/base/sha256.h
libvmg_la_SOURCES += host/base/status.c host/base/status.h
libvmg_la_SOURCES += host/dtype.c host/dtype.h
libvmg_la_SOURCES += host/quant.c host/quant.h
libvmg_la_SOURCES += host/arena.c host/arena.h
libvmg_la_SOURCES += host/base/dict.c host/base/dict.h
libvmg_la_SOURCES += host/ctx.c host/ctx.h
libvmg_la_SOURCES += host/device.c host/device.h
libvmg_la_SOURCES += host/kernel.c host/kernel.h
libvmg_la_SOURCES += host/plan.c host/plan.h
libvmg_la_SOURCES += host/profile.c host/profile.h
libvmg_la_SOURCES += host/program.c host/program.h
libvmg_la_SOURCES += host/tensor.c host/tensor.h
libvmg_la_SOURCES += host/tune.c host/tune.h
libvmg_la_SOURCES += host/tune_search.c host/tune_search.h
libvmg_la_SOURCES += host/op/attention.c host/op/attention.h
libvmg_la_SOURCES += host/op/attention_impl.h
libvmg_la_SOURCES += host/op/attention_lanes.c
libvmg_la_SOURCES += host/op/attention_tiled.c
libvmg_la_SOURCES += host/blas.c host/blas.h
libvmg_la_SOURCES += host/blas_params.cc host/blas_params.h
libvmg_la_SOURCES += host/op/matmul.c host/op/matmul.h
libvmg_la_SOURCES += host/op/matmul_path.h
libvmg_la_SOURCES += host/op/matmul_weight.c
libvmg_la_SOURCES += host/op/matmul_packed.c
libvmg_la_SOURCES += host/op/matmul_tiled.c
libvmg_la_SOURCES += host/op/matmul_amx.c
libvmg_la_SOURCES += host/op/elementwise.c host/op/elementwise.h
libvmg_la_SOURCES += host/op/embed.c host/op/embed.h
libvmg_la_SOURCES += host/op/filter.c host/op/filter.h
libvmg_la_SOURCES += host/op/grid.c host/op/grid.h
libvmg_la_SOURCES += host/op/loss.c host/op/loss.h
libvmg_la_SOURCES += host/op/norm.c host/op/norm.h
libvmg_la_SOURCES += host/op/optim.c host/op/optim.h
libvmg_la_SOURCES += host/op/random.c host/op/random.h
libvmg_la_SOURCES += host/op/reduce.c host/op/reduce.h
libvmg_la_SOURCES += host/op/want.c host/op/want.h
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
	host/op/attention.c host/op/attention.h host/op/attention_backward.c host/op/attention_impl.h host/op/attention_lanes.c host/op/attention_tiled.c
