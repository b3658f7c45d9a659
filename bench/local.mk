# Benchmarks: built by `make check` or `make bench/NAME`, never installed.
