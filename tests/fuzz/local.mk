# Fuzz targets (libFuzzer): configure --enable-fuzz CC=clang CXX=clang++, then tests/fuzz/run.sh.
EXTRA_DIST += tests/fuzz/run.sh
if ENABLE_FUZZ
VMG_FUZZ_COMMON = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
VMG_FUZZ_LINK_FLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
noinst_PROGRAMS += tests/fuzz/seeds
tests_fuzz_seeds_SOURCES = tests/fuzz/seeds.c
tests_fuzz_seeds_LDADD = libvmg.la
noinst_PROGRAMS += tests/fuzz/pickle
tests_fuzz_pickle_SOURCES = tests/fuzz/pickle.c $(VMG_FUZZ_COMMON)
tests_fuzz_pickle_LDADD = libvmg.la
tests_fuzz_pickle_LDFLAGS = $(VMG_FUZZ_LINK_FLAGS)
noinst_PROGRAMS += tests/fuzz/zip
tests_fuzz_zip_SOURCES = tests/fuzz/zip.c $(VMG_FUZZ_COMMON)
tests_fuzz_zip_LDADD = libvmg.la
tests_fuzz_zip_LDFLAGS = $(VMG_FUZZ_LINK_FLAGS)
noinst_PROGRAMS += tests/fuzz/safetensors
tests_fuzz_safetensors_SOURCES = tests/fuzz/safetensors.c $(VMG_FUZZ_COMMON)
tests_fuzz_safetensors_LDADD = libvmg.la
tests_fuzz_safetensors_LDFLAGS = $(VMG_FUZZ_LINK_FLAGS)
noinst_PROGRAMS += tests/fuzz/gguf
tests_fuzz_gguf_SOURCES = tests/fuzz/gguf.c $(VMG_FUZZ_COMMON)
tests_fuzz_gguf_LDADD = libvmg.la
tests_fuzz_gguf_LDFLAGS = $(VMG_FUZZ_LINK_FLAGS)
noinst_PROGRAMS += tests/fuzz/npy
tests_fuzz_npy_SOURCES = tests/fuzz/npy.c $(VMG_FUZZ_COMMON)
tests_fuzz_npy_LDADD = libvmg.la
tests_fuzz_npy_LDFLAGS = $(VMG_FUZZ_LINK_FLAGS)
noinst_PROGRAMS += tests/fuzz/bvh
tests_fuzz_bvh_SOURCES = tests/fuzz/bvh.c
tests_fuzz_bvh_LDADD = libvmg.la
tests_fuzz_bvh_LDFLAGS = $(VMG_FUZZ_LINK_FLAGS)
noinst_PROGRAMS += tests/fuzz/gltf
tests_fuzz_gltf_SOURCES = tests/fuzz/gltf.c
tests_fuzz_gltf_LDADD = libvmg.la
tests_fuzz_gltf_LDFLAGS = $(VMG_FUZZ_LINK_FLAGS)
noinst_PROGRAMS += tests/fuzz/tokenizer
tests_fuzz_tokenizer_SOURCES = tests/fuzz/tokenizer.c
tests_fuzz_tokenizer_LDADD = libvmg.la
tests_fuzz_tokenizer_LDFLAGS = $(VMG_FUZZ_LINK_FLAGS)
noinst_PROGRAMS += tests/fuzz/text
tests_fuzz_text_SOURCES = tests/fuzz/text.c
tests_fuzz_text_LDADD = libvmg.la
tests_fuzz_text_LDFLAGS = $(VMG_FUZZ_LINK_FLAGS)
endif
