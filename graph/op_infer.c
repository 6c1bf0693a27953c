#include "graph/op_infer_priv.h"

haq_status haq_infer_set(struct haq_graph *g, const struct haq_node *n, int k,
                         enum haq_dtype dtype, const struct haq_shape *shape,
                         struct haq_diag *d)
{
    struct haq_value *v = &g->values[n->out[k]];

    if (!haq_shape_count(shape, &v->count))
        return haq_infer_bad(n, "makes a tensor that is too large", d);
    v->dtype = dtype;
    v->shape = *shape;
    return HAQ_OK;
}

haq_status haq_infer_bad(const struct haq_node *n, const char *reason,
                         struct haq_diag *d)
{
    return haq_fail(d, HAQ_FORMAT, "node '%.120s': %s %s", n->name, n->op->name,
                    reason);
}

haq_status haq_infer_want_f32(const struct haq_graph *g,
                              const struct haq_node *n, struct haq_diag *d)
{
    for (int k = 0; k < n->n_in; k++)
        if (haq_has_in(n, k) && haq_in(g, n, k)->dtype != HAQ_F32)
            return haq_fail(d, HAQ_UNSUPPORTED,
                            "node '%.120s': %s on %s (only float32)", n->name,
                            n->op->name,
                            haq_dtype_info(haq_in(g, n, k)->dtype)->name);
    return HAQ_OK;
}

bool haq_shape_broadcast(struct haq_shape *a, const struct haq_shape *b)
{
    struct haq_shape out = a->rank >= b->rank ? *a : *b;

    for (int i = 1; i <= out.rank; i++) {
        int64_t x = i <= a->rank ? a->dims[a->rank - i] : 1;
        int64_t y = i <= b->rank ? b->dims[b->rank - i] : 1;
        if (x != y && x != 1 && y != 1)
            return false;
        out.dims[out.rank - i] = x == 1 ? y : x;
    }
    *a = out;
    return true;
}

haq_status haq_infer_same(struct haq_graph *g, struct haq_node *n,
                          struct haq_diag *d)
{
    const struct haq_value *x = haq_in(g, n, 0);

    return haq_infer_set(g, n, 0, x->dtype, &x->shape, d);
}

haq_status haq_infer_float(struct haq_graph *g, struct haq_node *n,
                           struct haq_diag *d)
{
    haq_status s = haq_infer_want_f32(g, n, d);

    return s ? s : haq_infer_same(g, n, d);
}

/* Inputs first.. broadcast together; they have one type. */
static haq_status broadcast(struct haq_graph *g, const struct haq_node *n,
                            int first, struct haq_shape *out,
                            struct haq_diag *d)
{
    for (int k = first; k < n->n_in; k++) {
        if (!haq_has_in(n, k))
            return haq_infer_bad(n, "lacks an input", d);
        if (haq_in(g, n, k)->dtype != haq_in(g, n, first)->dtype)
            return haq_infer_bad(n, "mixes types", d);
        if (!haq_shape_broadcast(out, &haq_in(g, n, k)->shape))
            return haq_infer_bad(n, "cannot broadcast its inputs", d);
    }
    return HAQ_OK;
}

haq_status haq_infer_broadcast(struct haq_graph *g, struct haq_node *n,
                               struct haq_diag *d)
{
    struct haq_shape out = haq_in(g, n, 0)->shape;
    haq_status s = broadcast(g, n, 0, &out, d);

    return s ? s : haq_infer_set(g, n, 0, haq_in(g, n, 0)->dtype, &out, d);
}

haq_status haq_infer_equal(struct haq_graph *g, struct haq_node *n,
                           struct haq_diag *d)
{
    struct haq_shape out = haq_in(g, n, 0)->shape;
    haq_status s = broadcast(g, n, 0, &out, d);

    return s ? s : haq_infer_set(g, n, 0, HAQ_BOOL, &out, d);
}

haq_status haq_infer_where(struct haq_graph *g, struct haq_node *n,
                           struct haq_diag *d)
{
    struct haq_shape out = haq_in(g, n, 0)->shape;
    haq_status s = broadcast(g, n, 1, &out, d);

    if (!s && haq_in(g, n, 0)->dtype != HAQ_BOOL)
        s = haq_infer_bad(n, "has a condition that is not bool", d);
    return s ? s : haq_infer_set(g, n, 0, haq_in(g, n, 1)->dtype, &out, d);
}

haq_status haq_infer_cast(struct haq_graph *g, struct haq_node *n,
                          struct haq_diag *d)
{
    return haq_infer_set(g, n, 0, (enum haq_dtype)n->attr.to,
                         &haq_in(g, n, 0)->shape, d);
}

haq_status haq_infer_folded(struct haq_graph *g, struct haq_node *n,
                            struct haq_diag *d)
{
    (void)g;
    return haq_fail(d, HAQ_UNSUPPORTED,
                    "node '%.120s': %s on values that are only known when the "
                    "network runs",
                    n->name, n->op->name);
}
