/* Version and error text of the public interface. */
#include "config.h"
#include "host/base/status.h"
#include "src/vimogen.h"

const char *vimogen_version(void)
{
    return PACKAGE_VERSION;
}

const char *vimogen_error(void)
{
    return vmg_error_message();
}
