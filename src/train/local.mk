# Sources of src/train, one a line: merges are by union.
libvmg_la_SOURCES += src/train/recipe.c src/train/recipe.h
libvmg_la_SOURCES += src/train/draw.c src/train/draw.h
libvmg_la_SOURCES += src/train/corrupt.c src/train/corrupt.h
libvmg_la_SOURCES += src/train/feed.c src/train/feed.h
libvmg_la_SOURCES += src/train/prefetch.c
libvmg_la_SOURCES += src/train/journal.c src/train/journal.h
libvmg_la_SOURCES += src/train/vocabulary.c src/train/vocabulary.h
libvmg_la_SOURCES += src/train/plot.c src/train/plot.h
libvmg_la_SOURCES += src/train/checkpoint.c src/train/checkpoint.h
libvmg_la_SOURCES += src/train/warm_start.c src/train/warm_start.h
libvmg_la_SOURCES += src/train/trainer.c src/train/trainer.h
libvmg_la_SOURCES += src/train/facts.c src/train/facts.h
libvmg_la_SOURCES += src/train/rarity.c src/train/rarity.h
