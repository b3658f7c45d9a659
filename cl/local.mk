# Kernels: every .cl file becomes a C array inside the library (cl/embed.awk). Append yours.
VMG_CL_FILES = cl/common.cl
VMG_CL_FILES += cl/amx.cl
VMG_CL_FILES += cl/attention_amx.cl
VMG_CL_FILES += cl/attention_lanes.cl
VMG_CL_FILES += cl/attention_rel.cl
VMG_CL_FILES += cl/attention_tiled.cl
VMG_CL_FILES += cl/fft.cl
VMG_CL_FILES += cl/rows.cl
VMG_CL_FILES += cl/softmax.cl
VMG_CL_FILES += cl/transpose.cl
VMG_CL_FILES += cl/matmul_pack.cl
VMG_CL_FILES += cl/matmul_packed.cl
VMG_CL_FILES += cl/matmul_scale.cl
VMG_CL_FILES += cl/elementwise.cl
VMG_CL_FILES += cl/embed.cl
VMG_CL_FILES += cl/filter.cl
VMG_CL_FILES += cl/loss.cl
VMG_CL_FILES += cl/norm.cl
VMG_CL_FILES += cl/optim.cl
VMG_CL_FILES += cl/random.cl
VMG_CL_FILES += cl/reduce.cl
VMG_CL_FILES += cl/render.cl
VMG_CL_FILES += cl/matmul_tiled.cl
VMG_CL_FILES += cl/matmul_amx.cl
VMG_CL_FILES += cl/matmul_avx512.cl
VMG_CL_FILES += cl/matmul_bf16.cl
VMG_CL_FILES += cl/matmul_rate.cl
VMG_CL_FILES += cl/matmul_round.cl
VMG_CL_FILES += cl/matmul_pack_bf16.cl
VMG_CL_FILES += cl/matmul_epilogue.cl
VMG_CL_FILES += cl/matmul_panel.cl
VMG_CL_FILES += cl/matmul_skinny.cl
VMG_CL_FILES += cl/matmul_finish.cl

# Tuned parameters that ship (written by `vimogen tune --export`), embedded the same way.
VMG_TUNED_FILES =

EMBED = cd $(srcdir) && LC_ALL=C $(AWK) -f cl/embed.awk

cl/kernels.c: $(VMG_CL_FILES) cl/embed.awk cl/local.mk
	$(AM_V_GEN)$(MKDIR_P) cl && out=`pwd`/$@ && ($(EMBED) -v table=vmg_cl_sources $(VMG_CL_FILES)) > $$out.tmp && mv $$out.tmp $$out

cl/tuned.c: $(VMG_TUNED_FILES) cl/embed.awk cl/local.mk
	$(AM_V_GEN)$(MKDIR_P) cl && out=`pwd`/$@ && ($(EMBED) -v table=vmg_tuned_sources $(VMG_TUNED_FILES) < /dev/null) > $$out.tmp && mv $$out.tmp $$out

EXTRA_DIST += $(VMG_CL_FILES) $(VMG_TUNED_FILES) cl/embed.awk
CLEANFILES += cl/kernels.c cl/tuned.c
nodist_libvmg_la_SOURCES = cl/kernels.c cl/tuned.c
