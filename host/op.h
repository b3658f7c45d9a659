/* Every op, one header per family. A network includes this. */
#ifndef VMG_HOST_OP_H
#define VMG_HOST_OP_H

/*
 * Rules all ops share:
 * - They return void. On wrong shapes or dtypes, or when OpenCL refuses, they set the context's sticky
 *   error and leave outputs undefined; after an error they do nothing.
 * - Tensors are row-major. "matrix (R,C)" may have ld > C where the header says "ld ok"; everything else
 *   must be dense. Any dimension may be 0: then nothing happens.
 * - Activations are f32 (f16 where the header says so), weights what the header says, sums in float.
 * - Backward: parameter gradients accumulate (+=, names end in _acc or say so), activation gradients assign.
 * - `group` arguments map rows to rows of a smaller matrix: (R) i32, VMG_NONE = every row uses row 0.
 *   This is how per-sample modulation meets rows of several samples packed one after another.
 */
#include "host/op/attention.h"
#include "host/op/elementwise.h"
#include "host/op/embed.h"
#include "host/op/filter.h"
#include "host/op/loss.h"
#include "host/op/matmul.h"
#include "host/op/norm.h"
#include "host/op/optim.h"
#include "host/op/random.h"
#include "host/op/reduce.h"
#include "host/op/rows.h"
#include "host/op/softmax.h"

#endif
