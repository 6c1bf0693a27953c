/* quant/method/expected.h - means of a layer's inputs without any data: from
 * the batch normalization in front of it (DFQ, Nagel et al. 2019,
 * section 4.2.1; fact sheet 4.3). */
#ifndef HAQ_QUANT_METHOD_EXPECTED_H
#define HAQ_QUANT_METHOD_EXPECTED_H

#include "graph/ir.h"

/* Mean of min(max(x, lo), hi) for x normal with this mean and deviation >= 0.
 */
double haq_clamped_mean(double mean, double deviation,
                        const struct haq_clamp *c);

/* Means of what layer `node` reads, [parts][k] as in quant/moments.h,
 * malloc'ed; NULL with HAQ_OK where nothing is known: its input is not the
 * output of a layer that a batch normalization was folded into.  Padding is
 * taken for pixels like all others.  HAQ_NOMEM. */
haq_status haq_expected_inputs(double **out, const struct haq_graph *g,
                               const struct haq_node *layer,
                               struct haq_diag *d);

#endif
