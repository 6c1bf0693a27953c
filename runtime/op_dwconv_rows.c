/* Depthwise convolution from codes to codes: some output rows and a block of
 * channels at a time. */
#include <stdlib.h>
#include <string.h>

#include "kernels/dwconv_rows.h"
#include "runtime/finish.h"
#include "runtime/op_dwconv.h"

/* UNITS: as many shares as balance well among the threads of a machine. */
enum { ALIGN = 64, SMALL_WORK = 200000, UNITS = 64 };

struct rows_step {
    const struct haq_dwconv_rows_impl *impl;
    struct haq_geometry g;
    struct haq_dwconv_rows_args args; /* what all units share */
    const uint8_t *pad;               /* a row of zero points */
    size_t group;                     /* output rows of a unit */
    size_t groups, blocks;            /* of a sample */
};

static void set_rows(const struct rows_step *c, const uint8_t *in, uint8_t *out,
                     size_t sample, size_t first, const uint8_t **in_rows,
                     uint8_t **out_rows)
{
    const struct haq_geometry *g = &c->g;
    size_t rows = haq_min_size(c->group, g->oh - first);
    size_t count = (rows - 1) * g->stride[0] + g->kernel[0];
    for (size_t i = 0; i < count; i++) {
        size_t y = first * g->stride[0] + i - g->pad[0]; /* huge: above */
        in_rows[i] = y < g->h ? in + (sample * g->h + y) * g->w * g->c : c->pad;
    }
    for (size_t i = 0; i < rows; i++)
        out_rows[i] = out + (sample * g->oh + first + i) * g->ow * g->c;
}

static void run_units(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct rows_step *c = p->s->data;
    const uint8_t *in_rows[HAQ_DWCONV_ROWS_IN];
    uint8_t *out_rows[HAQ_DWCONV_ROWS_MAX];
    struct haq_dwconv_rows_args a = c->args;
    a.in = in_rows;
    a.out = out_rows;
    a.scratch = haq_exec_scratch(p->e, worker);
    for (size_t i = begin; i < end; i++) {
        size_t group = i / c->blocks, first = group % c->groups * c->group;
        set_rows(c, haq_exec_slot(p->e, p->s->in[0]),
                 haq_exec_slot(p->e, p->s->out[0]), group / c->groups, first,
                 in_rows, out_rows);
        a.rows = haq_min_size(c->group, c->g.oh - first);
        a.block = i % c->blocks;
        c->impl->run(&a);
    }
}

static void run(const struct haq_exec *e, const struct haq_step *s)
{
    const struct rows_step *c = s->data;
    haq_exec_split(e, s, c->g.n * c->groups * c->blocks, 1, run_units);
}

static const struct haq_dwconv_rows_impl *row_for(const struct haq_plan *p,
                                                  const struct haq_geometry *g)
{
    bool square = g->kernel[0] == g->kernel[1] && g->stride[0] == g->stride[1];
    bool dense = g->dilation[0] == 1 && g->dilation[1] == 1;
    if (!square || !dense || g->pad[1] >= g->kernel[1])
        return NULL;
    return haq_dwconv_rows_select(g->kernel[0], g->stride[0], p->isa);
}

static bool geometry_of(struct haq_geometry *g, const struct haq_plan *p,
                        const struct haq_product *x)
{
    const struct haq_node *n = haq_plan_node(p, x->node);
    return p->g->nhwc &&
           haq_geometry_make(g, &n->attr.window,
                             &haq_plan_value(p, n->in[0])->shape,
                             &haq_plan_value(p, n->out[0])->shape);
}

bool haq_dwconv_rows_fit(const struct haq_plan *p, const struct haq_product *x)
{
    struct haq_geometry g;
    return p->slot[x->in].form.kind == HAQ_FORM_CODES &&
           p->slot[x->out].form.kind == HAQ_FORM_CODES && x->w->codes &&
           !x->w->per_group && geometry_of(&g, p, x) && row_for(p, &g);
}

/* Weights, corrections and multipliers together, as the row wants them. */
static haq_status pack(struct rows_step *c, struct haq_plan *p,
                       const struct haq_weights *w, const struct haq_finish *f,
                       struct haq_diag *d)
{
    size_t bytes = haq_dwconv_rows_bytes(c->impl, w->n);
    char *dst = haq_arena_alloc(&p->arena, bytes + ALIGN);
    int8_t *taps = malloc(w->n * w->k);
    haq_status s = HAQ_OK;
    if (!dst || !taps) {
        s = haq_fail(d, HAQ_NOMEM, "weights %s", w->id);
        goto done;
    }
    dst += -(uintptr_t)dst % ALIGN;
    haq_weights_taps_first(taps, w->codes, 1, w->k, w->n, 1);
    c->impl->pack(c->impl, dst, taps, f->args.corr, f->args.mult, w->n);
    c->args.packed = dst;
    p->weight_bytes += bytes;
done:
    free(taps);
    return s;
}

static haq_status make_pad(struct rows_step *c, struct haq_plan *p,
                           const struct haq_product *x, struct haq_diag *d)
{
    size_t bytes = c->g.w * c->g.c + HAQ_DWCONV_ROWS_SLACK;
    uint8_t *pad = haq_arena_alloc(&p->arena, bytes);
    if (!pad)
        return haq_fail(d, HAQ_NOMEM, "weights %s", x->w->id);
    memset(pad, p->slot[x->in].form.params.zero, bytes);
    c->pad = pad;
    return HAQ_OK;
}

static haq_status make_finish(struct haq_finish *f, struct haq_plan *p,
                              const struct haq_product *x, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, x->node);
    struct haq_finish_spec spec = {.name = n->name,
                                   .in = &p->slot[x->in].form,
                                   .out = &p->slot[x->out].form,
                                   .n = x->w->n,
                                   .k = x->w->k,
                                   .scale = x->w->scale,
                                   .codes = x->w->codes,
                                   .bias = haq_layer_bias(p, x->node),
                                   .clamp = n->clamp};
    return haq_finish_make(f, p, &spec, d);
}

static void set_args(struct rows_step *c, const struct haq_plan *p,
                     const struct haq_product *x, const struct haq_finish *f)
{
    struct haq_dwconv_rows_args *a = &c->args;
    a->in_width = c->g.w;
    a->out_width = c->g.ow;
    a->pad = c->g.pad[1];
    a->channels = c->g.c;
    a->pad_code = (uint8_t)p->slot[x->in].form.params.zero;
    a->zero = f->args.zero;
    a->qlo = f->args.qlo;
    a->qhi = f->args.qhi;
    c->blocks = haq_dwconv_rows_blocks(c->impl, c->g.c);
    c->group = haq_dwconv_rows_step(c->impl, c->g.c);
    while (c->g.n * c->g.oh * c->blocks > UNITS * c->group &&
           2 * c->group <= HAQ_DWCONV_ROWS_MAX)
        c->group *= 2;
    c->groups = (c->g.oh + c->group - 1) / c->group;
}

haq_status haq_add_dwconv_rows(struct haq_plan *p, const struct haq_product *x,
                               struct haq_diag *d)
{
    struct haq_step step = haq_plan_node_step(p, x->node);
    struct rows_step *c = haq_arena_alloc(&p->arena, sizeof *c);
    struct haq_finish finish;
    if (!c)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    geometry_of(&c->g, p, x);
    c->impl = row_for(p, &c->g);
    haq_status s = make_finish(&finish, p, x, d);
    if (!s)
        s = pack(c, p, x->w, &finish, d);
    if (!s)
        s = make_pad(c, p, x, d);
    if (s)
        return s;
    set_args(c, p, x, &finish);
    step.kernel = c->impl->name;
    step.run = run;
    step.data = c;
    step.scratch = HAQ_DWCONV_ROWS_SCRATCH;
    step.serial = c->g.pixels * c->g.taps * c->g.c < SMALL_WORK;
    return haq_plan_add(p, &step, &x->in, 1, &x->out, 1, d);
}
