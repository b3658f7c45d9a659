# Networks written in host ops.
libvmg_la_SOURCES += models/weights.c models/weights.h
libvmg_la_SOURCES += models/codepages.h
libvmg_la_SOURCES += models/codepoints.c models/codepoints.h
libvmg_la_SOURCES += models/html_entities.h
libvmg_la_SOURCES += models/html_text.c models/html_text.h
libvmg_la_SOURCES += models/mojibake.c models/mojibake.h
libvmg_la_SOURCES += models/mojibake_rules.h
libvmg_la_SOURCES += models/text_clean.c models/text_clean.h
libvmg_la_SOURCES += models/spiece.c models/spiece.h
libvmg_la_SOURCES += models/tokenizer.cc models/tokenizer.h models/tokenizer_source.c
EXTRA_DIST += models/text_tables.py
libvmg_la_SOURCES += models/t5_names.c
libvmg_la_SOURCES += models/t5_names.h
libvmg_la_SOURCES += models/config.c models/config.h
libvmg_la_SOURCES += models/params.c models/params.h models/param_stream.c models/param_stream.h
libvmg_la_SOURCES += models/dit.c models/dit.h models/dit_batch.c models/dit_block.c models/dit_block.h
libvmg_la_SOURCES += models/dit_text.c models/dit_saved.h
libvmg_la_SOURCES += models/dit_backward.c models/dit_block_backward.c
libvmg_la_SOURCES += models/flow.c models/flow.h models/sampler.c models/sampler.h
libvmg_la_SOURCES += models/t5.c models/t5.h
libvmg_la_SOURCES += models/t5_backward.c models/t5_saved.h
libvmg_la_SOURCES += models/trainable.c models/trainable.h
libvmg_la_SOURCES += models/train_step.c models/train_step.h models/train_impl.h models/train_params.c models/train_update.c
libvmg_la_SOURCES += models/train_facts.c models/train_facts.h

# Configurations: of the published networks, and of our own.
modelsdir = $(pkgdatadir)
dist_models_DATA = models/vimogen-1.3b.json models/vimogen-light.json models/vimogen-mini.json models/umt5-xxl.json
dist_models_DATA += models/mini.gguf
EXTRA_DIST += models/README.md models/mini.svg
libvmg_la_SOURCES += models/vocabulary.cc models/vocabulary.h
