/* Gather along an axis, and Cast. */
#include <string.h>

#include "runtime/ops.h"

struct gather_step {
    size_t outer, axis, inner; /* shape of the data around the axis */
    size_t count;              /* indices */
    size_t size;               /* bytes of an element */
    enum haq_dtype index;
};

/* An index outside the axis reads its nearest end: data decides here (token
 * ids), and a step cannot fail. */
static size_t place(const struct gather_step *g, const void *indices, size_t i)
{
    int64_t at = haq_dtype_get_int(g->index, indices, i);
    int64_t n = (int64_t)g->axis;
    at = at < 0 ? at + n : at;
    return (size_t)(at < 0 ? 0 : at >= n ? n - 1 : at);
}

static void gather_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct gather_step *g = part->s->data;
    const char *x = haq_exec_slot(part->e, part->s->in[0]);
    const void *indices = haq_exec_slot(part->e, part->s->in[1]);
    char *y = haq_exec_slot(part->e, part->s->out[0]);
    size_t run = g->inner * g->size;
    (void)worker;

    for (size_t i = begin; i < end; i++) {
        size_t o = i / g->count, k = place(g, indices, i % g->count);
        memcpy(y + i * run, x + (o * g->axis + k) * run, run);
    }
}

static void run_gather(const struct haq_exec *e, const struct haq_step *s)
{
    const struct gather_step *g = s->data;
    haq_exec_split(e, s, g->outer * g->count, 64, gather_part);
}

haq_status haq_prepare_gather(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_value *x = haq_plan_value(p, n->in[0]);
    const struct haq_value *index = haq_plan_value(p, n->in[1]);
    struct haq_step step = haq_plan_node_step(p, node);
    struct gather_step *g = haq_arena_alloc(&p->arena, sizeof *g);
    int in[2], out, axis = (int)n->attr.axis;
    haq_status s = g ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "step %s", n->name);

    if (!s && (index->dtype == HAQ_F32 || !x->count))
        s = haq_plan_unsupported(p, node, "needs integer indices", d);
    if (!s)
        s = haq_plan_read(p, n->in[0], &p->stored[n->out[0]], &in[0], d);
    if (!s)
        s = haq_plan_read_plain(p, n->in[1], &in[1], d);
    if (!s)
        s = haq_plan_write(p, n->out[0], &out, d);
    if (s)
        return s;
    *g = (struct gather_step){.outer = 1, .inner = 1};
    for (int i = 0; i < x->shape.rank; i++)
        if (i != axis)
            *(i < axis ? &g->outer : &g->inner) *= (size_t)x->shape.dims[i];
    g->axis = (size_t)x->shape.dims[axis];
    g->count = index->count;
    g->index = index->dtype;
    g->size = p->slot[out].form.kind == HAQ_FORM_CODES
                  ? 1
                  : haq_dtype_info(x->dtype)->bytes;
    step.run = run_gather;
    step.kernel = "copy";
    step.data = g;
    return haq_plan_add(p, &step, in, 2, &out, 1, d);
}

/* ---- Cast --------------------------------------------------------------- */

struct cast_step {
    enum haq_dtype from, to;
    size_t count;
};

static void put(enum haq_dtype to, void *y, size_t i, double v)
{
    if (to == HAQ_F32)
        ((float *)y)[i] = (float)v;
    else if (to == HAQ_I64)
        ((int64_t *)y)[i] = (int64_t)v;
    else if (to == HAQ_I32)
        ((int32_t *)y)[i] = (int32_t)v;
    else
        ((uint8_t *)y)[i] = v != 0;
}

static void run_cast(const struct haq_exec *e, const struct haq_step *s)
{
    const struct cast_step *c = s->data;
    const void *x = haq_exec_slot(e, s->in[0]);
    void *y = haq_exec_slot(e, s->out[0]);
    double limit = c->to == HAQ_I32 ? 2147483647.0 : 9.2e18;

    for (size_t i = 0; i < c->count; i++) {
        double v = haq_dtype_get(c->from, x, i);
        if (c->to == HAQ_I32 ||
            c->to == HAQ_I64) /* out of range is undefined */
            v = v < -limit ? -limit : v > limit ? limit : v == v ? v : 0;
        put(c->to, y, i, v);
    }
}

haq_status haq_prepare_cast(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_value *x = haq_plan_value(p, n->in[0]);
    const struct haq_value *y = haq_plan_value(p, n->out[0]);
    struct haq_step step = haq_plan_node_step(p, node);
    struct cast_step *c = haq_arena_alloc(&p->arena, sizeof *c);
    int in, out;
    haq_status s = c ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "step %s", n->name);

    if (!s && y->dtype != HAQ_F32 && y->dtype != HAQ_I64 &&
        y->dtype != HAQ_I32 && y->dtype != HAQ_BOOL)
        s = haq_plan_unsupported(p, node, "casts to a type that we lack", d);
    if (!s)
        s = haq_plan_read_plain(p, n->in[0], &in, d);
    if (!s)
        s = haq_plan_write(p, n->out[0], &out, d);
    if (s)
        return s;
    *c = (struct cast_step){x->dtype, y->dtype, x->count};
    step.run = run_cast;
    step.kernel = "generic";
    step.data = c;
    return haq_plan_add(p, &step, &in, 1, &out, 1, d);
}
