/* runtime/walk.h - loops over tensors that broadcast, permute or slice each
 * other, with as few and as long inner runs as their strides allow.
 */
#ifndef HAQ_RUNTIME_WALK_H
#define HAQ_RUNTIME_WALK_H

#include "graph/ir.h"

enum { HAQ_WALK_OPERANDS = 3 };

/* Axes of size 1 are gone and neighbours that all operands cross evenly are
 * merged; rank >= 1, the last axis is the inner run. */
struct haq_walk {
    int rank, operands;
    size_t dims[HAQ_MAX_RANK];
    ptrdiff_t stride[HAQ_WALK_OPERANDS][HAQ_MAX_RANK]; /* elements */
    size_t outer; /* product of all dims but the last */
};

/* stride[k]: elements from one index of an axis of `shape` to the next in
 * operand k. */
void haq_walk_make(struct haq_walk *w, const struct haq_shape *shape,
                   int operands, ptrdiff_t stride[][HAQ_MAX_RANK]);

/* Strides of a C-order tensor, and of one that broadcasts to `to`. */
void haq_walk_strides(ptrdiff_t stride[HAQ_MAX_RANK],
                      const struct haq_shape *shape);
void haq_walk_broadcast(ptrdiff_t stride[HAQ_MAX_RANK],
                        const struct haq_shape *from,
                        const struct haq_shape *to);

/* Offsets of the operands, in elements, at the start of inner run `i`. */
void haq_walk_at(const struct haq_walk *w, size_t i,
                 ptrdiff_t offset[HAQ_WALK_OPERANDS]);

/* For copies, whose order does not matter: put the axis along which operand 0
 * is contiguous, or else the longest, in front of the last one. */
void haq_walk_pair(struct haq_walk *w);

/* How to split a walk among threads: units of work, and units that are worth a
 * thread.  With one inner run the unit is an element of it, else a run. */
size_t haq_walk_units(const struct haq_walk *w);
size_t haq_walk_grain(const struct haq_walk *w);

#endif
