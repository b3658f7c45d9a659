# Everything a user touches. Each folder lists its files in its own local.mk.
include_HEADERS = src/vimogen.h
include src/lib/local.mk
include src/data/local.mk
include src/train/local.mk
include src/format/local.mk
include src/motion/local.mk
include src/mbench/local.mk
include src/render/local.mk
include src/cli/local.mk
