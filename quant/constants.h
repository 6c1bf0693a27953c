/* quant/constants.h - constants of the model that methods have changed and that
 * belong to no quantized layer: scales of normalizations, embeddings, weights
 * of layers that stay float.  In a params file (params.h) they are
 *
 *   constant/<tensor>      F32, shape as in the graph, in its place
 */
#ifndef HAQ_QUANT_CONSTANTS_H
#define HAQ_QUANT_CONSTANTS_H

#include "graph/ir.h"
#include "quant/params.h"

/* Are there any?  NULL is fine. */
bool haq_constants_present(const struct haq_params *p);

/* Store value `value` of g, a constant of float32.  HAQ_NOMEM. */
haq_status haq_constants_put(struct haq_params *p, const struct haq_graph *g,
                             int value, struct haq_diag *d);

/* Put all there are in the place of the graph's own.
 * HAQ_INVALID: the graph has no such constant, it has another shape or type, or
 * a number is not finite; the tensor is named. */
haq_status haq_constants_apply(struct haq_graph *g, const struct haq_params *p,
                               struct haq_diag *d);

#endif
