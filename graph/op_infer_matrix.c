#include <string.h>

#include "graph/op_infer_priv.h"

/* The optional bias of Gemm and MatMul: [columns]. */
static bool bias_fits(const struct haq_graph *g, const struct haq_node *n,
                      int64_t columns)
{
    if (!haq_has_in(n, 2))
        return true;
    const struct haq_shape *b = &haq_in(g, n, 2)->shape;
    return b->rank == 1 && b->dims[0] == columns;
}

haq_status haq_infer_gemm(struct haq_graph *g, struct haq_node *n,
                          struct haq_diag *d)
{
    const struct haq_shape *a = &haq_in(g, n, 0)->shape;
    const struct haq_shape *b = &haq_in(g, n, 1)->shape;
    haq_status s = haq_infer_want_f32(g, n, d);

    if (s)
        return s;
    if (a->rank != 2 || b->rank != 2)
        return haq_infer_bad(n, "wants two matrices", d);
    int64_t rows = a->dims[n->attr.trans_a], ka = a->dims[!n->attr.trans_a];
    int64_t kb = b->dims[n->attr.trans_b], columns = b->dims[!n->attr.trans_b];
    if (ka != kb || ka < 1)
        return haq_infer_bad(n, "has matrices that do not fit each other", d);
    if (!bias_fits(g, n, columns))
        return haq_infer_bad(n, "has a bias that is not one value per column",
                             d);
    struct haq_shape out = {2, {rows, columns}};
    return haq_infer_set(g, n, 0, HAQ_F32, &out, d);
}

/* A vector counts as a matrix with one row (left) or one column (right). */
static void as_matrix(struct haq_shape *s, bool left)
{
    if (s->rank != 1)
        return;
    s->rank = 2;
    s->dims[left] = s->dims[0];
    s->dims[!left] = 1;
}

haq_status haq_infer_matmul(struct haq_graph *g, struct haq_node *n,
                            struct haq_diag *d)
{
    struct haq_shape a = haq_in(g, n, 0)->shape, b = haq_in(g, n, 1)->shape;
    bool row = a.rank == 1, column = b.rank == 1;
    haq_status s = haq_infer_want_f32(g, n, d);

    if (s)
        return s;
    if (!a.rank || !b.rank)
        return haq_infer_bad(n, "multiplies a scalar", d);
    as_matrix(&a, true);
    as_matrix(&b, false);
    int64_t m = a.dims[a.rank - 2], k = a.dims[a.rank - 1];
    int64_t cols = b.dims[b.rank - 1];
    if (k != b.dims[b.rank - 2] || k < 1)
        return haq_infer_bad(n, "has matrices that do not fit each other", d);
    a.dims[a.rank - 2] = a.dims[a.rank - 1] = 1;
    b.dims[b.rank - 2] = b.dims[b.rank - 1] = 1;
    if (!haq_shape_broadcast(&a, &b))
        return haq_infer_bad(n, "has batches that do not fit each other", d);
    a.dims[a.rank - 2] = m;
    a.dims[a.rank - 1] = cols;
    if (column)
        a.rank--;
    if (row) {
        if (!column)
            a.dims[a.rank - 2] = cols;
        a.rank--;
    }
    if (!bias_fits(g, n, cols) || (column && haq_has_in(n, 2)))
        return haq_infer_bad(n, "has a bias of the wrong shape", d);
    return haq_infer_set(g, n, 0, HAQ_F32, &a, d);
}

haq_status haq_infer_reduce(struct haq_graph *g, struct haq_node *n,
                            struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);
    struct haq_shape out = {0};
    bool cut[HAQ_MAX_RANK] = {false};

    for (int i = 0; i < n->attr.n_axes; i++) {
        int64_t axis = n->attr.axes[i];
        if (axis < 0 || axis >= x->shape.rank || cut[axis])
            return haq_infer_bad(n, "has an axis out of range", d);
        cut[axis] = true;
    }
    for (int i = 0; i < x->shape.rank; i++)
        if (!cut[i])
            out.dims[out.rank++] = x->shape.dims[i];
        else if (x->shape.dims[i] < 1)
            return haq_infer_bad(n, "reduces an empty axis", d);
        else if (n->attr.keepdims)
            out.dims[out.rank++] = 1;
    return haq_infer_set(g, n, 0, x->dtype, &out, d);
}

haq_status haq_infer_axis(struct haq_graph *g, struct haq_node *n,
                          struct haq_diag *d)
{
    int64_t axis = n->attr.axis;

    if (axis < 0 || axis >= haq_in(g, n, 0)->shape.rank)
        return haq_infer_bad(n, "has an axis out of range", d);
    return haq_infer_float(g, n, d);
}

haq_status haq_infer_layer_norm(struct haq_graph *g, struct haq_node *n,
                                struct haq_diag *d)
{
    const struct haq_shape *x = &haq_in(g, n, 0)->shape;

    for (int k = 1; k < n->n_in; k++) {
        if (!haq_has_in(n, k))
            continue;
        struct haq_shape both = *x;
        if (!haq_shape_broadcast(&both, &haq_in(g, n, k)->shape) ||
            !haq_shape_equal(&both, x))
            return haq_infer_bad(n, "has a scale or bias of the wrong shape",
                                 d);
    }
    return haq_infer_axis(g, n, d);
}

int64_t haq_macs_gemm(const struct haq_graph *g, const struct haq_node *n)
{
    const struct haq_shape *b = &haq_in(g, n, 1)->shape;

    return (int64_t)g->values[n->out[0]].count * b->dims[n->attr.trans_b];
}

int64_t haq_macs_matmul(const struct haq_graph *g, const struct haq_node *n)
{
    const struct haq_shape *a = &haq_in(g, n, 0)->shape;

    return (int64_t)g->values[n->out[0]].count * a->dims[a->rank - 1];
}
