# Sources of src/render.
libvmg_la_SOURCES += src/render/body.c src/render/body.h
libvmg_la_SOURCES += src/render/camera.c src/render/camera.h
libvmg_la_SOURCES += src/render/caption.c src/render/caption.h
libvmg_la_SOURCES += src/render/film.c src/render/film.h
libvmg_la_SOURCES += src/render/palette.c src/render/palette.h
libvmg_la_SOURCES += src/render/panel.c src/render/panel.h
libvmg_la_SOURCES += src/render/png.c src/render/png.h
libvmg_la_SOURCES += src/render/raycast.c src/render/raycast.h
libvmg_la_SOURCES += src/render/render.c src/render/render.h
libvmg_la_SOURCES += src/render/tiles.c src/render/tiles.h
libvmg_la_SOURCES += src/render/page.c src/render/page.h

# The viewer's template, embedded as kernels are.
src/render/page_text.c: src/render/viewer.html cl/embed.awk src/render/local.mk
	$(AM_V_GEN)$(MKDIR_P) src/render && out=`pwd`/$@ && ($(EMBED) -v table=vmg_page_sources src/render/viewer.html) > $$out.tmp && mv $$out.tmp $$out

EXTRA_DIST += src/render/viewer.html
CLEANFILES += src/render/page_text.c
nodist_libvmg_la_SOURCES += src/render/page_text.c
libvmg_la_SOURCES += src/render/skin.c src/render/skin.h
