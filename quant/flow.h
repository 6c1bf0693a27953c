/* quant/flow.h - which inputs a recipe quantizes: the rules of quant/apply.h.
 *
 * Every value gets three marks, in one walk in topological order:
 *
 *   near  where its numbers come from through nodes that can work on codes
 *         (Add, Concat, pooling, products that are quantized themselves,
 *         activations, data movement)
 *   far   the same through nodes of any kind, constants left aside: for the
 *         inputs of activation-by-activation products, between which and the
 *         layers stand softmax, rotations and masks
 *   map   whether a convolution is among the nodes before it
 */
#ifndef HAQ_QUANT_FLOW_H
#define HAQ_QUANT_FLOW_H

#include <stdbool.h>

#include "graph/ir.h"

/* How a layer executes, by its .layer name. */
typedef bool haq_flow_layer_fn(const void *arg, const char *layer);

struct haq_flow {
    /* [n_nodes]: a node that is no layer takes its inputs as static codes. */
    bool *quantized;
};

/* `is_static` tells whether a layer has integer weights and static integer
 * activations.  HAQ_NOMEM.  fini frees. */
haq_status haq_flow_make(struct haq_flow *out, const struct haq_graph *g,
                         haq_flow_layer_fn *is_static, const void *arg,
                         struct haq_diag *d);
void haq_flow_fini(struct haq_flow *f);

#endif
