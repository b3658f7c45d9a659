# Kernels: every .cl file becomes a C array inside the library (cl/embed.awk).
VMG_CL_FILES =

cl/kernels.c: $(VMG_CL_FILES) $(srcdir)/cl/embed.awk cl/$(am__dirstamp)
	$(AM_V_GEN)cd $(srcdir) && LC_ALL=C $(AWK) -f cl/embed.awk $(VMG_CL_FILES) > $(abs_builddir)/cl/kernels.c.tmp && \
		mv $(abs_builddir)/cl/kernels.c.tmp $(abs_builddir)/cl/kernels.c

EXTRA_DIST += $(VMG_CL_FILES) cl/embed.awk
CLEANFILES += cl/kernels.c
nodist_libvmg_la_SOURCES = cl/kernels.c
