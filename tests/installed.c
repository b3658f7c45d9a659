/* What a user of the installed library writes; tests/install.sh builds it with pkg-config's flags alone. */
#include <stdio.h>
#include <string.h>

#include <vimogen.h>

int main(int argc, char **argv)
{
    printf("%s\n", vimogen_version());
    return argc == 2 && !strcmp(vimogen_version(), argv[1]) && vimogen_error()[0] == 0 ? 0 : 1;
}
