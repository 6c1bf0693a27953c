/* Operators that move elements: shapes, axes and bounds into normal form. */
#include <string.h>

#include "graph/onnx_node_priv.h"

static const struct haq_shape *shape_of(const struct haq_onnx_node *c)
{
    return &haq_onnx_input(c, 0)->shape;
}

/* The first input alone is left: the others have been read. */
static void keep_data_input(struct haq_onnx_node *c)
{
    haq_onnx_self(c)->n_in = 1;
}

static void require(struct haq_onnx_node *c, const struct haq_onnx_ints *v,
                    const char *what)
{
    if (!v->given)
        haq_onnx_refuse(c, HAQ_FORMAT, "lacks '%s'", what);
}

/* Fill in 0 (copy) and -1 (what is left) of a wanted shape. */
static void resolve_shape(struct haq_onnx_node *c, struct haq_onnx_ints *want,
                          bool allow_zero)
{
    const struct haq_shape *x = shape_of(c);
    struct haq_shape known = {.rank = 0};
    int open = -1;
    size_t count, total = 0;

    for (int i = 0; i < want->n; i++) {
        if (want->v[i] == 0 && !allow_zero)
            want->v[i] = i < x->rank ? x->dims[i] : -2;
        if (want->v[i] == -1 && open < 0)
            open = i;
        else
            known.dims[known.rank++] = want->v[i];
    }
    if (!haq_shape_count(&known, &count) || !haq_shape_count(x, &total) ||
        (open >= 0 && (!count || total % count))) {
        haq_onnx_refuse(c, HAQ_FORMAT,
                        "has a shape that does not fit %zu "
                        "elements",
                        total);
        return;
    }
    if (open >= 0)
        want->v[open] = (int64_t)(total / count);
}

void haq_onnx_read_reshape(struct haq_onnx_node *c)
{
    struct haq_attrs *a = &haq_onnx_self(c)->attr;
    bool allow_zero = haq_onnx_int(c, "allowzero", 0) != 0;
    struct haq_onnx_ints want;

    haq_onnx_ints_or_input(c, "shape", 1, &want);
    require(c, &want, "shape");
    if (want.n > HAQ_MAX_RANK)
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "makes %d axes", want.n);
    if (c->status)
        return;
    resolve_shape(c, &want, allow_zero);
    a->n_ints = want.n;
    memcpy(a->ints[0], want.v, sizeof a->ints[0]);
    keep_data_input(c);
}

void haq_onnx_read_expand(struct haq_onnx_node *c)
{
    struct haq_attrs *a = &haq_onnx_self(c)->attr;
    struct haq_onnx_ints want;
    struct haq_shape out = {0};

    haq_onnx_ints_or_input(c, "shape", 1, &want);
    require(c, &want, "shape");
    if (want.n > HAQ_MAX_RANK)
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "makes %d axes", want.n);
    if (c->status)
        return;
    out.rank = want.n;
    memcpy(out.dims, want.v, sizeof out.dims);
    if (!haq_shape_broadcast(&out, shape_of(c)))
        haq_onnx_refuse(c, HAQ_FORMAT, "cannot broadcast to the wanted shape");
    a->n_ints = out.rank;
    memcpy(a->ints[0], out.dims, sizeof a->ints[0]);
    keep_data_input(c);
}

void haq_onnx_read_flatten(struct haq_onnx_node *c)
{
    int64_t axis = haq_onnx_int(c, "axis", 1);
    int rank = shape_of(c)->rank;

    haq_onnx_self(c)->attr.axis =
        axis == rank ? rank : haq_onnx_axis(c, axis, rank);
}

void haq_onnx_read_squeeze(struct haq_onnx_node *c)
{
    const struct haq_shape *x = shape_of(c);
    struct haq_onnx_ints axes;

    haq_onnx_ints_or_input(c, "axes", 1, &axes);
    for (int i = 0; i < x->rank && !axes.given; i++)
        if (x->dims[i] == 1)
            axes.v[axes.n++] = i;
    haq_onnx_set_axes(c, &axes, x->rank);
    keep_data_input(c);
}

void haq_onnx_read_unsqueeze(struct haq_onnx_node *c)
{
    struct haq_onnx_ints axes;

    haq_onnx_ints_or_input(c, "axes", 1, &axes);
    require(c, &axes, "axes");
    if (shape_of(c)->rank + axes.n > HAQ_MAX_RANK)
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "makes more than 8 axes");
    if (!c->status)
        haq_onnx_set_axes(c, &axes, shape_of(c)->rank + axes.n);
    keep_data_input(c);
}

void haq_onnx_read_transpose(struct haq_onnx_node *c)
{
    struct haq_attrs *a = &haq_onnx_self(c)->attr;
    int rank = shape_of(c)->rank;
    struct haq_onnx_ints perm;

    haq_onnx_ints(c, "perm", &perm);
    if (perm.given && perm.n != rank)
        haq_onnx_refuse(c, HAQ_FORMAT, "has a perm of %d for %d axes", perm.n,
                        rank);
    if (c->status)
        return;
    a->n_ints = rank;
    for (int i = 0; i < rank; i++)
        a->ints[0][i] =
            perm.given ? haq_onnx_axis(c, perm.v[i], rank) : rank - 1 - i;
}

/* Sizes of the parts of a Split into attr-free form: the outputs' shapes. */
static void set_parts(struct haq_onnx_node *c, const int64_t *size,
                      int64_t axis)
{
    const struct haq_node *n = haq_onnx_self(c);
    int64_t dim = shape_of(c)->dims[axis];
    int64_t each = (dim + n->n_out - 1) / n->n_out;

    for (int k = 0; k < n->n_out; k++) {
        struct haq_shape *out = &c->g->values[n->out[k]].shape;
        int64_t left = dim - each * k;
        *out = *shape_of(c);
        out->dims[axis] = size          ? size[k]
                          : left < 0    ? 0
                          : left < each ? left
                                        : each;
    }
}

void haq_onnx_read_split(struct haq_onnx_node *c)
{
    struct haq_node *n = haq_onnx_self(c);
    const struct haq_value *sizes = haq_onnx_input(c, 1);
    const Onnx__AttributeProto *split = haq_onnx_attr(c, "split");
    int64_t axis =
        haq_onnx_axis(c, haq_onnx_int(c, "axis", 0), shape_of(c)->rank);

    n->attr.axis = axis;
    if (haq_onnx_int(c, "num_outputs", n->n_out) != n->n_out)
        haq_onnx_refuse(c, HAQ_FORMAT,
                        "has another number of outputs than "
                        "num_outputs");
    if (sizes && (!sizes->data || sizes->dtype != HAQ_I64))
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has sizes that are not constant");
    if ((sizes && sizes->count != (size_t)n->n_out) ||
        (split && split->n_ints != (size_t)n->n_out))
        haq_onnx_refuse(c, HAQ_FORMAT,
                        "has another number of outputs than "
                        "sizes");
    if (!c->status)
        set_parts(c, split ? split->ints : sizes ? sizes->data : NULL, axis);
    keep_data_input(c);
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* ONNX Slice: bounds may count from the end and may lie outside. */
static void slice_axis(struct haq_attrs *a, int64_t axis, int64_t dim,
                       int64_t start, int64_t end, int64_t step)
{
    /* A step beyond the axis takes one element whatever its size is. */
    step = clamp(step, -INT32_MAX, INT32_MAX);
    start = start < 0 ? start + dim : start;
    end = end < 0 && end >= -INT64_MAX / 2 ? end + dim : end;
    if (step > 0) {
        start = clamp(start, 0, dim);
        end = clamp(end, start, dim);
    } else {
        start = clamp(start, dim ? 0 : -1, dim - 1);
        end = clamp(end, -1, start);
    }
    a->ints[0][axis] = start;
    a->ints[1][axis] = end;
    a->ints[2][axis] = step;
}

void haq_onnx_read_slice(struct haq_onnx_node *c)
{
    const struct haq_shape *x = shape_of(c);
    struct haq_attrs *a = &haq_onnx_self(c)->attr;
    struct haq_onnx_ints start, end, axes, step;

    haq_onnx_ints_or_input(c, "starts", 1, &start);
    haq_onnx_ints_or_input(c, "ends", 2, &end);
    haq_onnx_ints_or_input(c, "axes", 3, &axes);
    haq_onnx_ints_or_input(c, "steps", 4, &step);
    require(c, &start, "starts");
    require(c, &end, "ends");
    if (start.n != end.n || (axes.given && axes.n != start.n) ||
        (step.given && step.n != start.n) || start.n > x->rank)
        haq_onnx_refuse(c, HAQ_FORMAT, "has bounds of different lengths");
    if (c->status)
        return;
    a->n_ints = a->n_axes = x->rank;
    for (int i = 0; i < x->rank; i++) {
        a->axes[i] = i;
        slice_axis(a, i, x->dims[i], 0, x->dims[i], 1);
    }
    for (int i = 0; i < start.n && !c->status; i++) {
        int64_t axis = haq_onnx_axis(c, axes.given ? axes.v[i] : i, x->rank);
        int64_t by = step.given ? step.v[i] : 1;
        if (!by)
            haq_onnx_refuse(c, HAQ_FORMAT, "has a step of 0");
        if (!c->status)
            slice_axis(a, axis, x->dims[axis], start.v[i], end.v[i], by);
    }
    keep_data_input(c);
}

void haq_onnx_read_pad(struct haq_onnx_node *c)
{
    const struct haq_shape *x = shape_of(c);
    struct haq_attrs *a = &haq_onnx_self(c)->attr;
    const char *mode = haq_onnx_str(c, "mode", "constant");
    struct haq_onnx_ints pads, axes;

    haq_onnx_ints_or_input(c, "pads", 1, &pads);
    haq_onnx_real_or_input(c, "value", 2, &a->alpha);
    haq_onnx_ints_or_input(c, "axes", 3, &axes);
    require(c, &pads, "pads");
    for (int i = 0; i < x->rank && !axes.given; i++)
        axes.v[axes.n++] = i;
    if (pads.n != 2 * axes.n)
        haq_onnx_refuse(c, HAQ_FORMAT, "has %d pads for %d axes", pads.n,
                        axes.n);
    if (strcmp(mode, "constant") && strcmp(mode, "edge") &&
        strcmp(mode, "reflect"))
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has mode '%.40s'", mode);
    a->mode = strcmp(mode, "constant") ? mode : NULL;
    a->n_ints = x->rank;
    for (int i = 0; i < axes.n && !c->status; i++) {
        int64_t axis = haq_onnx_axis(c, axes.v[i], x->rank);
        a->ints[0][axis] = pads.v[i];
        a->ints[1][axis] = pads.v[i + axes.n];
    }
    keep_data_input(c);
}

void haq_onnx_read_shape(struct haq_onnx_node *c)
{
    struct haq_attrs *a = &haq_onnx_self(c)->attr;

    a->ints[0][0] = haq_onnx_int(c, "start", 0);
    a->ints[1][0] = haq_onnx_int(c, "end", HAQ_MAX_RANK);
}

/* ConstantOfShape: the value's bytes in ints[0], its type in `to`. */
void haq_onnx_read_filled(struct haq_onnx_node *c)
{
    struct haq_attrs *a = &haq_onnx_self(c)->attr;
    const Onnx__AttributeProto *value = haq_onnx_attr(c, "value");
    struct haq_onnx_tensor t;

    a->to = HAQ_F32;
    if (!value)
        return;
    if (!value->t) {
        haq_onnx_refuse(c, HAQ_FORMAT, "has a value that is no tensor");
        return;
    }
    c->status = haq_onnx_tensor_read(
        &t, c->file, value->t, haq_onnx_self(c)->name, &c->g->arena, c->diag);
    if (!c->status && t.count != 1)
        haq_onnx_refuse(c, HAQ_FORMAT, "has a value of %zu elements", t.count);
    if (c->status)
        return;
    a->to = (int)t.dtype;
    memcpy(a->ints[0], t.data, haq_dtype_info(t.dtype)->bytes);
}
