# Tests speak TAP (tests/harness.h); Automake's driver counts each `ok`.
TEST_EXTENSIONS = .test .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = VMG_SRCDIR='$(abs_top_srcdir)'; export VMG_SRCDIR; \
	VMG_BUILDDIR='$(abs_top_builddir)'; export VMG_BUILDDIR; \
	MAKE='$(MAKE)' CC='$(CC)' CXX='$(CXX)' PKG_CONFIG='$(PKG_CONFIG)'; export MAKE CC CXX PKG_CONFIG;

check_LTLIBRARIES = tests/libharness.la
tests_libharness_la_SOURCES = tests/harness.c tests/harness.h
tests_libharness_la_LIBADD = libvmg.la

# Every test program links this.
LDADD = tests/libharness.la

check_PROGRAMS += tests/test_base
tests_test_base_SOURCES = tests/test_base.c
check_PROGRAMS += tests/test_dtype
tests_test_dtype_SOURCES = tests/test_dtype.c
check_PROGRAMS += tests/test_format
tests_test_format_SOURCES = tests/test_format.c
check_PROGRAMS += tests/test_format_hostile
tests_test_format_hostile_SOURCES = tests/test_format_hostile.c
check_PROGRAMS += tests/test_convert
tests_test_convert_SOURCES = tests/test_convert.c
check_PROGRAMS += tests/test_weights_files
tests_test_weights_files_SOURCES = tests/test_weights_files.c
check_PROGRAMS += tests/test_rotation
tests_test_rotation_SOURCES = tests/test_rotation.c

check_PROGRAMS += tests/test_runtime
tests_test_runtime_SOURCES = tests/test_runtime.c
# Tests of motion share made-up clips.
check_LTLIBRARIES += tests/libmotion.la
tests_libmotion_la_SOURCES = tests/motion_fixture.c tests/motion_fixture.h
tests_libmotion_la_LIBADD = tests/libharness.la
check_PROGRAMS += tests/test_rep276
tests_test_rep276_SOURCES = tests/test_rep276.c
tests_test_rep276_LDADD = tests/libmotion.la
check_PROGRAMS += tests/test_mbench
tests_test_mbench_SOURCES = tests/test_mbench.c
check_PROGRAMS += tests/test_selftest
tests_test_selftest_SOURCES = tests/test_selftest.c
check_PROGRAMS += tests/test_bvh
tests_test_bvh_SOURCES = tests/test_bvh.c

# Op families: tests/op/x.c defines vmg_suite_x; add one block per family.
check_LTLIBRARIES += tests/libop.la
tests_libop_la_SOURCES = tests/op/attention_problem.c tests/op/attention_problem.h tests/op/guarded.c tests/op/rows_bench.c tests/op/rows_bench.h tests/op/support.c tests/op/suite.h
tests_libop_la_LIBADD = tests/libharness.la

check_PROGRAMS += tests/op/test_attention tests/op/test_attention_backward
tests_op_test_attention_SOURCES = tests/op/attention.c tests/op/main.c
tests_op_test_attention_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_attention
tests_op_test_attention_LDADD = tests/libop.la $(LDADD)
tests_op_test_attention_backward_SOURCES = tests/op/attention_backward.c tests/op/main.c
tests_op_test_attention_backward_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_attention_backward
tests_op_test_attention_backward_LDADD = tests/libop.la $(LDADD)

TESTS += $(check_PROGRAMS) tests/layers.sh
EXTRA_DIST += tests/layers.sh
check_PROGRAMS += tests/test_text_clean
tests_test_text_clean_SOURCES = tests/test_text_clean.c
TESTS += tests/text_witness.sh
TESTS += tests/llvmpipe.sh
EXTRA_DIST += tests/llvmpipe.sh tests/cases.sh
TESTS += tests/emulated_units.sh
EXTRA_DIST += tests/emulated_units.sh
TESTS += tests/format_witness.sh
TESTS += tests/weights_cli.sh
EXTRA_DIST += tests/weights_cli.sh
EXTRA_DIST += tests/format_witness.sh tests/format_witness.py
check_PROGRAMS += tests/op/test_matmul
tests_op_test_matmul_SOURCES = tests/op/matmul.c tests/op/main.c
tests_libop_la_SOURCES += tests/op/matmul_check.c tests/op/matmul_check.h
tests_op_test_matmul_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_matmul
tests_op_test_matmul_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/op/test_matmul_rounding
tests_op_test_matmul_rounding_SOURCES = tests/op/matmul_rounding.c tests/op/main.c
tests_op_test_matmul_rounding_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_matmul_rounding
tests_op_test_matmul_rounding_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/op/test_stored
tests_op_test_stored_SOURCES = tests/op/stored.c tests/op/main.c
tests_op_test_stored_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_stored
tests_op_test_stored_LDADD = tests/libop.la $(LDADD)
include tests/fuzz/local.mk
check_PROGRAMS += tests/test_retarget
tests_test_retarget_SOURCES = tests/test_retarget.c
tests_test_retarget_LDADD = tests/libmotion.la
check_PROGRAMS += tests/op/test_elementwise
tests_op_test_elementwise_SOURCES = tests/op/elementwise.c tests/op/main.c
tests_op_test_elementwise_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_elementwise
tests_op_test_elementwise_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/op/test_norm
tests_op_test_norm_SOURCES = tests/op/norm.c tests/op/main.c
tests_op_test_norm_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_norm
tests_op_test_norm_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/op/test_random
tests_op_test_random_SOURCES = tests/op/random.c tests/op/main.c
tests_op_test_random_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_random
tests_op_test_random_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/op/test_reduce
tests_op_test_reduce_SOURCES = tests/op/reduce.c tests/op/main.c
tests_op_test_reduce_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_reduce
tests_op_test_reduce_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/test_models
tests_test_models_SOURCES = tests/test_models.c
check_PROGRAMS += tests/test_clip
tests_test_clip_SOURCES = tests/test_clip.c
tests_test_clip_LDADD = tests/libmotion.la
check_PROGRAMS += tests/op/test_embed
tests_op_test_embed_SOURCES = tests/op/embed.c tests/op/main.c
tests_op_test_embed_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_embed
tests_op_test_embed_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/op/test_filter
tests_op_test_filter_SOURCES = tests/op/filter.c tests/op/main.c
tests_op_test_filter_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_filter
tests_op_test_filter_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/op/test_loss
tests_op_test_loss_SOURCES = tests/op/loss.c tests/op/main.c
tests_op_test_loss_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_loss
tests_op_test_loss_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/op/test_optim
tests_op_test_optim_SOURCES = tests/op/optim.c tests/op/main.c
tests_op_test_optim_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_optim
tests_op_test_optim_LDADD = tests/libop.la $(LDADD)
EXTRA_DIST += tests/text_witness.sh tests/text_witness.py tests/tokenizer_witness.py
check_PROGRAMS += tests/test_tokenizer
tests_test_tokenizer_SOURCES = tests/test_tokenizer.c
check_PROGRAMS += tests/test_feet
tests_test_feet_SOURCES = tests/test_feet.c
tests_test_feet_LDADD = tests/libmotion.la
check_PROGRAMS += tests/test_eval
tests_test_eval_SOURCES = tests/test_eval.c
tests_test_eval_LDADD = tests/libmotion.la
TESTS += tests/motion_witness.sh
EXTRA_DIST += tests/motion_witness.sh tests/motion_witness.py
check_PROGRAMS += tests/op/test_rows
tests_op_test_rows_SOURCES = tests/op/rows.c tests/op/main.c
tests_op_test_rows_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_rows
tests_op_test_rows_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/op/test_softmax
tests_op_test_softmax_SOURCES = tests/op/softmax.c tests/op/main.c
tests_op_test_softmax_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_softmax
tests_op_test_softmax_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/test_prompts
tests_test_prompts_SOURCES = tests/test_prompts.c
TESTS += tests/motion_cli.sh
EXTRA_DIST += tests/motion_cli.sh
check_PROGRAMS += tests/test_spectrum
tests_test_spectrum_SOURCES = tests/test_spectrum.c
check_PROGRAMS += tests/test_embed_cache
tests_test_embed_cache_SOURCES = tests/test_embed_cache.c
check_PROGRAMS += tests/test_generate
tests_test_generate_SOURCES = tests/test_generate.c
check_PROGRAMS += tests/test_start
tests_test_start_SOURCES = tests/start.c tests/start.h tests/test_start.c
check_PROGRAMS += tests/op/test_fft
tests_op_test_fft_SOURCES = tests/op/fft.c tests/op/main.c
tests_op_test_fft_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_fft
tests_op_test_fft_LDADD = tests/libop.la $(LDADD)
include tests/gates.mk
TESTS += tests/install.sh
EXTRA_DIST += tests/install.sh tests/installed.c
check_PROGRAMS += tests/test_encode
tests_test_encode_SOURCES = tests/test_encode.c
TESTS += tests/encode_cli.sh
EXTRA_DIST += tests/encode_cli.sh
check_PROGRAMS += tests/test_tune
tests_test_tune_SOURCES = tests/test_tune.c
check_PROGRAMS += tests/test_vocabulary
tests_test_vocabulary_SOURCES = tests/test_vocabulary.c
check_PROGRAMS += tests/test_dataset
tests_test_dataset_SOURCES = tests/test_dataset.c tests/dataset_fixture.c tests/dataset_fixture.h
check_PROGRAMS += tests/test_import
tests_test_import_SOURCES = tests/test_import.c tests/dataset_fixture.c tests/dataset_fixture.h
check_PROGRAMS += tests/test_train_feed
tests_test_train_feed_SOURCES = tests/test_train_feed.c tests/train_fixture.c tests/train_fixture.h
tests_test_train_feed_LDADD = tests/libmotion.la
check_PROGRAMS += tests/test_train_facts
tests_test_train_facts_SOURCES = tests/test_train_facts.c tests/train_fixture.c tests/train_fixture.h tests/dataset_fixture.c tests/dataset_fixture.h
tests_test_train_facts_LDADD = tests/libmotion.la
check_PROGRAMS += tests/test_train_log
tests_test_train_log_SOURCES = tests/test_train_log.c
check_PROGRAMS += tests/op/test_render
tests_op_test_render_SOURCES = tests/op/render.c tests/op/main.c
tests_op_test_render_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_render
tests_op_test_render_SHORTNAME = test_render
tests_op_test_render_LDADD = tests/libop.la $(LDADD)
check_PROGRAMS += tests/test_render
tests_test_render_SOURCES = tests/test_render.c
tests_test_render_LDADD = tests/libmotion.la $(PNG_LIBS)
TESTS += tests/page.sh
EXTRA_DIST += tests/page.sh
check_PROGRAMS += tests/test_caption
tests_test_caption_SOURCES = tests/test_caption.c tests/dataset_fixture.c tests/dataset_fixture.h
check_PROGRAMS += tests/test_loop
tests_test_loop_SOURCES = tests/test_loop.c
tests_test_loop_LDADD = tests/libmotion.la
check_PROGRAMS += tests/test_train_step
tests_test_train_step_SOURCES = tests/test_train_step.c
TESTS += tests/data_witness.sh
EXTRA_DIST += tests/data_witness.sh tests/data_witness.py
check_PROGRAMS += tests/test_train_cli
tests_test_train_cli_SOURCES = tests/test_train_cli.c tests/train_fixture.c tests/train_fixture.h
tests_test_train_cli_LDADD = tests/libmotion.la
check_PROGRAMS += tests/test_train_run
tests_test_train_run_SOURCES = tests/test_train_run.c tests/train_fixture.c tests/train_fixture.h
tests_test_train_run_LDADD = tests/libmotion.la
check_PROGRAMS += tests/test_fuse
tests_test_fuse_SOURCES = tests/test_fuse.c
tests_test_fuse_LDADD = tests/libmotion.la
check_PROGRAMS += tests/behaviour
tests_behaviour_SOURCES = tests/behaviour.c tests/dataset_fixture.c tests/dataset_fixture.h
check_PROGRAMS += tests/test_gltf
tests_test_gltf_SOURCES = tests/test_gltf.c
tests_test_gltf_LDADD = tests/libmotion.la
check_PROGRAMS += tests/test_known_words
tests_test_known_words_SOURCES = tests/test_known_words.c
TESTS += tests/data_cli.sh
EXTRA_DIST += tests/data_cli.sh
check_PROGRAMS += tests/test_body_model
tests_test_body_model_SOURCES = tests/test_body_model.c
tests_test_body_model_LDADD = tests/libmotion.la
check_PROGRAMS += tests/test_npz
tests_test_npz_SOURCES = tests/test_npz.c
tests_test_npz_LDADD = $(LDADD) $(ZLIB_LIBS)
check_PROGRAMS += tests/test_generate_list
tests_test_generate_list_SOURCES = tests/test_generate_list.c
check_PROGRAMS += tests/op/test_common
tests_op_test_common_SOURCES = tests/op/common.c tests/op/main.c
tests_op_test_common_CPPFLAGS = $(AM_CPPFLAGS) -DVMG_SUITE=vmg_suite_common
tests_op_test_common_LDADD = tests/libop.la $(LDADD)
