#include "runtime/walk.h"

/* Elements below which another thread costs more than it brings. */
enum { GRAIN = 4096 };

void haq_walk_strides(ptrdiff_t stride[HAQ_MAX_RANK],
                      const struct haq_shape *shape)
{
    ptrdiff_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= (ptrdiff_t)shape->dims[i];
    }
}

void haq_walk_broadcast(ptrdiff_t stride[HAQ_MAX_RANK],
                        const struct haq_shape *from,
                        const struct haq_shape *to)
{
    ptrdiff_t own[HAQ_MAX_RANK];
    int shift = to->rank - from->rank;

    haq_walk_strides(own, from);
    for (int i = 0; i < to->rank; i++)
        stride[i] =
            i < shift || from->dims[i - shift] == 1 ? 0 : own[i - shift];
}

/* Does going past the end of the inner axis lead to the next index of `axis`
 * of the walk, for every operand? */
static bool merges(const struct haq_walk *w, int axis, size_t inner_dim,
                   const ptrdiff_t *inner)
{
    for (int k = 0; k < w->operands; k++)
        if (w->stride[k][axis] != inner[k] * (ptrdiff_t)inner_dim)
            return false;
    return true;
}

void haq_walk_make(struct haq_walk *w, const struct haq_shape *shape,
                   int operands, ptrdiff_t stride[][HAQ_MAX_RANK])
{
    *w = (struct haq_walk){.operands = operands, .outer = 1};
    for (int i = 0; i < shape->rank; i++) {
        ptrdiff_t inner[HAQ_WALK_OPERANDS] = {0};
        size_t dim = (size_t)shape->dims[i];
        int at = w->rank - 1;
        if (dim == 1)
            continue;
        for (int k = 0; k < operands; k++)
            inner[k] = stride[k][i];
        if (at >= 0 && merges(w, at, dim, inner))
            w->dims[at] *= dim;
        else
            w->dims[at = w->rank++] = dim;
        for (int k = 0; k < operands; k++)
            w->stride[k][at] = inner[k];
    }
    if (!w->rank)
        w->dims[w->rank++] = 1;
    for (int i = 0; i < w->rank - 1; i++)
        w->outer *= w->dims[i];
}

void haq_walk_at(const struct haq_walk *w, size_t i,
                 ptrdiff_t offset[HAQ_WALK_OPERANDS])
{
    for (int k = 0; k < w->operands; k++)
        offset[k] = 0;
    for (int a = w->rank - 2; a >= 0; a--) {
        ptrdiff_t index = (ptrdiff_t)(i % w->dims[a]);
        i /= w->dims[a];
        for (int k = 0; k < w->operands; k++)
            offset[k] += index * w->stride[k][a];
    }
}

/* Has axis `a` a better claim to stand before the last axis than `b`? */
static bool pairs_better(const struct haq_walk *w, int a, int b)
{
    if ((w->stride[0][a] == 1) != (w->stride[0][b] == 1))
        return w->stride[0][a] == 1;
    return w->dims[a] > w->dims[b];
}

void haq_walk_pair(struct haq_walk *w)
{
    int to = w->rank - 2, best = to;
    for (int a = to - 1; a >= 0; a--)
        best = pairs_better(w, a, best) ? a : best;
    if (best == to)
        return;
    size_t dim = w->dims[to];
    w->dims[to] = w->dims[best];
    w->dims[best] = dim;
    for (int k = 0; k < w->operands; k++) {
        ptrdiff_t stride = w->stride[k][to];
        w->stride[k][to] = w->stride[k][best];
        w->stride[k][best] = stride;
    }
}

size_t haq_walk_units(const struct haq_walk *w)
{
    return w->rank == 1 ? w->dims[0] : w->outer;
}

size_t haq_walk_grain(const struct haq_walk *w)
{
    size_t inner = w->dims[w->rank - 1];
    if (w->rank == 1)
        return GRAIN;
    return inner >= GRAIN ? 1 : GRAIN / (inner ? inner : 1) + 1;
}
