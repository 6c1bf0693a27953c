#include "runtime/simulate.h"

#include <math.h>
#include <stdlib.h>

#include "runtime/finish.h"

enum { ALIGN = 64 };

struct simulate_step;

/* Sums of one group of the reduction, rows of a tile times columns of a part,
 * on their way into the output. */
struct sums {
    const float *acc; /* [rows][lda] */
    const float *x;   /* [rows] scales of the activations */
    float *y;         /* [rows][ldy], the part's first column */
    size_t rows, lda;
    size_t part, group;
};

typedef void scale_fn(const struct simulate_step *g, const struct sums *s);

struct simulate_step {
    struct haq_rows rows; /* first: haq_rows_bind */
    const struct haq_gemm_impl *impl;
    const struct haq_qweight *w;
    scale_fn *scale;
    const float *bias;     /* [all columns] or NULL */
    const double *rounded; /* the same as int32; static layers */
    struct haq_clamp clamp;
    const char *packed; /* [parts][groups] of group_bytes */
    size_t group_bytes, group;
    size_t parts, channels, n; /* n columns of a part */
    /* scratch of one thread */
    size_t gather_at, row_bytes, acc_at, scale_at, zero_at;
};

/* ---- scales ------------------------------------------------------------- */

static float weight_scale(const struct simulate_step *g, const struct sums *s,
                          size_t column)
{
    return g->w->scale[(s->part * g->n + column) * g->w->groups + s->group];
}

static void scale_static(const struct simulate_step *g, const struct sums *s)
{
    const double *bias = g->rounded + s->part * g->n;
    for (size_t r = 0; r < s->rows; r++)
        for (size_t i = 0; i < g->n; i++) {
            float sum = (float)((double)s->acc[r * s->lda + i] + bias[i]);
            s->y[r * g->w->n + i] = sum * (s->x[r] * weight_scale(g, s, i));
        }
}

static float bias_of(const struct simulate_step *g, const struct sums *s,
                     size_t column)
{
    return g->bias ? g->bias[s->part * g->n + column] : 0;
}

static void scale_dynamic(const struct simulate_step *g, const struct sums *s)
{
    for (size_t r = 0; r < s->rows; r++)
        for (size_t i = 0; i < g->n; i++)
            s->y[r * g->w->n + i] =
                s->acc[r * s->lda + i] * (s->x[r] * weight_scale(g, s, i)) +
                bias_of(g, s, i);
}

static void scale_group(const struct simulate_step *g, const struct sums *s)
{
    for (size_t r = 0; r < s->rows; r++)
        for (size_t i = 0; i < g->n; i++) {
            float *y = &s->y[r * g->w->n + i];
            *y = fmaf(s->acc[r * s->lda + i], s->x[r] * weight_scale(g, s, i),
                      s->group ? *y : bias_of(g, s, i));
        }
}

/* ---- running ------------------------------------------------------------ */

static void fill_scales(const struct simulate_step *g, const char *in,
                        size_t tile, char *scratch)
{
    float *scale = (float *)(void *)(scratch + g->scale_at);
    int32_t *zero = (int32_t *)(void *)(scratch + g->zero_at);
    if (g->rows.in.form.kind == HAQ_FORM_CENTERED_ROWS)
        haq_rows_scales(&g->rows, in, tile, scale, zero);
    else
        for (size_t i = 0; i < g->rows.tile; i++)
            scale[i] = g->rows.in.form.params.scale;
}

static void clamp(const struct simulate_step *g, const struct sums *s)
{
    for (size_t r = 0; r < s->rows; r++)
        for (size_t i = 0; i < g->n; i++) {
            float *y = &s->y[r * g->w->n + i];
            *y = fminf(fmaxf(*y, g->clamp.lo), g->clamp.hi);
        }
}

/* Pointers to whole rows, in the model's order of the reduction. */
static void get_rows(const struct haq_part *p, size_t part, size_t tile,
                     char *scratch)
{
    const struct simulate_step *g = p->s->data;
    const char *in = haq_exec_slot(p->e, p->s->in[0]);
    size_t len = haq_rows_len(&g->rows, tile);
    const void **row = (const void **)(void *)scratch;
    const void *const *a = haq_rows_get(&g->rows, p->e->table + p->s->table, in,
                                        tile, part * g->channels, row);
    if (!g->rows.window)
        return;
    char *to = scratch + g->gather_at;
    haq_rows_gather(&g->rows, a, len, g->channels, false, to, g->row_bytes);
    for (size_t i = 0; i < len; i++)
        row[i] = to + i * g->row_bytes;
}

static void run_unit(const struct haq_part *p, size_t part, size_t tile,
                     char *scratch)
{
    const struct simulate_step *g = p->s->data;
    const void **row = (const void **)(void *)scratch;
    float *y = haq_exec_slot(p->e, p->s->out[0]);
    size_t panels = (g->n + g->impl->nr - 1) / g->impl->nr;
    struct sums s = {
        .acc = (float *)(void *)(scratch + g->acc_at),
        .x = (float *)(void *)(scratch + g->scale_at),
        .y = y + tile * g->rows.tile * g->w->n + part * g->n,
        .rows = haq_rows_len(&g->rows, tile),
        .lda = panels * g->impl->nr,
        .part = part,
    };
    get_rows(p, part, tile, scratch);
    fill_scales(g, haq_exec_slot(p->e, p->s->in[0]), tile, scratch);
    for (; s.group < g->w->groups; s.group++) {
        size_t len = haq_min_size(g->group, g->w->k - s.group * g->group);
        struct haq_gemm_args args = {
            .a = row,
            .rows = s.rows,
            .segments = 1,
            .seg_len = len,
            .w = g->packed + (part * g->w->groups + s.group) * g->group_bytes,
            .panels = panels,
            .acc = scratch + g->acc_at,
            .ldc = s.lda,
        };
        g->impl->run(&args);
        g->scale(g, &s);
        for (size_t i = 0; i < s.rows; i++)
            row[i] = (const float *)row[i] + len;
    }
    clamp(g, &s);
}

static void run_units(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct simulate_step *g = p->s->data;
    for (size_t i = begin; i < end; i++)
        run_unit(p, i / g->rows.tiles, i % g->rows.tiles,
                 haq_exec_scratch(p->e, worker));
}

static void run(const struct haq_exec *e, const struct haq_step *s)
{
    const struct simulate_step *g = s->data;
    haq_exec_split(e, s, g->parts * g->rows.tiles, 1, run_units);
}

/* ---- preparation -------------------------------------------------------- */

/* Columns first .. first + n - 1 of a group, without their zero points. */
static void center(float *dst, const struct haq_qweight *w, size_t first,
                   size_t n, size_t group, size_t begin, size_t len)
{
    for (size_t i = first; i < first + n; i++) {
        int zero = w->zero ? w->zero[i * w->groups + group] : 0;
        for (size_t k = begin; k < begin + len; k++)
            *dst++ = (float)(w->codes[i * w->k + k] - zero);
    }
}

static haq_status pack(struct simulate_step *g, struct haq_plan *p,
                       const char *name, struct haq_diag *d)
{
    const struct haq_qweight *w = g->w;
    haq_status s = HAQ_OK;
    g->group_bytes =
        haq_round_up(haq_gemm_packed_bytes(g->impl, g->n, 1, g->group), ALIGN);
    size_t count = g->parts * w->groups;
    char *to = haq_arena_array(&p->arena, count, g->group_bytes);
    float *part = malloc(g->n * g->group * sizeof *part + 1);
    if (!to || !part) {
        s = haq_fail(d, HAQ_NOMEM, "layer %s", name);
        goto done;
    }
    g->packed = to;
    for (size_t i = 0; i < g->parts; i++)
        for (size_t group = 0; group < w->groups; group++) {
            size_t begin = group * g->group;
            size_t len = haq_min_size(g->group, w->k - begin);
            center(part, w, i * g->n, g->n, group, begin, len);
            g->impl->pack(to, part, g->n, 1, len);
            to += g->group_bytes;
        }
    p->weight_bytes += count * g->group_bytes;
done:
    free(part);
    return s;
}

static haq_status round_bias(struct simulate_step *g, struct haq_plan *p,
                             const char *name, struct haq_diag *d)
{
    struct haq_finish_spec spec = {.name = name,
                                   .in = &g->rows.in.form,
                                   .scale = g->w->scale,
                                   .bias = g->bias};
    haq_status s = HAQ_OK;
    double *rounded = haq_arena_array(&p->arena, g->w->n, sizeof *rounded);
    if (!rounded)
        return haq_fail(d, HAQ_NOMEM, "layer %s", name);
    for (size_t i = 0; !s && i < g->w->n; i++) {
        int64_t bias = 0;
        s = haq_finish_bias(&spec, i, &bias, d);
        rounded[i] = (double)bias;
    }
    g->rounded = rounded;
    return s;
}

static haq_status choose_scale(struct simulate_step *g, struct haq_plan *p,
                               const char *name, struct haq_diag *d)
{
    if (g->w->spec.granularity == HAQ_PER_GROUP) {
        g->scale = scale_group;
        return HAQ_OK;
    }
    if (g->rows.in.form.kind == HAQ_FORM_CENTERED_ROWS) {
        g->scale = scale_dynamic;
        return HAQ_OK;
    }
    g->scale = scale_static;
    return round_bias(g, p, name, d);
}

static size_t lay_out_scratch(struct simulate_step *g)
{
    size_t rows = g->rows.tile, vector = haq_round_up(rows * 4, ALIGN);
    size_t taps = g->rows.window ? g->rows.geometry.taps : 1;
    size_t columns = haq_round_up(g->n, g->impl->nr);
    g->row_bytes = haq_round_up(g->w->k * sizeof(float), 16) + 16;
    g->acc_at = haq_round_up(rows * taps * sizeof(void *), ALIGN);
    g->scale_at =
        g->acc_at + haq_round_up(rows * columns * sizeof(float), ALIGN);
    g->zero_at = g->scale_at + vector;
    g->gather_at = g->zero_at + vector;
    return g->gather_at + (g->rows.window ? rows * g->row_bytes + ALIGN : 0);
}

haq_status haq_add_simulated(struct haq_plan *p, const struct haq_product *x,
                             struct haq_diag *d)
{
    struct haq_step step = haq_plan_node_step(p, x->node);
    struct simulate_step *g = haq_arena_alloc(&p->arena, sizeof *g);
    if (!g)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    g->impl = haq_gemm_select(HAQ_GEMM_F32, p->isa);
    haq_status s = haq_product_rows(&g->rows, p, x, g->impl->mr, d);
    if (s)
        return s;
    g->w = haq_plan_qnode(p, x->node)->weight;
    g->bias = haq_layer_bias(p, x->node);
    g->clamp = haq_plan_node(p, x->node)->clamp;
    g->parts = x->parts;
    g->channels = x->channels;
    g->n = g->w->n / x->parts;
    g->group = g->w->groups > 1 ? (size_t)g->w->spec.group : g->w->k;
    s = pack(g, p, step.name, d);
    if (!s)
        s = choose_scale(g, p, step.name, d);
    if (s)
        return s;
    step.kernel = g->impl->name;
    step.run = run;
    step.bind = haq_rows_bind;
    step.data = g;
    step.scratch = lay_out_scratch(g);
    step.pointers = haq_rows_pointers(&g->rows);
    return haq_plan_add(p, &step, &x->in, 1, &x->out, 1, d);
}
