#include <string.h>

#include "graph/op_infer_priv.h"

/* The concrete shape in ints[0]. */
static bool wanted_shape(const struct haq_node *n, struct haq_shape *out)
{
    if (n->attr.n_ints < 0 || n->attr.n_ints > HAQ_MAX_RANK)
        return false;
    out->rank = n->attr.n_ints;
    for (int i = 0; i < out->rank; i++)
        out->dims[i] = n->attr.ints[0][i];
    return true;
}

haq_status haq_infer_reshape(struct haq_graph *g, struct haq_node *n,
                             struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape out = {0};
    size_t count;

    if (!wanted_shape(n, &out) || !haq_shape_count(&out, &count) ||
        count != x->count)
        return haq_infer_bad(n, "changes the number of elements", d);
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_flatten(struct haq_graph *g, struct haq_node *n,
                             struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape out = {2, {1, 1}};

    if (n->attr.axis < 0 || n->attr.axis > x->shape.rank)
        return haq_infer_bad(n, "has an axis out of range", d);
    for (int i = 0; i < x->shape.rank; i++) {
        int64_t *side = &out.dims[i >= n->attr.axis];
        if (__builtin_mul_overflow(*side, x->shape.dims[i], side))
            return haq_infer_bad(n, "makes a tensor that is too large", d);
    }
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_squeeze(struct haq_graph *g, struct haq_node *n,
                             struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape out = {0};
    int next = 0;

    for (int i = 0; i < x->shape.rank; i++) {
        if (next < n->attr.n_axes && n->attr.axes[next] == i) {
            if (x->shape.dims[i] != 1)
                return haq_infer_bad(n, "drops an axis longer than 1", d);
            next++;
        } else {
            out.dims[out.rank++] = x->shape.dims[i];
        }
    }
    if (next != n->attr.n_axes)
        return haq_infer_bad(n, "has an axis out of range", d);
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_unsqueeze(struct haq_graph *g, struct haq_node *n,
                               struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape out = {.rank = x->shape.rank + n->attr.n_axes};
    int next = 0, from = 0;

    if (out.rank > HAQ_MAX_RANK)
        return haq_infer_bad(n, "makes more than 8 axes", d);
    for (int i = 0; i < out.rank; i++) {
        bool added = next < n->attr.n_axes && n->attr.axes[next] == i;
        if (!added && from == x->shape.rank)
            return haq_infer_bad(n, "has an axis out of range", d);
        out.dims[i] = added ? 1 : x->shape.dims[from];
        next += added;
        from += !added;
    }
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_transpose(struct haq_graph *g, struct haq_node *n,
                               struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape out = {.rank = x->shape.rank};
    bool used[HAQ_MAX_RANK] = {false};

    if (n->attr.n_ints != out.rank)
        return haq_infer_bad(n, "has a perm of the wrong length", d);
    for (int i = 0; i < out.rank; i++) {
        int64_t from = n->attr.ints[0][i];
        if (from < 0 || from >= out.rank || used[from])
            return haq_infer_bad(n, "has a perm that is no permutation", d);
        used[from] = true;
        out.dims[i] = x->shape.dims[from];
    }
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_concat(struct haq_graph *g, struct haq_node *n,
                            struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape out = x->shape;
    int64_t axis = n->attr.axis;

    if (axis < 0 || axis >= out.rank)
        return haq_infer_bad(n, "has an axis out of range", d);
    for (int k = 1; k < n->n_in; k++) {
        if (!haq_has_in(n, k))
            return haq_infer_bad(n, "lacks an input", d);
        const struct haq_value *y = haq_in(g, n, k);
        struct haq_shape rest = y->shape;
        if (y->dtype != x->dtype || rest.rank != out.rank)
            return haq_infer_bad(n, "mixes types or ranks", d);
        if (__builtin_add_overflow(out.dims[axis], rest.dims[axis],
                                   &out.dims[axis]))
            return haq_infer_bad(n, "makes a tensor that is too large", d);
        rest.dims[axis] = out.dims[axis];
        if (!haq_shape_equal(&rest, &out))
            return haq_infer_bad(n, "has inputs that do not fit each other", d);
    }
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_split(struct haq_graph *g, struct haq_node *n,
                           struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    int64_t axis = n->attr.axis;
    int64_t left;

    if (axis < 0 || axis >= x->shape.rank)
        return haq_infer_bad(n, "has an axis out of range", d);
    left = x->shape.dims[axis];
    for (int k = 0; k < n->n_out; k++) {
        struct haq_shape out = g->values[n->out[k]].shape;
        if (out.rank != x->shape.rank || out.dims[axis] < 0 ||
            out.dims[axis] > left)
            return haq_infer_bad(n, "has parts that do not add up", d);
        int64_t part = out.dims[axis];
        out = x->shape;
        out.dims[axis] = part;
        left -= part;
        haq_status s = haq_infer_set(g, n, k, x->dtype, &out, d);
        if (s)
            return s;
    }
    return left ? haq_infer_bad(n, "has parts that do not add up", d) : HAQ_OK;
}

/* Elements of start, start + step, ... before end; -1 when one is outside. */
static int64_t slice_length(int64_t dim, int64_t start, int64_t end,
                            int64_t step)
{
    if (!step || step == INT64_MIN)
        return -1;
    if (step > 0) {
        if (start < 0 || end > dim)
            return -1;
        return end <= start ? 0 : (end - start - 1) / step + 1;
    }
    if (start >= dim || end < -1)
        return -1;
    return end >= start ? 0 : (start - end - 1) / -step + 1;
}

haq_status haq_infer_slice(struct haq_graph *g, struct haq_node *n,
                           struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape out = x->shape;

    if (n->attr.n_ints != out.rank || n->attr.n_axes != out.rank)
        return haq_infer_bad(n, "has bounds of the wrong length", d);
    for (int i = 0; i < out.rank; i++) {
        out.dims[i] = slice_length(x->shape.dims[i], n->attr.ints[0][i],
                                   n->attr.ints[1][i], n->attr.ints[2][i]);
        if (n->attr.axes[i] != i || out.dims[i] < 0)
            return haq_infer_bad(n, "has bounds outside its input", d);
    }
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_pad(struct haq_graph *g, struct haq_node *n,
                         struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape out = x->shape;

    if (n->attr.n_ints != out.rank)
        return haq_infer_bad(n, "has pads of the wrong length", d);
    for (int i = 0; i < out.rank; i++) {
        int64_t before = n->attr.ints[0][i], behind = n->attr.ints[1][i];
        int64_t dim = x->shape.dims[i];
        if (__builtin_add_overflow(dim, before, &out.dims[i]) ||
            __builtin_add_overflow(out.dims[i], behind, &out.dims[i]) ||
            out.dims[i] < 0 || before < -dim || behind < -dim)
            return haq_infer_bad(n, "has pads out of range", d);
        /* edge repeats one element, reflect needs as many as it adds */
        int64_t most = !n->attr.mode                   ? INT64_MAX
                       : !strcmp(n->attr.mode, "edge") ? (dim ? INT64_MAX : 0)
                                                       : dim - 1;
        if (before > most || behind > most)
            return haq_infer_bad(n, "pads more than it can copy", d);
    }
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_gather(struct haq_graph *g, struct haq_node *n,
                            struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0), *index = haq_in(g, n, 1);
    struct haq_shape out = {0};
    int64_t axis = n->attr.axis;

    if (axis < 0 || axis >= x->shape.rank)
        return haq_infer_bad(n, "has an axis out of range", d);
    if (index->dtype != HAQ_I64 && index->dtype != HAQ_I32)
        return haq_infer_bad(n, "has indices that are not integers", d);
    if (x->shape.rank - 1 + index->shape.rank > HAQ_MAX_RANK)
        return haq_infer_bad(n, "makes more than 8 axes", d);
    for (int i = 0; i < x->shape.rank; i++) {
        if (i != axis) {
            out.dims[out.rank++] = x->shape.dims[i];
            continue;
        }
        for (int k = 0; k < index->shape.rank; k++)
            out.dims[out.rank++] = index->shape.dims[k];
    }
    if (index->count && x->shape.dims[axis] < 1)
        return haq_infer_bad(n, "takes elements from an empty axis", d);
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_expand(struct haq_graph *g, struct haq_node *n,
                            struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape want = {0}, out = x->shape;

    if (!wanted_shape(n, &want) || !haq_shape_broadcast(&out, &want) ||
        !haq_shape_equal(&out, &want))
        return haq_infer_bad(n, "cannot broadcast to the wanted shape", d);
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}
