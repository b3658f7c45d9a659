/* Fuzzes the cleaning of prompts: the result is well-formed UTF-8 with white space folded. */
#include <stdlib.h>
#include <string.h>

#include "host/base/status.h"
#include "models/codepoints.h"
#include "models/text_clean.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *clean;
    size_t n;
    if (vmg_text_clean((const char *)data, size, &clean, &n) != VMG_OK || strlen(clean) != n)
        abort();
    uint32_t last = ' ';
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int len = vmg_utf8_next((const uint8_t *)clean + i, n - i, &c);
        if (len < 0 || (vmg_is_space(c) && (c != ' ' || last == ' ')))
            abort();
        last = c;
        i += (size_t)len;
    }
    if (n && last == ' ')
        abort();
    free(clean);
    return 0;
}
