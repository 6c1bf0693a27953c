/* worker/doubts.h - what makes a quantization less than its figures say: one
 * warning in the log for each layer that it concerns.
 *
 * None of it is an error: everything stays finite.  Inputs or weights that are
 * not finite are one, where they are met (runtime/observe.h, runtime/
 * layer_inputs.h, quant/layer_weight.h). */
#ifndef HAQ_WORKER_DOUBTS_H
#define HAQ_WORKER_DOUBTS_H

#include "graph/ir.h"
#include "quant/calib.h"
#include "quant/moments.h"

/* Layers whose input had one value only. */
void haq_doubt_ranges(const struct haq_graph *g, const struct haq_calib *c);

/* Layers with output channels whose weights are all 0.  HAQ_NOMEM, HAQ_INVALID
 * as haq_layer_weight_get. */
haq_status haq_doubt_weights(const struct haq_graph *g, struct haq_diag *d);

/* A layer whose inputs were seen in fewer rows than a channel has weights:
 * their second moments do not have full rank. */
void haq_doubt_moments(const char *layer, const struct haq_moments *x);

#endif
