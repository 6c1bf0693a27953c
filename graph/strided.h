/* graph/strided.h - walk over a tensor while following operands that are
 * broadcast, permuted or sliced: each has its own stride per axis. */
#ifndef HAQ_GRAPH_STRIDED_H
#define HAQ_GRAPH_STRIDED_H

#include "graph/ir.h"

enum { HAQ_STRIDED_OPERANDS = 3 };

struct haq_strided {
    struct haq_shape shape;
    int64_t at[HAQ_MAX_RANK];
    int n;
    int64_t stride[HAQ_STRIDED_OPERANDS][HAQ_MAX_RANK]; /* elements */
    int64_t offset[HAQ_STRIDED_OPERANDS]; /* of the current element */
};

/* At element 0 of `shape`, in C order, with no operands. */
void haq_strided_init(struct haq_strided *w, const struct haq_shape *shape);

/* Follow an operand of shape `in`, which broadcasts to the walk's shape. */
void haq_strided_broadcast(struct haq_strided *w, const struct haq_shape *in);

/* Go on by one element. */
void haq_strided_next(struct haq_strided *w);

/* Elements from one index of axis i to the next, for a C-order tensor. */
void haq_strides(const struct haq_shape *shape, int64_t stride[HAQ_MAX_RANK]);

#endif
