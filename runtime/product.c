#include "runtime/product.h"

#include "runtime/simulate.h"

haq_status haq_product_rows(struct haq_rows *r, struct haq_plan *p,
                            const struct haq_product *x, size_t mr,
                            struct haq_diag *d)
{
    if (x->conv)
        return haq_rows_conv(r, p, x->node, x->in, mr, d);
    return haq_rows_matrix(r, p, x->in, x->count, x->channels, mr);
}

static haq_product_fn *choose(const struct haq_product *x)
{
    bool depthwise =
        x->conv && x->parts > 1 && x->channels == 1 && x->w->n == x->parts;
    if (depthwise && x->w->groups == 1 && !x->w->zero)
        return haq_add_dwconv;
    return x->w->per_group ? haq_add_gemm_group : haq_add_gemm;
}

haq_status haq_add_layer(struct haq_plan *p, struct haq_product *x, size_t row,
                         size_t pad, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, x->node);
    struct haq_form form =
        haq_form_center(haq_plan_input_form(p, x->node, 0, row, pad));
    struct haq_weights w;
    haq_status s = haq_plan_read(p, n->in[0], &form, &x->in, d);
    if (!s)
        s = haq_plan_write(p, n->out[0], &x->out, d);
    if (!s &&
        (form.kind == HAQ_FORM_CENTERED || form.kind == HAQ_FORM_CENTERED_ROWS))
        return haq_add_simulated(p, x, d);
    if (!s)
        s = haq_weights_init(&w, p, x->node, &form, d);
    if (s)
        return s;
    x->w = &w;
    s = choose(x)(p, x, d);
    x->w = NULL;
    haq_weights_fini(&w);
    return s;
}
