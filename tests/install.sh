#!/bin/sh
# Installs into a scratch DESTDIR, uses what is there as a stranger would, and uninstalls. Speaks TAP. Runs in the build
# folder, with MAKE, CC, CXX and PKG_CONFIG from Automake's environment.
srcdir=${VMG_SRCDIR:-.}
cd "${VMG_BUILDDIR:-.}" || exit 99
dest=$(mktemp -d) || exit 99
trap 'rm -rf "$dest"' EXIT
count=0

# check NAME COMMAND...: one TAP line; the command's output follows as comments when it fails.
check() {
    name=$1
    shift
    count=$((count + 1))
    if "$@" > "$dest/.log" 2>&1; then
        echo "ok $count - $name"
    else
        sed 's/^/# /' "$dest/.log"
        echo "not ok $count - $name"
    fi
}

installs() { $MAKE install DESTDIR="$dest"; }
library() { dirname "$(find "$dest" -name 'libvimogen.so')"; }
flags() { PKG_CONFIG_SYSROOT_DIR=$dest PKG_CONFIG_PATH=$(library)/pkgconfig $PKG_CONFIG "$@" vimogen; }
compiles() {
    $1 $2 -o "$dest/user" "$srcdir/tests/installed.c" $(flags --cflags --libs) &&
        LD_LIBRARY_PATH=$(library) "$dest/user" "$(flags --modversion)"
}
runs() { (cd / && "$(find "$dest" -path '*/bin/vimogen')" "$@"); }
exports_only_its_own() {
    nm -D --defined-only "$(library)/libvimogen.so" | awk '{print $3}' > "$dest/symbols"
    grep -q '^vimogen_version$' "$dest/symbols" && ! grep -v '^vimogen_' "$dest/symbols"
}
uninstalls() {
    rm -f "$dest/user" "$dest/symbols"
    $MAKE uninstall DESTDIR="$dest" && left=$(find "$dest" -type f ! -name .log) && echo "left: $left" && [ -z "$left" ]
}

echo 1..7
check "make install" installs
check "the program runs without its source" runs --version
check "the program finds devices" runs devices
check "pkg-config's flags build and run a C program" compiles "$CC" "-Wall -Werror"
check "the header is C++ too" compiles "$CXX" "-Wall -Werror -x c++"
check "the library exports vimogen_* only" exports_only_its_own
check "make uninstall leaves nothing" uninstalls
