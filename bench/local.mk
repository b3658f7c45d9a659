# Benchmarks: built by `make check` or `make bench/NAME`, never installed.
EXTRA_PROGRAMS = bench/bench_model
CLEANFILES += bench/bench_model
bench_bench_model_SOURCES = bench/bench_model.c src/cli/opt.c src/cli/term.c src/cli/run.c
bench_bench_model_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SOURCE_DIR='"$(abs_top_srcdir)"'
bench_bench_model_LDADD = libvmg.la

EXTRA_PROGRAMS += bench/bench_samplers
CLEANFILES += bench/bench_samplers
bench_bench_samplers_SOURCES = bench/bench_samplers.c src/cli/opt.c src/cli/term.c src/cli/run.c
bench_bench_samplers_CPPFLAGS = $(AM_CPPFLAGS)
bench_bench_samplers_LDADD = libvmg.la
