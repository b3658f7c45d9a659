# Benchmarks: built by `make check` or `make bench/NAME`, never installed.
EXTRA_PROGRAMS = bench/bench_model
CLEANFILES += bench/bench_model
bench_bench_model_SOURCES = bench/bench_model.c bench/ceilings.c bench/ceilings.h bench/harness.c bench/harness.h
bench_bench_model_SOURCES += src/cli/opt.c src/cli/term.c src/cli/run.c
bench_bench_model_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SOURCE_DIR='"$(abs_top_srcdir)"'
bench_bench_model_LDADD = libvmg.la

EXTRA_PROGRAMS += bench/bench_samplers
CLEANFILES += bench/bench_samplers
bench_bench_samplers_SOURCES = bench/bench_samplers.c src/cli/opt.c src/cli/term.c src/cli/run.c
bench_bench_samplers_CPPFLAGS = $(AM_CPPFLAGS)
bench_bench_samplers_LDADD = libvmg.la

# Times every op suite. The suites are the objects that the op tests are made of, so that a new family needs no line here.
VMG_OP_SUITES = $(patsubst tests/op/test_%$(EXEEXT),%,$(filter tests/op/test_%,$(check_PROGRAMS)))
VMG_SUITE_OBJECTS = $(foreach s,$(VMG_OP_SUITES),tests/op/test_$(s)-$(s).$(OBJEXT))

bench/suites.c: tests/local.mk bench/local.mk
	$(AM_V_GEN)$(MKDIR_P) bench && { echo '/* Made by bench/local.mk. */'; echo '#include "tests/op/suite.h"'; \
	  for s in $(VMG_OP_SUITES); do echo "extern const vmg_op_suite vmg_suite_$$s;"; done; \
	  echo 'extern const vmg_op_suite *const vmg_bench_suites[];'; \
	  echo 'const vmg_op_suite *const vmg_bench_suites[] = {'; \
	  for s in $(VMG_OP_SUITES); do echo "    &vmg_suite_$$s,"; done; echo '    NULL};'; } > $@

EXTRA_PROGRAMS += bench/bench_ops
CLEANFILES += bench/bench_ops bench/suites.c
bench_bench_ops_SOURCES = bench/bench_ops.c
bench_bench_ops_SOURCES += bench/baselines.c bench/baselines.h
bench_bench_ops_SOURCES += bench/ceilings.c bench/ceilings.h
bench_bench_ops_SOURCES += bench/harness.c bench/harness.h
bench_bench_ops_SOURCES += bench/results.c bench/results.h
bench_bench_ops_SOURCES += src/cli/opt.c src/cli/run.c src/cli/term.c tests/start.c tests/start.h
nodist_bench_bench_ops_SOURCES = bench/suites.c
bench_bench_ops_CPPFLAGS = $(AM_CPPFLAGS) $(OPENBLAS_CFLAGS)
bench_bench_ops_LDADD = $(VMG_SUITE_OBJECTS) tests/libop.la tests/libharness.la $(OPENBLAS_LIBS)
bench_bench_ops_DEPENDENCIES = $(VMG_SUITE_OBJECTS) tests/libop.la

# Not run by the tests, but kept building.
check-local: bench/bench_ops$(EXEEXT) bench/bench_model$(EXEEXT) bench/bench_train$(EXEEXT) bench/bench_data$(EXEEXT)

EXTRA_PROGRAMS += bench/bench_data
CLEANFILES += bench/bench_data
bench_bench_data_SOURCES = bench/bench_data.c src/cli/opt.c src/cli/term.c
bench_bench_data_CPPFLAGS = $(AM_CPPFLAGS)
bench_bench_data_LDADD = libvmg.la

EXTRA_PROGRAMS += bench/behaviour
CLEANFILES += bench/behaviour
bench_behaviour_SOURCES = bench/behaviour.c bench/behaviour_quality.c bench/behaviour_quality.h src/cli/opt.c src/cli/term.c src/cli/run.c
bench_behaviour_CPPFLAGS = $(AM_CPPFLAGS)
bench_behaviour_LDADD = libvmg.la
EXTRA_DIST += bench/bench_train_torch.py
EXTRA_DIST += bench/behaviour_prompts_7.txt bench/behaviour_prompts_9.txt bench/behaviour_prompts_10.txt bench/behaviour_prompts_12.txt bench/behaviour_prompts_16.txt
EXTRA_PROGRAMS += bench/bench_train
CLEANFILES += bench/bench_train
bench_bench_train_SOURCES = bench/bench_train.c bench/ceilings.c bench/ceilings.h bench/harness.c bench/harness.h
bench_bench_train_SOURCES += src/cli/opt.c src/cli/term.c src/cli/run.c
bench_bench_train_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SOURCE_DIR='"$(abs_top_srcdir)"'
bench_bench_train_LDADD = libvmg.la
