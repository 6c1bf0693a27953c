/* graph/fold_priv.h - evaluators behind the table of fold.c. */
#ifndef HAQ_GRAPH_FOLD_PRIV_H
#define HAQ_GRAPH_FOLD_PRIV_H

#include "graph/op.h"

/* Compute the outputs of n into out[] (memory of the inferred size). */
typedef haq_status haq_fold_fn(struct haq_graph *g, const struct haq_node *n,
                               void **out, struct haq_diag *d);

haq_fold_fn haq_fold_copy, haq_fold_transpose, haq_fold_concat, haq_fold_split,
    haq_fold_slice, haq_fold_pad, haq_fold_gather, haq_fold_expand; /* _move */
haq_fold_fn haq_fold_unary, haq_fold_binary, haq_fold_where,
    haq_fold_cast; /* _elem */

/* Element types that arithmetic covers: float32, int32, int64, bool. */
bool haq_fold_arithmetic(enum haq_dtype t);

#endif
