/* Fuzzes SentencePiece models: whatever loads also encodes. */
#include <stdlib.h>
#include <string.h>

#include "host/base/status.h"
#include "models/tokenizer.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "A man walks\xE6\x97\xA5 </s> \xFF";
    vmg_tokenizer *t;
    vmg_token_ids ids;
    if (vmg_tokenizer_from_memory(data, size, "fuzz", &t) != VMG_OK)
        return 0;
    if (vmg_tokenizer_encode(t, text, strlen(text), 16, &ids) == VMG_OK) {
        for (int64_t i = 0; i < ids.n; i++)
            if (!vmg_tokenizer_piece(t, ids.id[i]))
                abort();
        vmg_token_ids_free(&ids);
    }
    vmg_tokenizer_free(t);
    return 0;
}
