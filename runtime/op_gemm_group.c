/* Layers with a weight scale per group of the reduction: rows are gathered in
 * the model's own order, in which groups are defined.
 *
 * A unit of work is a tile of rows times a block of panels.  Codes of few bits
 * are read as they are when there are few rows; otherwise units are ordered by
 * blocks, and whoever comes to a new block unpacks it for all its tiles. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/gemm_group.h"
#include "runtime/finish.h"
#include "runtime/product.h"

enum {
    ALIGN = 64,
    SMALL_WORK = 100000, /* that no second thread is woken for */
    BLOCK_PANELS = 8,
    UNITS_MIN = 8,              /* so that few threads share evenly */
    UNPACKED_BYTES = 512 << 10, /* of a block: a part of the second cache */
};

struct group_step {
    struct haq_rows rows; /* first: haq_rows_bind */
    const struct haq_gemm_group_impl *impl;
    const struct haq_epilogue_impl *epilogue; /* clamp or quantize */
    struct haq_epilogue_args args;
    struct haq_group_layout layout; /* of a part */
    const char *data;               /* packed, part by part */
    haq_panel_unpack_fn *unpack;    /* NULL: it reads panels as they are */
    const float *bias;              /* [parts][padded columns], or NULL */
    size_t parts, channels, n;      /* n columns of a part */
    size_t block, blocks;           /* panels of a unit; blocks of a part */
    bool gather;
    size_t row_bytes, ldy, out_elem;
    /* scratch of one thread */
    size_t y_at, scale_at, zero_at, sum_at, gather_at, panels_at;
};

struct unit {
    size_t part, tile, block;
};

static struct unit unit_of(const struct group_step *g, size_t i)
{
    size_t per_part = g->rows.tiles * g->blocks;
    return (struct unit){i / per_part, i % per_part % g->rows.tiles,
                         i % per_part / g->rows.tiles};
}

static size_t padded_columns(const struct group_step *g)
{
    return g->layout.panels * HAQ_GROUP_NR;
}

static size_t panels_of(const struct group_step *g, size_t block)
{
    return haq_min_size(g->block, g->layout.panels - block * g->block);
}

static const char *part_data(const struct group_step *g, size_t part)
{
    return g->data + part * haq_group_bytes(&g->layout);
}

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

static void write_out(const struct group_step *g, const struct unit *u,
                      const struct haq_gemm_group_args *r, char *out)
{
    size_t first = u->block * g->block * HAQ_GROUP_NR;
    size_t row = u->tile * g->rows.tile;
    struct haq_epilogue_args a = g->args;
    a.acc = r->y;
    a.lda = r->ldy;
    a.rows = r->rows;
    a.cols = haq_min_size(g->n - first, r->panels * HAQ_GROUP_NR);
    a.y = out + (row * g->ldy + u->part * g->n + first) * g->out_elem;
    a.ldy = g->ldy;
    g->epilogue->run(&a);
}

static const void *const *gathered(const struct group_step *g,
                                   const void *const *a, size_t len,
                                   const void **rows, char *to)
{
    haq_rows_gather(&g->rows, a, len, g->channels, false, to, g->row_bytes);
    for (size_t i = 0; i < len; i++)
        rows[i] = to + i * g->row_bytes;
    return rows;
}

static void run_unit(const struct haq_part *p, const struct unit *u,
                     char *scratch)
{
    const struct group_step *g = p->s->data;
    const char *in = haq_exec_slot(p->e, p->s->in[0]);
    size_t len = haq_rows_len(&g->rows, u->tile);
    const void **rows = (const void **)(void *)scratch;
    const void *const *a = haq_rows_get(&g->rows, p->e->table + p->s->table, in,
                                        u->tile, u->part * g->channels, rows);
    float *scale = (float *)(void *)(scratch + g->scale_at);
    int32_t *zero = (int32_t *)(void *)(scratch + g->zero_at);
    bool codes = g->impl->kind == HAQ_GEMM_U8_S8;

    if (g->gather)
        a = gathered(g, a, len, rows, scratch + g->gather_at);
    if (codes)
        fill_scales(g, in, u->tile, scale, zero);
    struct haq_gemm_group_args args = {
        .layout = &g->layout,
        .a = a,
        .sa = codes ? scale : NULL,
        .za = codes ? zero : NULL,
        .rows = len,
        .w = part_data(g, u->part),
        .panel = u->block * g->block,
        .panels = panels_of(g, u->block),
        .wide = g->unpack ? (int8_t *)scratch + g->panels_at : NULL,
        .bias = g->bias ? g->bias + u->part * padded_columns(g) : NULL,
        .y = (float *)(void *)(scratch + g->y_at),
        .ldy = g->block * HAQ_GROUP_NR,
        .scratch = (int32_t *)(void *)(scratch + g->sum_at),
    };
    g->impl->run(&args);
    write_out(g, u, &args, haq_exec_slot(p->e, p->s->out[0]));
}

static void run_units(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct group_step *g = p->s->data;
    char *scratch = haq_exec_scratch(p->e, worker);
    struct unit last = {0};
    for (size_t i = begin; i < end; i++) {
        struct unit u = unit_of(g, i);
        bool same = i > begin && u.part == last.part && u.block == last.block;
        if (g->unpack && !same)
            haq_group_unpack(&g->layout, (int8_t *)scratch + g->panels_at,
                             part_data(g, u.part), u.block * g->block,
                             panels_of(g, u.block), g->unpack);
        run_unit(p, &u, scratch);
        last = u;
    }
}

static void run(const struct haq_exec *e, const struct haq_step *s)
{
    const struct group_step *g = s->data;
    haq_exec_split(e, s, g->parts * g->rows.tiles * g->blocks, 1, run_units);
}

/* ---- planning ----------------------------------------------------------- */

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
        haq_group_pack(&g->layout,
                       (char *)dst + i * haq_group_bytes(&g->layout),
                       w->codes + row * w->k, w->scale + scales,
                       w->zero ? w->zero + scales : NULL);
    }
    return HAQ_OK;
}

/* All parts are packed alike, as the most demanding one has to be: the layout
 * of all rows together says how. */
static void make_layout(struct group_step *g, const struct haq_weights *w)
{
    haq_group_layout_make(&g->layout, w->kind, w->codes, w->scale, w->zero,
                          w->n, w->k, w->group);
    g->layout.n = g->n;
    g->layout.panels = (g->n + HAQ_GROUP_NR - 1) / HAQ_GROUP_NR;
}

static haq_status pack_weights(struct group_step *g, struct haq_plan *p,
                               const struct haq_weights *w, struct haq_diag *d)
{
    const void *data;
    struct pack_job job = {g, w};
    const char *key =
        haq_arena_printf(&p->arena, "%s|group|%d|%d|%zu|%zu", w->id,
                         g->impl->kind, g->layout.bits, g->parts, w->group);
    if (!key)
        return haq_fail(d, HAQ_NOMEM, "weights %s", w->id);
    size_t bytes = g->parts * haq_group_bytes(&g->layout);
    haq_status s = haq_pack_get(p->cache, key, bytes, pack, &job, &data, d);
    g->data = data;
    p->weight_bytes += bytes;
    return s;
}

/* Kernels read whole panels of it. */
static haq_status pad_bias(struct group_step *g, struct haq_plan *p,
                           const float *bias, struct haq_diag *d)
{
    size_t columns = padded_columns(g);
    if (!bias)
        return HAQ_OK;
    float *to = haq_arena_array(&p->arena, g->parts * columns, sizeof *to);
    if (!to)
        return haq_fail(d, HAQ_NOMEM, "bias of %zu columns", columns);
    for (size_t i = 0; i < g->parts * columns; i++) {
        size_t c = i % columns;
        to[i] = c < g->n ? bias[i / columns * g->n + c] : 0;
    }
    g->bias = to;
    return HAQ_OK;
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

static void choose_blocks(struct group_step *g, const struct haq_plan *p)
{
    const struct haq_group_layout *l = &g->layout;
    size_t units = g->parts * g->rows.tiles;
    if (l->bits != 8 && g->rows.count > g->impl->packed_mr)
        g->unpack = haq_panel_select(p->isa)->unpack;
    g->block = haq_min_size(l->panels, BLOCK_PANELS);
    if (g->unpack)
        g->block = haq_min_size(g->block, UNPACKED_BYTES / l->wide_bytes + 1);
    if (g->gather)
        g->block = l->panels;
    else if (units < UNITS_MIN)
        g->block = haq_min_size(g->block, (l->panels * units + UNITS_MIN - 1) /
                                              UNITS_MIN);
    g->blocks = (l->panels + g->block - 1) / g->block;
}

static size_t lay_out_scratch(struct group_step *g)
{
    const struct haq_group_layout *l = &g->layout;
    size_t taps = g->rows.window ? g->rows.geometry.taps : 1;
    size_t rows = g->rows.tile, four = sizeof(float);
    size_t vector = haq_round_up(rows * four, ALIGN);
    g->y_at = haq_round_up(rows * taps * sizeof(void *), ALIGN);
    g->scale_at = g->y_at + rows * g->block * HAQ_GROUP_NR * four;
    g->zero_at = g->scale_at + vector;
    g->sum_at = g->zero_at + vector;
    g->gather_at =
        g->sum_at +
        (l->zeros ? haq_round_up(rows * l->groups * four, ALIGN) : 0);
    g->panels_at = haq_round_up(
        g->gather_at + (g->gather ? rows * g->row_bytes : 0) + ALIGN, ALIGN);
    return g->panels_at +
           (g->unpack ? g->block * l->wide_bytes + HAQ_PANEL_CODES : 0);
}

static const char *kernel_name(const struct group_step *g, struct haq_plan *p)
{
    int bits = g->layout.bits;
    return bits == 8 ? g->impl->name
                     : haq_arena_printf(&p->arena, "%s%sw%d", g->impl->name,
                                        g->unpack ? "+" : "_", bits);
}

haq_status haq_add_gemm_group(struct haq_plan *p, const struct haq_product *x,
                              struct haq_diag *d)
{
    struct haq_step step = haq_plan_node_step(p, x->node);
    struct group_step *g = haq_arena_alloc(&p->arena, sizeof *g);
    if (!g)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    g->impl = haq_gemm_group_select(x->w->kind, p->isa);
    haq_status s = haq_product_rows(&g->rows, p, x, g->impl->mr, d);
    if (s)
        return s;
    g->parts = x->parts;
    g->channels = x->channels;
    g->n = x->w->n / x->parts;
    g->ldy = x->w->n;
    g->gather = g->rows.window;
    g->row_bytes = haq_round_up(x->w->k * g->rows.elem, 16) + 16;
    make_layout(g, x->w);
    s = pack_weights(g, p, x->w, d);
    if (!s)
        s = pad_bias(g, p, haq_layer_bias(p, x->node), d);
    if (s)
        return s;
    choose_epilogue(g, p, &p->slot[x->out].form,
                    haq_plan_node(p, x->node)->clamp);
    choose_blocks(g, p);
    step.kernel = kernel_name(g, p);
    if (!step.kernel)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    step.run = run;
    step.bind = haq_rows_bind;
    step.data = g;
    step.scratch = lay_out_scratch(g);
    step.pointers = haq_rows_pointers(&g->rows);
    step.serial =
        g->rows.count * x->w->n * x->w->k * g->rows.elem / 4 < SMALL_WORK;
    return haq_plan_add(p, &step, &x->in, 1, &x->out, 1, d);
}
