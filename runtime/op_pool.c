/* Pooling: rows of windows as in convolutions; taps outside are NULL. */
#include "kernels/pool.h"

#include "runtime/finish.h"
#include "runtime/ops.h"
#include "runtime/window.h"

enum { POINTERS = 1024, SMALL_WORK = 50000 };

struct pool_step {
    struct haq_geometry g;
    haq_pool_kernel_fn *kernel;
    struct haq_pool_args args; /* what all tiles share */
    size_t out_elem;
};

static void bind(const struct haq_exec *e, const struct haq_step *s,
                 const void **table)
{
    const struct pool_step *p = s->data;
    haq_geometry_bind(&p->g, table, haq_exec_slot(e, s->in[0]), NULL, 0);
}

static void run_tiles(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct pool_step *p = part->s->data;
    char *out = haq_exec_slot(part->e, part->s->out[0]);
    (void)worker;
    for (size_t t = begin; t < end; t++) {
        size_t first = t * p->g.tile;
        struct haq_pool_args a = p->args;
        a.a = part->e->table + part->s->table + first * p->g.taps;
        a.pixels = haq_min_size(p->g.tile, p->g.pixels - first);
        a.y = out + first * p->g.c * p->out_elem;
        p->kernel(&a);
    }
}

static void run(const struct haq_exec *e, const struct haq_step *s)
{
    const struct pool_step *p = s->data;
    haq_exec_split(e, s, (p->g.pixels + p->g.tile - 1) / p->g.tile, 1,
                   run_tiles);
}

static void choose_kernel(struct pool_step *p, enum haq_opcode op,
                          const struct haq_form *in, const struct haq_form *out,
                          unsigned isa)
{
    const struct haq_pool_impl *k = haq_pool_select(isa);
    bool from_codes = in->kind == HAQ_FORM_CODES;
    bool to_codes = out->kind == HAQ_FORM_CODES;
    if (op == HAQ_OP_MAX_POOL)
        p->kernel = from_codes ? k->max_u8 : k->max_f32;
    else if (from_codes)
        p->kernel = to_codes ? k->avg_u8 : k->avg_u8_f32;
    else
        p->kernel = k->avg_f32;
    p->g.elem = from_codes ? 1 : sizeof(float);
    p->out_elem = to_codes ? 1 : sizeof(float);
    p->args.s_x = in->params.scale;
    p->args.z_x = in->params.zero;
    p->args.s_y = out->params.scale;
    p->args.z_y = out->params.zero;
    p->args.qlo = out->params.qlo;
    p->args.qhi = out->params.qhi;
}

haq_status haq_prepare_pool(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_shape *shape = &haq_plan_value(p, n->in[0])->shape;
    struct haq_step step = haq_plan_node_step(p, node);
    struct haq_form form = haq_plan_input_form(p, node, 0, 0, 0);
    struct pool_step *pool = haq_arena_alloc(&p->arena, sizeof *pool);
    int in, out;

    if (!pool)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (!p->g->nhwc || (shape->rank != 3 && shape->rank != 4))
        return haq_plan_unsupported(p, node, "only 1-D and 2-D, as NHWC", d);
    struct haq_window w = haq_pool_window(n, shape);
    haq_geometry_make(&pool->g, &w, shape,
                      &haq_plan_value(p, n->out[0])->shape);
    haq_status s = haq_plan_write(p, n->out[0], &out, d);
    if (!s && form.kind == HAQ_FORM_PLAIN && n->op->code == HAQ_OP_MAX_POOL)
        form = p->slot[out].form;
    if (!s)
        s = haq_plan_read(p, n->in[0], &form, &in, d);
    if (s)
        return s;
    choose_kernel(pool, n->op->code, &form, &p->slot[out].form, p->isa);
    pool->args.taps = pool->g.taps;
    pool->args.channels = pool->args.ldy = pool->g.c;
    pool->args.fixed_count = w.count_pad ? pool->g.taps : 0;
    pool->g.tile = pool->g.taps >= POINTERS ? 1 : POINTERS / pool->g.taps;
    if (pool->g.tile > 32)
        pool->g.tile = 32;
    step.kernel = "pool";
    step.run = run;
    step.bind = bind;
    step.data = pool;
    step.pointers = haq_geometry_pointers(&pool->g);
    step.serial = step.pointers * pool->g.c < SMALL_WORK;
    return haq_plan_add(p, &step, &in, 1, &out, 1, d);
}
