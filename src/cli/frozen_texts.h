/* Captions' embeddings by an encoder that is not trained, computed before training and kept. */
#ifndef VMG_SRC_CLI_FROZEN_TEXTS_H
#define VMG_SRC_CLI_FROZEN_TEXTS_H

#include "host/ctx.h"
#include "src/train/feed.h"

typedef struct vmg_frozen_texts vmg_frozen_texts;

/* Encode every caption of a data set, and the empty text, with the encoder at `path` (through the user's embedding cache). All
 * embeddings are kept in memory as f32: captions × tokens × 4096 × 4 bytes for umT5-XXL. VMG_E_INTERRUPTED. */
int vmg_frozen_texts_open(vmg_ctx *ctx, const char *path, const char *data, vmg_frozen_texts **out);
void vmg_frozen_texts_close(vmg_frozen_texts *f); /* accepts NULL */

/* A feed's source; borrowed. {0} for NULL. */
vmg_text_source vmg_frozen_texts_source(vmg_frozen_texts *f);

#endif
