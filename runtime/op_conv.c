#include "runtime/ops.h"
#include "runtime/product.h"

haq_status haq_prepare_conv(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_shape *in = &haq_plan_value(p, n->in[0])->shape;
    const struct haq_shape *w = &haq_plan_value(p, n->in[1])->shape;
    if (!haq_plan_value(p, n->in[1])->data)
        return haq_plan_unsupported(p, node, "weights that are not constant",
                                    d);
    if (!p->g->nhwc || (in->rank != 3 && in->rank != 4))
        return haq_plan_unsupported(p, node, "only 1-D and 2-D, as NHWC", d);
    size_t samples = (size_t)in->dims[0], c = (size_t)in->dims[in->rank - 1];
    struct haq_product x = {.node = node,
                            .conv = true,
                            .parts = (size_t)n->attr.window.group,
                            .channels = (size_t)w->dims[1]};
    return haq_add_layer(p, &x, haq_plan_value(p, n->in[0])->count / samples, c,
                         d);
}

static haq_status prepare_matrix(struct haq_plan *p, int node,
                                 struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_value *a = haq_plan_value(p, n->in[0]);
    size_t k = (size_t)a->shape.dims[a->shape.rank - 1];
    struct haq_product x = {
        .node = node, .count = a->count / k, .parts = 1, .channels = k};
    return haq_add_layer(p, &x, k, 0, d);
}

haq_status haq_prepare_gemm(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    if (n->layer && !n->attr.trans_a)
        return prepare_matrix(p, node, d);
    return haq_prepare_product(p, node, d);
}

haq_status haq_prepare_matmul(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    if (n->layer)
        return prepare_matrix(p, node, d);
    return haq_prepare_product(p, node, d);
}
