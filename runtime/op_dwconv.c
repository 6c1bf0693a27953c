/* Depthwise convolution of codes: tiles of pixels, all channels; the
 * accumulators of a tile stay in the first cache level until the epilogue has
 * written them. */
#include <math.h>

#include "kernels/dwconv.h"
#include "runtime/finish.h"
#include "runtime/op_dwconv.h"

enum { TILE = 16, ALIGN = 64, SMALL_WORK = 50000 };

struct dwconv_step {
    struct haq_rows rows; /* first: haq_rows_bind */
    const struct haq_dwconv_impl *impl;
    struct haq_finish finish;
    const int8_t *w; /* [taps][channels] */
    size_t channels, taps;
    size_t lda;
    /* Integer weights with a scale per group, which is one group here: the
     * contract of groups (kernels/gemm_group.h).  NULL otherwise. */
    const float *group_scale;
    const float *bias;
    const int32_t *colsum;
    /* scratch of one thread */
    size_t acc_at, tmp_at, scale_at, zero_at;
};

static void finish_group(const struct dwconv_step *c, size_t len,
                         const struct haq_finish_tile *t)
{
    const int32_t *acc = t->acc;
    for (size_t r = 0; r < len; r++)
        for (size_t i = 0; i < c->channels; i++) {
            int32_t v = acc[r * c->lda + i] - t->row_zero[r] * c->colsum[i];
            t->tmp[r * c->lda + i] =
                fmaf((float)v, t->row_scale[r] * c->group_scale[i],
                     c->bias ? c->bias[i] : 0);
        }
    struct haq_finish_tile out = *t;
    out.acc = t->tmp;
    haq_finish_run(&c->finish, &out);
}

static void run_tile(const struct haq_part *p, size_t tile, char *scratch)
{
    const struct dwconv_step *c = p->s->data;
    const char *in = haq_exec_slot(p->e, p->s->in[0]);
    char *out = haq_exec_slot(p->e, p->s->out[0]);
    size_t len = haq_rows_len(&c->rows, tile);
    float *scale = (float *)(void *)(scratch + c->scale_at);
    int32_t *zero = (int32_t *)(void *)(scratch + c->zero_at);
    struct haq_dwconv_args args = {
        .a = (const uint8_t *const *)haq_rows_get(
            &c->rows, p->e->table + p->s->table, in, tile, 0,
            (const void **)(void *)scratch),
        .pixels = len,
        .taps = c->taps,
        .channels = c->channels,
        .w = c->w,
        .acc = (int32_t *)(void *)(scratch + c->acc_at),
        .ldc = c->lda,
    };
    struct haq_finish_tile t = {
        .acc = scratch + c->acc_at,
        .tmp = (float *)(void *)(scratch + c->tmp_at),
        .lda = c->lda,
        .rows = len,
        .cols = c->channels,
        .y = out + tile * c->rows.tile * c->channels * c->finish.out_elem,
        .ldy = c->channels,
        .row_scale = scale,
        .row_zero = zero,
    };
    c->impl->run(&args);
    if (c->rows.in.form.kind == HAQ_FORM_ROWS)
        haq_rows_scales(&c->rows, in, tile, scale, zero);
    for (size_t i = 0; i < len && c->rows.in.form.kind == HAQ_FORM_CODES; i++) {
        scale[i] = c->rows.in.form.params.scale;
        zero[i] = c->rows.in.form.params.zero;
    }
    if (c->group_scale)
        finish_group(c, len, &t);
    else
        haq_finish_run(&c->finish, &t);
}

static void run_tiles(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    for (size_t i = begin; i < end; i++)
        run_tile(p, i, haq_exec_scratch(p->e, worker));
}

static void run(const struct haq_exec *e, const struct haq_step *s)
{
    const struct dwconv_step *c = s->data;
    haq_exec_split(e, s, c->rows.tiles, 1, run_tiles);
}

/* [taps][channels] from [channels][taps]. */
static haq_status transpose_weights(struct dwconv_step *c, struct haq_plan *p,
                                    const struct haq_weights *w,
                                    struct haq_diag *d)
{
    size_t bytes = w->n * w->k;
    int8_t *dst = haq_arena_alloc(&p->arena, bytes + ALIGN);
    if (!dst)
        return haq_fail(d, HAQ_NOMEM, "weights %s", w->id);
    haq_weights_taps_first(dst, w->codes, 1, w->k, w->n, 1);
    p->weight_bytes += bytes;
    c->w = dst;
    return HAQ_OK;
}

static haq_status make_group(struct dwconv_step *c, struct haq_plan *p,
                             const struct haq_product *x, struct haq_diag *d)
{
    const struct haq_weights *w = x->w;
    int32_t *colsum = haq_arena_array(&p->arena, w->n, sizeof *colsum);
    c->group_scale = haq_arena_copy(&p->arena, w->scale, w->n * sizeof(float));
    if (!colsum || !c->group_scale)
        return haq_fail(d, HAQ_NOMEM, "weights %s", w->id);
    for (size_t i = 0; i < w->n * w->k; i++)
        colsum[i / w->k] += w->codes[i];
    c->colsum = colsum;
    c->bias = haq_layer_bias(p, x->node);
    return HAQ_OK;
}

static haq_status make_finish(struct dwconv_step *c, struct haq_plan *p,
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
    static const struct haq_form plain = {.kind = HAQ_FORM_PLAIN};
    if (x->w->per_group) {
        haq_status s = make_group(c, p, x, d);
        if (s)
            return s;
        spec.in = &plain;
        spec.scale = spec.bias = NULL;
    }
    return haq_finish_make(&c->finish, p, &spec, d);
}

haq_status haq_add_dwconv(struct haq_plan *p, const struct haq_product *x,
                          struct haq_diag *d)
{
    if (x->w->kind != HAQ_GEMM_U8_S8)
        return haq_add_dwconv_f32(p, x, d);
    if (haq_dwconv_rows_fit(p, x))
        return haq_add_dwconv_rows(p, x, d);
    struct haq_step step = haq_plan_node_step(p, x->node);
    struct dwconv_step *c = haq_arena_alloc(&p->arena, sizeof *c);
    if (!c)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    c->impl = haq_dwconv_select(p->isa);
    haq_status s = haq_product_rows(&c->rows, p, x, TILE, d);
    if (!s)
        s = transpose_weights(c, p, x->w, d);
    if (!s)
        s = make_finish(c, p, x, d);
    if (s)
        return s;
    c->channels = x->w->n;
    c->taps = x->w->taps;
    c->lda = haq_round_up(c->channels, 16);
    size_t acc = haq_round_up(TILE * c->lda * sizeof(float), ALIGN);
    c->acc_at = haq_round_up(TILE * c->taps * sizeof(void *), ALIGN);
    c->tmp_at = c->acc_at + acc;
    c->scale_at = c->tmp_at + (c->finish.second || c->group_scale ? acc : 0);
    c->zero_at = c->scale_at + TILE * sizeof(float);
    step.kernel = c->impl->name;
    step.run = run;
    step.bind = haq_rows_bind;
    step.data = c;
    step.scratch = c->zero_at + TILE * sizeof(int32_t);
    step.pointers = haq_rows_pointers(&c->rows);
    step.serial = c->rows.count * c->taps * c->channels < SMALL_WORK;
    return haq_plan_add(p, &step, &x->in, 1, &x->out, 1, d);
}
