/* runtime/layer_inputs.h - the inputs of layers, row by row, in the float model
 * and in a quantized network. */
#ifndef HAQ_RUNTIME_LAYER_INPUTS_H
#define HAQ_RUNTIME_LAYER_INPUTS_H

#include "graph/dataset.h"
#include "quant/moments.h"
#include "runtime/exec.h"

enum { HAQ_INPUT_ROWS = 32768 };

/* Run both plans of one graph on the first `samples` of `data` (0 = all) and
 * take the moments of what each of `n` layers (node indices of the graph)
 * reads; out is [n].  `quantized` may have integer weights, but its activations
 * are float; NULL: it is the model.  Of more than HAQ_INPUT_ROWS rows an even
 * choice is taken, the same every time.  On success the caller owes
 * haq_moments_fini of each.
 * HAQ_NOMEM; HAQ_INVALID: NaN or infinite inputs (layer named). */
haq_status haq_layer_inputs(struct haq_moments *out,
                            const struct haq_plan *model,
                            const struct haq_plan *quantized, const int *node,
                            size_t n, const struct haq_dataset *data,
                            size_t samples, struct haq_pool *pool,
                            struct haq_diag *d);

#endif
