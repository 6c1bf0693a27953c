/* Where and Equal: element by element, with broadcasting. */
#include <string.h>

#include "runtime/ops.h"
#include "runtime/walk.h"

struct select_step {
    struct haq_walk walk;
    size_t elem;
    enum haq_dtype type;
};

static void run_where(const struct haq_exec *e, const struct haq_step *s)
{
    const struct select_step *w = s->data;
    const unsigned char *c = haq_exec_slot(e, s->in[0]);
    const char *x[] = {NULL, haq_exec_slot(e, s->in[1]),
                       haq_exec_slot(e, s->in[2])};
    char *y = haq_exec_slot(e, s->out[0]);
    ptrdiff_t at[HAQ_WALK_OPERANDS], elem = (ptrdiff_t)w->elem;
    int last = w->walk.rank - 1;

    for (size_t o = 0; o < w->walk.outer; o++) {
        haq_walk_at(&w->walk, o, at);
        for (size_t i = 0; i < w->walk.dims[last]; i++, y += elem) {
            int from = c[at[0]] ? 1 : 2;
            memcpy(y, x[from] + at[from] * elem, w->elem);
            for (int k = 0; k < HAQ_WALK_OPERANDS; k++)
                at[k] += w->walk.stride[k][last];
        }
    }
}

static void run_equal(const struct haq_exec *e, const struct haq_step *s)
{
    const struct select_step *w = s->data;
    const void *a = haq_exec_slot(e, s->in[0]), *b = haq_exec_slot(e, s->in[1]);
    unsigned char *y = haq_exec_slot(e, s->out[0]);
    ptrdiff_t at[HAQ_WALK_OPERANDS];
    int last = w->walk.rank - 1;

    for (size_t o = 0; o < w->walk.outer; o++) {
        haq_walk_at(&w->walk, o, at);
        for (size_t i = 0; i < w->walk.dims[last]; i++) {
            double x = haq_dtype_get(w->type, a, (size_t)at[0]);
            double z = haq_dtype_get(w->type, b, (size_t)at[1]);
            *y++ = x <= z && x >= z;
            at[0] += w->walk.stride[0][last];
            at[1] += w->walk.stride[1][last];
        }
    }
}

static haq_status prepare_select(struct haq_plan *p, int node,
                                 haq_step_run_fn *run, const char *kernel,
                                 struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    struct haq_step step = haq_plan_node_step(p, node);
    struct select_step *w = haq_arena_alloc(&p->arena, sizeof *w);
    const struct haq_value *y = haq_plan_value(p, n->out[0]);
    ptrdiff_t stride[HAQ_WALK_OPERANDS][HAQ_MAX_RANK];
    int in[HAQ_WALK_OPERANDS], out;
    haq_status s = HAQ_OK;

    if (!w)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (n->n_in > HAQ_WALK_OPERANDS)
        return haq_plan_unsupported(p, node, "too many operands", d);
    for (int i = 0; !s && i < n->n_in; i++) {
        haq_walk_broadcast(stride[i], &haq_plan_value(p, n->in[i])->shape,
                           &y->shape);
        s = haq_plan_read_plain(p, n->in[i], &in[i], d);
    }
    if (!s)
        s = haq_plan_write(p, n->out[0], &out, d);
    if (s)
        return s;
    haq_walk_make(&w->walk, &y->shape, n->n_in, stride);
    w->elem = haq_dtype_info(y->dtype)->bytes;
    w->type = haq_plan_value(p, n->in[0])->dtype;
    step.kernel = kernel;
    step.run = run;
    step.data = w;
    return haq_plan_add(p, &step, in, n->n_in, &out, 1, d);
}

haq_status haq_prepare_where(struct haq_plan *p, int node, struct haq_diag *d)
{
    return prepare_select(p, node, run_where, "where", d);
}

haq_status haq_prepare_compare(struct haq_plan *p, int node, struct haq_diag *d)
{
    return prepare_select(p, node, run_equal, "equal", d);
}
