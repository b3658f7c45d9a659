# Networks written in host ops.
libvmg_la_SOURCES += models/weights.c models/weights.h
libvmg_la_SOURCES += \
	models/codepages.h models/codepoints.c models/codepoints.h models/html_entities.h \
	models/html_text.c models/html_text.h models/mojibake.c models/mojibake.h \
	models/mojibake_rules.h models/text_clean.c models/text_clean.h
EXTRA_DIST += models/text_tables.py
