/* From a training run to a model file that `vimogen generate` takes. */
#ifndef VMG_SRC_LIB_EXPORT_RUN_H
#define VMG_SRC_LIB_EXPORT_RUN_H

#include <stdbool.h>

#include "host/dtype.h"

/*
 * Write the averaged weights of a checkpoint (or of the one in a run's folder) as one GGUF file: the motion network, the text
 * encoder that was trained with it and its tokenizer, mean and standard deviation, and as metadata the configuration ("vimogen.<key>",
 * with its "sampling" and "behaviours"), the words of the training captions ("vimogen.words") and the number of updates
 * ("vimogen.training.updates"). dtype: f32, or what vmg_convert_model makes of matrices. `config` (may be NULL) is another
 * configuration file whose entries count before those of the run's: sampling defaults are found after training; sizes of networks must
 * agree. Nothing is left behind on failure.
 */
int vmg_export_run(const char *run, const char *config, const char *to, vmg_dtype dtype);

#endif
