/* quant/layer_weight.h - the weight of a layer as a matrix.
 *
 * Rows are output channels, a row is the flattened reduction in the model's own
 * order: Conv OIHW is [O][I*kh*kw] as it lies (grouped and depthwise ones too,
 * I being the channels of one group); a MatMul weight [K, N] and a Gemm weight
 * without transB are transposed.
 */
#ifndef HAQ_QUANT_LAYER_WEIGHT_H
#define HAQ_QUANT_LAYER_WEIGHT_H

#include <stdbool.h>

#include "graph/ir.h"

struct haq_layer_weight {
    const float *w; /* [n][k] */
    size_t n, k;
    float *own; /* what fini frees; NULL when w is the graph's memory */
};

/* Only n and k, without touching the weight. */
void haq_layer_weight_dims(const struct haq_graph *g,
                           const struct haq_node *layer, size_t *n, size_t *k);

/* Has a constant bias (input 2). */
bool haq_layer_has_bias(const struct haq_graph *g,
                        const struct haq_node *layer);

/* True when the weight's output channels are its last axis ([K, N]). */
bool haq_layer_weight_transposed(const struct haq_node *layer);

/* `layer` has a name in .layer.  HAQ_NOMEM. */
haq_status haq_layer_weight_get(struct haq_layer_weight *out,
                                const struct haq_graph *g,
                                const struct haq_node *layer,
                                struct haq_diag *d);
void haq_layer_weight_fini(struct haq_layer_weight *w);

#endif
