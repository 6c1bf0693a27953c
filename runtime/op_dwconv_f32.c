/* Depthwise convolution of floats: some output rows and a block of channels at
 * a time.  Quantized weights are floats by then. */
#include <stdlib.h>

#include "kernels/dwconv_f32.h"
#include "kernels/epilogue.h"
#include "runtime/finish.h"
#include "runtime/op_dwconv.h"

/* UNITS: as many shares as balance well among the threads of a machine. */
enum { ALIGN = 64, SMALL_WORK = 50000, UNITS = 64, MOST_ROWS = 16 };

struct float_step {
    const struct haq_dwconv_f32_impl *impl;
    struct haq_geometry g;
    struct haq_dwconv_f32_args args; /* what all units share */
    size_t group;                    /* output rows of a unit */
    size_t groups, blocks;           /* of a sample */
    /* Output as codes: floats wait in scratch.  NULL: floats are the output. */
    const struct haq_epilogue_impl *quantize;
    struct haq_epilogue_args codes;
    size_t rows_at; /* in scratch, behind the pointers */
};

struct unit {
    size_t sample, first, rows, block;
};

static struct unit unit_at(const struct float_step *c, size_t i)
{
    size_t group = i / c->blocks, first = group % c->groups * c->group;
    return (struct unit){group / c->groups, first,
                         haq_min_size(c->group, c->g.oh - first),
                         i % c->blocks};
}

static void set_rows(const struct float_step *c, const struct unit *u,
                     const float *in, const float **rows)
{
    const struct haq_geometry *g = &c->g;
    for (size_t i = 0; i < u->rows * g->kernel[0]; i++) {
        size_t top = (u->first + i / g->kernel[0]) * g->stride[0];
        size_t y = top + i % g->kernel[0] * g->dilation[0] - g->pad[0];
        /* above the image it is huge */
        rows[i] = y < g->h ? in + (u->sample * g->h + y) * g->w * g->c : NULL;
    }
}

/* Where a unit's codes belong, from its floats. */
static void put_codes(const struct float_step *c, const struct unit *u,
                      const float *from, uint8_t *to)
{
    const struct haq_geometry *g = &c->g;
    size_t channel = u->block * c->impl->block, row = g->ow * g->c;
    struct haq_epilogue_args a = c->codes;
    a.acc = from + channel;
    a.y = to + (u->sample * g->oh + u->first) * row + channel;
    a.rows = u->rows * g->ow;
    a.cols = haq_min_size(g->c - channel, c->impl->block);
    c->quantize->run(&a);
}

static void run_units(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct float_step *c = p->s->data;
    char *scratch = haq_exec_scratch(p->e, worker);
    const float **in = (const float **)(void *)scratch;
    float *out[MOST_ROWS], *rows = (float *)(void *)(scratch + c->rows_at);
    struct haq_dwconv_f32_args a = c->args;
    size_t row = c->g.ow * c->g.c;
    a.in = in;
    a.out = out;
    for (size_t i = begin; i < end; i++) {
        struct unit u = unit_at(c, i);
        void *y = haq_exec_slot(p->e, p->s->out[0]);
        if (!c->quantize)
            rows = (float *)y + (u.sample * c->g.oh + u.first) * row;
        set_rows(c, &u, haq_exec_slot(p->e, p->s->in[0]), in);
        for (size_t r = 0; r < u.rows; r++)
            out[r] = rows + r * row;
        a.rows = u.rows;
        a.block = u.block;
        c->impl->run(&a);
        if (c->quantize)
            put_codes(c, &u, rows, y);
    }
}

static void run(const struct haq_exec *e, const struct haq_step *s)
{
    const struct float_step *c = s->data;
    haq_exec_split(e, s, c->g.n * c->groups * c->blocks, 1, run_units);
}

/* Codes as the floats that equal them. */
static float *code_values(const struct haq_weights *w)
{
    float *v = malloc(w->n * w->k * sizeof *v);
    for (size_t i = 0; v && i < w->n * w->k; i++)
        v[i] = w->codes[i];
    return v;
}

static haq_status pack(struct float_step *c, struct haq_plan *p,
                       const struct haq_product *x, struct haq_diag *d)
{
    const struct haq_weights *w = x->w;
    size_t bytes = haq_dwconv_f32_packed(c->impl, w->taps, w->n) * 4;
    float *dst = haq_arena_alloc(&p->arena, bytes);
    float *own = w->f ? NULL : code_values(w);
    if (!dst || !(w->f || own)) {
        free(own);
        return haq_fail(d, HAQ_NOMEM, "weights %s", w->id);
    }
    haq_dwconv_f32_pack(c->impl, dst, own ? own : w->f, own ? w->scale : NULL,
                        haq_layer_bias(p, x->node), w->taps, w->n);
    free(own);
    c->args.packed = dst;
    p->weight_bytes += bytes;
    return HAQ_OK;
}

static void set_args(struct float_step *c, const struct haq_plan *p,
                     const struct haq_product *x)
{
    const struct haq_clamp *clamp = &haq_plan_node(p, x->node)->clamp;
    const struct haq_geometry *g = &c->g;
    struct haq_dwconv_f32_args *a = &c->args;
    a->in_width = g->w;
    a->out_width = g->ow;
    a->kernel[0] = g->kernel[0];
    a->kernel[1] = g->kernel[1];
    a->stride = g->stride[1];
    a->dilation = g->dilation[1];
    a->pad = g->pad[1];
    a->channels = g->c;
    a->lo = clamp->lo;
    a->hi = clamp->hi;
    c->blocks = haq_dwconv_f32_blocks(c->impl, g->c);
    c->group = 1;
    while (g->n * g->oh * c->blocks > UNITS * c->group && !c->quantize &&
           2 * c->group <= MOST_ROWS)
        c->group *= 2;
    c->groups = (g->oh + c->group - 1) / c->group;
}

/* What is left of the epilogue when the floats are finished. */
static void set_codes(struct float_step *c, const struct haq_plan *p,
                      const struct haq_product *x)
{
    const struct haq_act_params *y = &p->slot[x->out].form.params;
    const struct haq_clamp *clamp = &haq_plan_node(p, x->node)->clamp;
    c->quantize = haq_epilogue_select(HAQ_EPI_F32_U8, p->isa);
    c->codes = (struct haq_epilogue_args){.lda = c->g.c,
                                          .ldy = c->g.c,
                                          .lo = clamp->lo,
                                          .hi = clamp->hi,
                                          .scale = y->scale,
                                          .zero = y->zero};
    haq_clamp_codes(y, *clamp, &c->codes.qlo, &c->codes.qhi);
}

haq_status haq_add_dwconv_f32(struct haq_plan *p, const struct haq_product *x,
                              struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, x->node);
    struct haq_step step = haq_plan_node_step(p, x->node);
    struct float_step *c = haq_arena_alloc(&p->arena, sizeof *c);
    if (!c)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    c->impl = haq_dwconv_f32_select(p->isa);
    haq_geometry_make(&c->g, &n->attr.window,
                      &haq_plan_value(p, n->in[0])->shape,
                      &haq_plan_value(p, n->out[0])->shape);
    if (p->slot[x->out].form.kind == HAQ_FORM_CODES)
        set_codes(c, p, x);
    haq_status s = pack(c, p, x, d);
    if (s)
        return s;
    set_args(c, p, x);
    c->rows_at =
        haq_round_up(MOST_ROWS * c->g.kernel[0] * sizeof(float *), ALIGN);
    step.kernel = c->impl->name;
    step.run = run;
    step.data = c;
    step.scratch = c->rows_at;
    if (c->quantize)
        step.scratch += c->g.ow * c->g.c * sizeof(float);
    step.serial = c->g.pixels * c->g.taps * c->g.c < SMALL_WORK;
    return haq_plan_add(p, &step, &x->in, 1, &x->out, 1, d);
}
