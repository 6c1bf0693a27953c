/* graph/op_infer_priv.h - what the rows of op.c point to. */
#ifndef HAQ_GRAPH_OP_INFER_PRIV_H
#define HAQ_GRAPH_OP_INFER_PRIV_H

#include "graph/op.h"

typedef haq_status haq_infer_fn(struct haq_graph *g, struct haq_node *n,
                                struct haq_diag *d);
typedef int64_t haq_macs_fn(const struct haq_graph *g,
                            const struct haq_node *n);

/* op_infer.c: any shape in, the same shape or the broadcast one out */
haq_infer_fn haq_infer_same, haq_infer_float, haq_infer_broadcast,
    haq_infer_equal, haq_infer_where, haq_infer_cast, haq_infer_folded;

/* op_infer_window.c: convolution and pooling */
haq_infer_fn haq_infer_conv, haq_infer_pool, haq_infer_global_pool,
    haq_infer_batch_norm;
haq_macs_fn haq_macs_conv;

/* op_infer_matrix.c: products, reductions, normalization over an axis */
haq_infer_fn haq_infer_gemm, haq_infer_matmul, haq_infer_reduce, haq_infer_axis,
    haq_infer_layer_norm;
haq_macs_fn haq_macs_gemm, haq_macs_matmul;

/* op_infer_move.c: the same elements elsewhere */
haq_infer_fn haq_infer_reshape, haq_infer_flatten, haq_infer_squeeze,
    haq_infer_unsqueeze, haq_infer_transpose, haq_infer_concat, haq_infer_split,
    haq_infer_slice, haq_infer_pad, haq_infer_gather, haq_infer_expand;

/* Input k; it exists. */
static inline const struct haq_value *haq_in(const struct haq_graph *g,
                                             const struct haq_node *n, int k)
{
    return &g->values[n->in[k]];
}

/* Is the optional input k there? */
static inline bool haq_has_in(const struct haq_node *n, int k)
{
    return k < n->n_in && n->in[k] != HAQ_NO_VALUE;
}

/* Give output k its type and shape.  HAQ_INVALID: too many elements. */
haq_status haq_infer_set(struct haq_graph *g, const struct haq_node *n, int k,
                         enum haq_dtype dtype, const struct haq_shape *shape,
                         struct haq_diag *d);

/* The node cannot have such inputs: "node 'x': Conv REASON". */
haq_status haq_infer_bad(const struct haq_node *n, const char *reason,
                         struct haq_diag *d);

/* Every present input is float32, or HAQ_UNSUPPORTED. */
haq_status haq_infer_want_f32(const struct haq_graph *g,
                              const struct haq_node *n, struct haq_diag *d);

#endif
