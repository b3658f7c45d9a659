/* The safetensors format: a JSON header, then the tensors' bytes. */
#ifndef VMG_SRC_FORMAT_SAFETENSORS_H
#define VMG_SRC_FORMAT_SAFETENSORS_H

#include "src/format/source.h"

/* True when the bytes begin with a plausible header length and '{'. */
bool vmg_safetensors_recognise(const uint8_t *data, size_t size);

/* Reader. Strict as the reference: offsets match shapes, tensors fill the file without overlap. */
vmg_source_reader vmg_safetensors_read;

/* The format's name of a type ("BF16"); NULL where it has none. */
const char *vmg_safetensors_dtype_name(vmg_dtype dtype);

/* Path of each shard that a "...safetensors.index.json" names, without repetition, in fresh memory
 * (free with vmg_list_free). Names that lead out of the index's folder are refused. */
int vmg_safetensors_shards(const char *index_path, char ***paths, size_t *n);

#endif
