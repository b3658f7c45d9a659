# Networks written in host ops.
libvmg_la_SOURCES += models/weights.c models/weights.h
libvmg_la_SOURCES += models/codepages.h
libvmg_la_SOURCES += models/codepoints.c models/codepoints.h
libvmg_la_SOURCES += models/html_entities.h
libvmg_la_SOURCES += models/html_text.c models/html_text.h
libvmg_la_SOURCES += models/mojibake.c models/mojibake.h
libvmg_la_SOURCES += models/mojibake_rules.h
libvmg_la_SOURCES += models/text_clean.c models/text_clean.h
EXTRA_DIST += models/text_tables.py
libvmg_la_SOURCES += models/t5_names.c
libvmg_la_SOURCES += models/t5_names.h
