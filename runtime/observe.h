/* runtime/observe.h - activation statistics over a calibration set. */
#ifndef HAQ_RUNTIME_OBSERVE_H
#define HAQ_RUNTIME_OBSERVE_H

#include "graph/dataset.h"
#include "quant/calib.h"
#include "runtime/exec.h"

/* Run the float model over all samples of `data` on the pool's threads and
 * collect min, max, those of every sample and, when asked for, histograms with
 * the count of zeros (second pass) of the tensors that haq_apply_tensors names.
 * The result does not depend on the number of threads nor on the batch of `g`.
 * HAQ_INVALID: an activation is NaN or infinite (tensor, layer that reads it
 * and sample named). */
haq_status haq_observe(struct haq_calib *out, const struct haq_graph *g,
                       const struct haq_dataset *data, bool histograms,
                       unsigned isa, struct haq_pool *pool, struct haq_diag *d);

#endif
