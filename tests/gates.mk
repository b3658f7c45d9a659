# Slower proofs than `make check`: sanitizers, oclgrind, and other OpenCL implementations.
EXTRA_DIST += tests/lsan.supp tests/oclgrind.sh tests/intel_cpu.sh

# AddressSanitizer and UBSan: the whole library again in asan/, tests at VMG_TEST_SIZE=small. Left out is
# test_start, which measures time. clFFT deletes its objects through a base class without a virtual destructor, which
# is not ours to mend: new_delete_type_mismatch=0.
check-asan:
	@if test -f $(srcdir)/config.status; then \
	    echo "check-asan configures $(abs_srcdir) once more and so needs a build outside of it"; exit 1; fi
	$(MKDIR_P) asan
	test -f asan/config.status || (cd asan && $(abs_srcdir)/configure --enable-sanitize CC='$(CC)' CXX='$(CXX)' \
	    CFLAGS='-O1 -g' CXXFLAGS='-O1 -g')
	VMG_TEST_SIZE=small ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:new_delete_type_mismatch=0 \
	    LSAN_OPTIONS=suppressions=$(abs_srcdir)/tests/lsan.supp:print_suppressions=0 \
	    UBSAN_OPTIONS=print_stacktrace=1 \
	    $(MAKE) -C asan check TESTS='$(filter-out tests/test_start$(EXEEXT),$(check_PROGRAMS))'

# Every op kernel under oclgrind: out-of-bounds accesses, data races, uninitialised values; cases in parallel.
VMG_OP_TESTS = $(filter tests/op/%,$(check_PROGRAMS))
check-oclgrind: tests/oclgrind_probe$(EXEEXT) $(VMG_OP_TESTS)
	$(SHELL) $(srcdir)/tests/oclgrind.sh $(srcdir) $(VMG_OP_TESTS)

EXTRA_PROGRAMS += tests/oclgrind_probe
CLEANFILES += tests/oclgrind_probe$(EXEEXT)
tests_oclgrind_probe_SOURCES = tests/oclgrind_probe.c

# The runtime and every op on Mesa's llvmpipe through rusticl, a compiler of its own, at small sizes.
check-llvmpipe:
	RUSTICL_ENABLE=llvmpipe VMG_TEST_DEVICE=llvmpipe VMG_TEST_SIZE=small \
	    $(MAKE) check TESTS='tests/test_runtime$(EXEEXT) $(VMG_OP_TESTS)'

# Everything on Intel's runtime for processors, which has fp16 and subgroups (PyPI, 700 MB unpacked in intel-opencl/), at small sizes.
check-intel:
	VMG_TEST_SIZE=small $(SHELL) $(srcdir)/tests/intel_cpu.sh $(MAKE) check

clean-local:
	rm -rf asan oclgrind intel-opencl
.PHONY: check-asan check-oclgrind check-llvmpipe check-intel
