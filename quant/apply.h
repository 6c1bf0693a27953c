/* quant/apply.h - graph + recipe + parameters -> what to execute.
 *
 * The graph itself is not changed (many candidates share one); the result is a
 * table beside it: for every node its quantized weight, if any, and for every
 * node input how it is quantized.
 *
 * Which inputs are quantized:
 *  - the data input of a layer as the recipe says;
 *  - the inputs of Add, Concat, AveragePool and GlobalAveragePool, as static
 *    uint8 when every path upstream through such nodes, quantized products,
 *    Relu, Clip and data movement ends in a graph input or in a layer with
 *    integer weights and static integer activations, at least one of them a
 *    layer (so a weight-only or float neighbourhood stays float, dynamic
 * recipes keep these nodes float, and so does what adds a constant);
 *  - behind a convolution, under the same rule, the inputs of Sub, Mul, Min,
 * Max and of activation functions (hard-swish, SiLU, sigmoid, GELU, leaky Relu
 *    and their like), so that convolutional networks stay in codes from layer
 *    to layer; the gates of networks without one stay float;
 *  - both inputs of an activation-by-activation MatMul, as static uint8 under
 *    the same rule with paths through nodes of any kind, constants left aside:
 *    between such a product and the layers stand softmax, rotations and masks;
 *  - data movement and MaxPool pass codes through.
 */
#ifndef HAQ_QUANT_APPLY_H
#define HAQ_QUANT_APPLY_H

#include <stdbool.h>

#include "graph/ir.h"
#include "quant/calib.h"
#include "quant/qweight.h"
#include "quant/recipe.h"

struct haq_qinput {
    bool quantized;
    bool dynamic; /* params.scale and .zero are made at run time */
    struct haq_act_spec spec;
    struct haq_act_params params;
};

struct haq_qnode {
    const struct haq_qweight *weight; /* NULL: float weights (or none) */
    const char *weight_key; /* content key for caches: layer + spec + scales */
    const float *bias;      /* [n] in place of the graph's, or NULL */
    struct haq_qinput *in;  /* [n_in] of the node */
};

/* Quantized weights by content, shared between candidates. */
struct haq_qweight_cache;
struct haq_qweight_cache *haq_qweight_cache_new(void); /* NULL: no memory */
void haq_qweight_cache_free(struct haq_qweight_cache *c);

struct haq_params; /* quant/params.h: scales from a safetensors file */

struct haq_qgraph {
    const struct haq_graph *graph; /* borrowed */
    struct haq_arena arena;
    struct haq_qnode *node; /* [graph->n_nodes] */
};

/* `params` wins over `calib`; either may be NULL (weights then get their
 * round-to-nearest scales; static activations without a range are
 * HAQ_INVALID naming the tensor).  The cache must outlive the result. */
haq_status haq_apply(struct haq_qgraph *out, const struct haq_graph *g,
                     const struct haq_recipe *r, const struct haq_calib *calib,
                     const struct haq_params *params,
                     struct haq_qweight_cache *cache, struct haq_diag *d);
void haq_qgraph_fini(struct haq_qgraph *q);

/* Source names of all tensors that some recipe on g could ask a static range
 * for (layer inputs, and inputs of the nodes listed above): what an observer
 * must watch.  Names borrowed from g; *names is malloc'ed. */
haq_status haq_apply_tensors(const struct haq_graph *g, const char ***names,
                             size_t *n, struct haq_diag *d);

#endif
