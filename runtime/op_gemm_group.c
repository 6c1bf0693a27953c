/* Layers with a weight scale per group of the reduction: rows are gathered in
 * the model's own order, in which groups are defined. */
#include <math.h>
#include <stdlib.h>

#include "kernels/gemm_group.h"
#include "runtime/finish.h"
#include "runtime/product.h"

enum { ALIGN = 64, SMALL_WORK = 50000 };

struct group_step {
    struct haq_rows rows; /* first: haq_rows_bind */
    const struct haq_gemm_group_impl *impl;
    const struct haq_epilogue_impl *epilogue; /* clamp or quantize, or NULL */
    struct haq_epilogue_args args;
    struct haq_packed w;
    const float *bias;
    size_t parts, channels, n, k, group;
    bool gather;
    size_t row_bytes, ldy, out_elem;
    /* scratch of one thread */
    size_t y_at, scale_at, zero_at, gather_at;
};

/* Scale and zero point of each row, also when all rows have the same. */
static void fill_scales(const struct group_step *g, const char *in, size_t tile,
                        float *scale, int32_t *zero)
{
    const struct haq_act_params *x = &g->rows.in.form.params;
    if (g->rows.in.form.kind == HAQ_FORM_ROWS)
        haq_rows_scales(&g->rows, in, tile, scale, zero);
    for (size_t i = 0; i < g->rows.tile; i++) {
        if (g->rows.in.form.kind != HAQ_FORM_CODES)
            break;
        scale[i] = x->scale;
        zero[i] = x->zero;
    }
}

static void write_out(const struct group_step *g, const float *y, size_t len,
                      char *out)
{
    struct haq_epilogue_args a = g->args;
    a.acc = y;
    a.lda = g->n;
    a.rows = len;
    a.cols = g->n;
    a.y = out;
    a.ldy = g->ldy;
    g->epilogue->run(&a);
}

static void run_unit(const struct haq_part *p, size_t part, size_t tile,
                     char *scratch)
{
    const struct group_step *g = p->s->data;
    const char *in = haq_exec_slot(p->e, p->s->in[0]);
    char *out = haq_exec_slot(p->e, p->s->out[0]);
    size_t len = haq_rows_len(&g->rows, tile);
    const void **rows = (const void **)(void *)scratch;
    const void *const *a = haq_rows_get(&g->rows, p->e->table + p->s->table, in,
                                        tile, part * g->channels, rows);
    float *scale = (float *)(void *)(scratch + g->scale_at);
    int32_t *zero = (int32_t *)(void *)(scratch + g->zero_at);
    float *y = (float *)(void *)(scratch + g->y_at);
    bool codes = g->impl->kind == HAQ_GEMM_U8_S8;

    if (g->gather) {
        char *to = scratch + g->gather_at;
        haq_rows_gather(&g->rows, a, len, g->channels, false, to, g->row_bytes);
        for (size_t i = 0; i < len; i++)
            rows[i] = to + i * g->row_bytes;
        a = rows;
    }
    if (codes)
        fill_scales(g, in, tile, scale, zero);
    struct haq_gemm_group_args args = {
        .a = a,
        .sa = codes ? scale : NULL,
        .za = codes ? zero : NULL,
        .rows = len,
        .k = g->k,
        .group = g->group,
        .w = g->w.data + part * g->w.part_bytes,
        .n = g->n,
        .bias = g->bias ? g->bias + part * g->n : NULL,
        .y = y,
        .ldy = g->n,
    };
    g->impl->run(&args);
    write_out(g, y, len,
              out + (tile * g->rows.tile * g->ldy + part * g->n) * g->out_elem);
}

static void run_units(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct group_step *g = p->s->data;
    for (size_t i = begin; i < end; i++)
        run_unit(p, i / g->rows.tiles, i % g->rows.tiles,
                 haq_exec_scratch(p->e, worker));
}

static void run(const struct haq_exec *e, const struct haq_step *s)
{
    const struct group_step *g = s->data;
    haq_exec_split(e, s, g->parts * g->rows.tiles, 1, run_units);
}

struct pack_job {
    const struct group_step *g;
    const struct haq_weights *w;
};

static haq_status pack(void *arg, void *dst, struct haq_diag *d)
{
    const struct pack_job *j = arg;
    const struct group_step *g = j->g;
    const struct haq_weights *w = j->w;
    (void)d;
    for (size_t i = 0; i < g->parts; i++) {
        size_t row = i * g->n, scales = row * w->groups;
        g->impl->pack((char *)dst + i * g->w.part_bytes, w->codes + row * g->k,
                      w->scale + scales, w->zero ? w->zero + scales : NULL,
                      g->n, g->k, g->group);
    }
    return HAQ_OK;
}

static haq_status pack_weights(struct group_step *g, struct haq_plan *p,
                               const struct haq_weights *w, struct haq_diag *d)
{
    const void *data;
    struct pack_job job = {g, w};
    const char *key = haq_arena_printf(&p->arena, "%s|%s|%zu|%zu", w->id,
                                       g->impl->name, g->parts, g->group);
    if (!key)
        return haq_fail(d, HAQ_NOMEM, "weights %s", w->id);
    g->w.part_bytes = haq_round_up(g->impl->bytes(g->n, g->k, g->group), ALIGN);
    size_t bytes = g->parts * g->w.part_bytes;
    haq_status s = haq_pack_get(p->cache, key, bytes, pack, &job, &data, d);
    g->w.data = data;
    p->weight_bytes += bytes;
    return s;
}

static void choose_epilogue(struct group_step *g, const struct haq_plan *p,
                            const struct haq_form *out, struct haq_clamp clamp)
{
    bool codes = out->kind == HAQ_FORM_CODES;
    g->epilogue =
        haq_epilogue_select(codes ? HAQ_EPI_F32_U8 : HAQ_EPI_F32_F32, p->isa);
    g->out_elem = codes ? 1 : sizeof(float);
    g->args.lo = clamp.lo;
    g->args.hi = clamp.hi;
    if (!codes)
        return;
    g->args.scale = out->params.scale;
    g->args.zero = out->params.zero;
    haq_clamp_codes(&out->params, clamp, &g->args.qlo, &g->args.qhi);
}

static size_t lay_out_scratch(struct group_step *g)
{
    size_t taps = g->rows.window ? g->rows.geometry.taps : 1;
    size_t vector = haq_round_up(g->rows.tile * sizeof(float), ALIGN);
    g->y_at = haq_round_up(g->rows.tile * taps * sizeof(void *), ALIGN);
    g->scale_at =
        g->y_at + haq_round_up(g->rows.tile * g->n * sizeof(float), ALIGN);
    g->zero_at = g->scale_at + vector;
    g->gather_at = g->zero_at + vector;
    return g->gather_at + g->rows.tile * g->row_bytes + ALIGN;
}

haq_status haq_add_gemm_group(struct haq_plan *p, const struct haq_product *x,
                              struct haq_diag *d)
{
    struct haq_step step = haq_plan_node_step(p, x->node);
    struct group_step *g = haq_arena_alloc(&p->arena, sizeof *g);
    if (!g)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    g->impl = haq_gemm_group_select(x->w->kind, x->w->zero, p->isa);
    haq_status s = haq_product_rows(&g->rows, p, x, g->impl->mr, d);
    if (s)
        return s;
    g->parts = x->parts;
    g->channels = x->channels;
    g->n = x->w->n / x->parts;
    g->k = x->w->k;
    g->group = x->w->group;
    g->ldy = x->w->n;
    g->gather = g->rows.window;
    g->row_bytes = haq_round_up(g->k * g->rows.elem, 16) + 16;
    g->bias = haq_layer_bias(p, x->node);
    s = pack_weights(g, p, x->w, d);
    if (s)
        return s;
    choose_epilogue(g, p, &p->slot[x->out].form,
                    haq_plan_node(p, x->node)->clamp);
    step.kernel = g->impl->name;
    step.run = run;
    step.bind = haq_rows_bind;
    step.data = g;
    step.scratch = lay_out_scratch(g);
    step.pointers = haq_rows_pointers(&g->rows);
    step.serial = g->rows.count * x->w->n * g->k < SMALL_WORK;
    return haq_plan_add(p, &step, &x->in, 1, &x->out, 1, d);
}
