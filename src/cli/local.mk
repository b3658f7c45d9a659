# The program: one file per subcommand.
bin_PROGRAMS += vimogen
vimogen_LDADD = libvmg.la
vimogen_SOURCES = src/cli/cli.h
vimogen_SOURCES += src/cli/commands.def
vimogen_SOURCES += src/cli/main.c
vimogen_SOURCES += src/cli/opt.c
vimogen_SOURCES += src/cli/term.c
vimogen_SOURCES += src/cli/cmd_devices.c
vimogen_SOURCES += src/cli/cmd_selftest.c
vimogen_SOURCES += src/cli/inspect.h
vimogen_SOURCES += src/cli/cmd_inspect.c
vimogen_SOURCES += src/cli/inspect_weights.c
vimogen_SOURCES += src/cli/cmd_convert.c
vimogen_SOURCES += src/cli/run.c src/cli/run.h
vimogen_SOURCES += src/cli/cmd_generate.c
