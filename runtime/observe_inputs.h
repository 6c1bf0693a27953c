/* runtime/observe_inputs.h - statistics of what layers read, by channel. */
#ifndef HAQ_RUNTIME_OBSERVE_INPUTS_H
#define HAQ_RUNTIME_OBSERVE_INPUTS_H

#include "graph/dataset.h"
#include "quant/input_stats.h"
#include "runtime/exec.h"

/* Run the float model over all samples of `data`, twice, and fill `out` for
 * every layer of `g`.  Sums are taken in the order of the samples: the result
 * does not depend on the number of threads.  On success the caller owes
 * haq_inputs_fini.
 * HAQ_NOMEM; HAQ_INVALID: NaN or infinite inputs (layer named). */
haq_status haq_observe_inputs(struct haq_inputs *out, const struct haq_graph *g,
                              const struct haq_dataset *data, unsigned isa,
                              struct haq_pool *pool, struct haq_diag *d);

#endif
