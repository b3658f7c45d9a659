# The program: one file per subcommand.
bin_PROGRAMS += vimogen
vimogen_LDADD = libvmg.la
vimogen_SOURCES = src/cli/cli.h src/cli/commands.h src/cli/main.c src/cli/opt.c src/cli/term.c \
	src/cli/cmd_devices.c src/cli/cmd_selftest.c
