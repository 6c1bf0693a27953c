/* Convolutions, Gemm and MatMul with constant weights: a tile of rows times a
 * block of panels is one unit of work; accumulators stay in the first cache
 * level until the epilogue has written them.
 *
 * Codes of fewer than 8 bits are packed (kernels/panel.h).  With few rows,
 * where weights from memory are the limit, a kernel reads them as they are.
 * Otherwise units are ordered by blocks, and whoever comes to a new block
 * unpacks it for all its tiles. */
#include <string.h>

#include "kernels/panel.h"
#include "kernels/rowsum.h"
#include "runtime/finish.h"
#include "runtime/inside.h"
#include "runtime/ops.h"
#include "runtime/product.h"

enum {
    BLOCK_PANELS = 8,    /* accumulators of a unit stay within 16 KiB */
    FUSED_PANELS = 32,   /* where there are none: a unit costs some time, */
    FUSED_UNITS = 64,    /* and these are enough */
    LARGE_UNITS = 12,    /* of large tiles of rows are enough, too */
    UNITS_MIN = 8,       /* so that few threads share evenly */
    SHORT_SEGMENT = 16,  /* channels below which a tap is not worth a pointer */
    SMALL_WORK = 100000, /* that no second thread is woken for */
    OUTPUT_WORK = 16,    /* of an output, in float multiply-adds */
    WEIGHTS_IN_CACHE = 256 << 10,
    UNPACKED_BYTES = 512 << 10, /* of a block: a part of the second cache */
    /* Rows up to which a kernel that unpacks in registers wins
     * (docs/kernels.md: it still does at 32 where products are the only limit).
     */
    PACKED_ROWS = 16,
    ALIGN = 64,
};

struct gemm_step {
    struct haq_rows rows;             /* first: haq_rows_bind */
    const struct haq_gemm_impl *impl; /* the row that runs */
    haq_panel_unpack_fn *unpack;      /* NULL: it reads panels as they are */
    const struct haq_rowsum_impl *rowsum;
    struct haq_finish finish;
    bool fused; /* into the kernel */
    struct haq_inside inside;
    struct haq_packed w;
    size_t parts, channels, n; /* n columns of a part */
    size_t segments, seg_len;  /* as the kernel sees them */
    bool gather, compact;
    size_t row_bytes; /* of a gathered row */
    size_t panels, block, blocks;
    bool blocks_first; /* weights do not fit the cache: keep a block of them */
    size_t ldy;        /* elements of an output row */
    /* scratch of one thread */
    size_t acc_at, tmp_at, sum_at, scale_at, zero_at, row_at;
    size_t gather_at, panels_at;
};

struct unit {
    size_t part, tile, block;
};

static struct unit unit_of(const struct gemm_step *g, size_t i)
{
    size_t per_part = g->rows.tiles * g->blocks;
    struct unit u = {.part = i / per_part};
    i %= per_part;
    u.tile = g->blocks_first ? i % g->rows.tiles : i / g->blocks;
    u.block = g->blocks_first ? i / g->rows.tiles : i % g->blocks;
    return u;
}

/* Rows copied to scratch, one piece each. */
static const void *const *gathered(const struct gemm_step *g,
                                   const void *const *a, size_t len,
                                   const void **table, size_t tile,
                                   char *scratch)
{
    char *to = scratch + g->gather_at;
    const void **rows = (const void **)(void *)scratch;
    if (g->compact)
        haq_rows_compact(&g->rows, table, tile, to, g->row_bytes);
    else
        haq_rows_gather(&g->rows, a, len, g->channels, true, to, g->row_bytes);
    for (size_t i = 0; i < len; i++)
        rows[i] = to + i * g->row_bytes;
    return rows;
}

static struct haq_finish_tile finish_tile(const struct gemm_step *g,
                                          const struct unit *u, size_t len,
                                          size_t panels, char *y, char *scratch)
{
    size_t nr = g->impl->nr, first = u->block * g->block * nr;
    return (struct haq_finish_tile){
        .acc = scratch + g->acc_at,
        .tmp = (float *)(void *)(scratch + g->tmp_at),
        .lda = g->block * nr,
        .rows = len,
        .col = u->part * g->n + first,
        .cols = haq_min_size(g->n - first, panels * nr),
        .y = y + u->tile * g->rows.tile * g->ldy * g->finish.out_elem,
        .ldy = g->ldy,
        .rowsum = (int32_t *)(void *)(scratch + g->sum_at),
        .row_zero = (int32_t *)(void *)(scratch + g->zero_at),
        .row_scale = (float *)(void *)(scratch + g->scale_at),
    };
}

/* What the kernel left to do. */
static void finish(const struct gemm_step *g, const struct unit *u,
                   const struct haq_gemm_args *args,
                   const struct haq_finish_tile *t, const char *in,
                   char *scratch)
{
    if (haq_finish_needs_rowsum(&g->finish)) {
        struct haq_rowsum_args sums = {
            .a = args->a,
            .rows = args->rows,
            .segments = g->segments,
            .seg_len = g->seg_len,
            .sum = (int32_t *)(void *)(scratch + g->sum_at)};
        g->rowsum->run(&sums);
    }
    if (g->rows.in.form.kind == HAQ_FORM_ROWS)
        haq_rows_scales(&g->rows, in, u->tile,
                        (float *)(void *)(scratch + g->scale_at),
                        (int32_t *)(void *)(scratch + g->zero_at));
    haq_finish_run(&g->finish, t);
}

static size_t panels_of(const struct gemm_step *g, size_t block)
{
    return haq_min_size(g->block, g->panels - block * g->block);
}

static const char *packed_block(const struct gemm_step *g, const struct unit *u)
{
    return g->w.data + u->part * g->w.part_bytes +
           u->block * g->block * g->w.panel_bytes;
}

/* Panels end with whole blocks of codes, whose excess the next one overwrites.
 */
static void unpack(const struct gemm_step *g, const struct unit *u,
                   char *scratch)
{
    size_t wide = haq_gemm_panel_bytes(g->impl, g->segments, g->seg_len);
    size_t panels = panels_of(g, u->block), codes = HAQ_PANEL_CODES;
    const char *from = packed_block(g, u);
    int8_t *to = (int8_t *)scratch + g->panels_at;
    for (; panels; panels--, from += g->w.panel_bytes, to += wide)
        g->unpack(to, from, (wide + codes - 1) / codes, g->w.bits);
}

/* The segments that the rows of a tile meet, and their correction. */
static struct haq_inside_line kernel_rows(const struct gemm_step *g,
                                          const struct unit *u)
{
    if (!g->inside.line)
        return (struct haq_inside_line){0, g->segments, NULL};
    struct haq_inside_line l = g->inside.line[u->tile % g->inside.lines];
    size_t width = g->rows.geometry.kernel[1];
    return (struct haq_inside_line){l.first * width, l.count * width, l.corr};
}

static void run_unit(const struct haq_part *p, const struct unit *u,
                     char *scratch)
{
    const struct gemm_step *g = p->s->data;
    const char *in = haq_exec_slot(p->e, p->s->in[0]);
    size_t len = haq_rows_len(&g->rows, u->tile);
    size_t panels = panels_of(g, u->block);
    const void *const *a =
        haq_rows_get(&g->rows, p->e->table + p->s->table, in, u->tile,
                     u->part * g->channels, (const void **)(void *)scratch);
    if (g->gather || g->compact)
        a = gathered(g, a, len, p->e->table + p->s->table, u->tile, scratch);
    else if (g->rows.merge)
        a = haq_rows_merged(&g->rows, p->e->table + p->s->table, u->tile,
                            (const void **)(void *)scratch,
                            scratch + g->gather_at);
    struct haq_finish_tile t = finish_tile(
        g, u, len, panels, haq_exec_slot(p->e, p->s->out[0]), scratch);
    struct haq_epilogue_args fused;
    size_t wide = haq_gemm_panel_bytes(g->impl, g->segments, g->seg_len);
    struct haq_inside_line line = kernel_rows(g, u);
    t.corr = line.corr;
    haq_finish_args(&fused, &g->finish, &t);
    struct haq_gemm_args args = {
        .a = a + line.first * len,
        .rows = len,
        .segments = line.count,
        .seg_len = g->seg_len,
        .w = (g->unpack ? scratch + g->panels_at : packed_block(g, u)) +
             line.first * (wide / g->segments),
        .panels = panels,
        .panel_bytes = g->inside.line ? wide : 0,
        .acc = scratch + g->acc_at,
        .ldc = g->block * g->impl->nr,
        .scratch = scratch + g->row_at,
        .shift = g->w.bits ? haq_panel_shift(g->w.bits) : 0,
        .finish = g->fused ? &fused : NULL,
        .finish_kind = g->finish.first->kind,
    };
    g->impl->run(&args);
    if (!g->fused)
        finish(g, u, &args, &t, in, scratch);
}

static void run_units(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct gemm_step *g = p->s->data;
    char *scratch = haq_exec_scratch(p->e, worker);
    struct unit last = {0};
    for (size_t i = begin; i < end; i++) {
        struct unit u = unit_of(g, i);
        bool same = i > begin && u.part == last.part && u.block == last.block;
        if (g->unpack && !same)
            unpack(g, &u, scratch);
        run_unit(p, &u, scratch);
        last = u;
    }
}

static void run(const struct haq_exec *e, const struct haq_step *s)
{
    const struct gemm_step *g = s->data;
    haq_exec_split(e, s, g->parts * g->rows.tiles * g->blocks, 1, run_units);
}

/* A tap of few channels is not worth a pointer: take kernel rows, or copy;
 * kernel rows of odd lengths, filled up with zeros, are copied together. */
static void choose_segments(struct gemm_step *g, const struct haq_weights *w)
{
    bool copied = g->rows.window && g->channels < SHORT_SEGMENT && w->taps > 1;
    bool merge = copied && g->parts == 1 && haq_rows_merge(&g->rows);
    g->gather = copied && !merge;
    g->segments = merge ? g->rows.geometry.kernel[0] : w->taps;
    g->compact =
        merge && w->kind == HAQ_GEMM_U8_S8 && w->k / g->segments % g->impl->kr;
    if (g->gather || g->compact)
        g->segments = 1;
    g->seg_len = w->k / g->segments;
    g->row_bytes = haq_round_up(w->k * g->rows.elem, 16) + 32;
}

/* Blocks of panels: as many as fit, fewer when there are few tiles. */
static void choose_blocks(struct gemm_step *g)
{
    size_t units = g->parts * g->rows.tiles;
    size_t panel = haq_gemm_panel_bytes(g->impl, g->segments, g->seg_len);
    g->panels = (g->n + g->impl->nr - 1) / g->impl->nr;
    g->block = BLOCK_PANELS;
    if (g->fused && units * g->panels > FUSED_UNITS * g->block)
        g->block = haq_min_size(units * g->panels / FUSED_UNITS, FUSED_PANELS);
    g->block = haq_min_size(g->block, g->panels);
    if (g->unpack)
        g->block = haq_min_size(g->block, UNPACKED_BYTES / panel + 1);
    if (g->gather || g->rows.merge)
        g->block = g->panels;
    else if (units < UNITS_MIN)
        g->block = haq_min_size(g->block, (g->panels * units + UNITS_MIN - 1) /
                                              UNITS_MIN);
    g->blocks = (g->panels + g->block - 1) / g->block;
    g->blocks_first =
        g->unpack || g->parts * g->w.part_bytes > WEIGHTS_IN_CACHE;
}

/* Panels of weights are read from the second cache level once for each tile:
 * larger tiles read them less often, where enough units are left.  An even
 * number of them, for two threads. */
static void choose_tile(struct gemm_step *g)
{
    size_t count = g->rows.count, tiles = count / (2 * g->impl->mr) + 1;
    size_t panels = g->parts * ((g->n + g->impl->nr - 1) / g->impl->nr);
    tiles += tiles % 2;
    if (tiles * panels >= LARGE_UNITS * BLOCK_PANELS)
        haq_rows_retile(&g->rows, (count + tiles - 1) / tiles);
}

/* The row that runs: for packed panels and few rows one that reads them. */
static void choose_kernel(struct gemm_step *g, const struct haq_plan *p)
{
    const struct haq_gemm_impl *packed;
    if (g->w.bits % 8 == 0)
        return;
    packed = haq_gemm_select_packed(g->impl->kind, g->w.bits, p->isa);
    if (packed && g->segments == 1 && g->rows.count <= PACKED_ROWS &&
        packed->nr == g->impl->nr && packed->kr == g->impl->kr) {
        g->impl = packed;
        haq_rows_retile(&g->rows, packed->mr);
    } else {
        g->unpack = haq_panel_select(p->isa)->unpack;
    }
}

static bool can_fuse(const struct gemm_step *g)
{
    return g->impl->fuses >> g->finish.first->kind & 1 && !g->finish.second &&
           !g->finish.args.zw;
}

/* Zero points of weights meet sums of whole rows of A: not then. */
static haq_status leave_out_padding(struct gemm_step *g, struct haq_plan *p,
                                    const struct haq_product *x,
                                    struct haq_diag *d)
{
    bool codes = g->impl->kind == HAQ_GEMM_U8_S8;
    if (g->gather || g->finish.args.zw || g->segments != x->w->taps)
        return HAQ_OK;
    return haq_inside_make(&g->inside, p, &g->rows, g->impl->mr,
                           codes ? x->w->codes : NULL, x->w->n, x->w->k,
                           g->finish.args.corr, d);
}

static size_t lay_out_scratch(struct gemm_step *g)
{
    size_t four = sizeof(float), rows = g->rows.tile;
    size_t taps = g->rows.window ? g->rows.geometry.taps : 1;
    size_t acc = haq_round_up(rows * g->block * g->impl->nr * four, ALIGN);
    size_t vector = haq_round_up(rows * four, ALIGN);

    g->acc_at = haq_round_up(rows * taps * sizeof(void *), ALIGN);
    g->tmp_at = g->acc_at + acc;
    g->sum_at = g->tmp_at + (g->finish.second ? acc : 0);
    g->scale_at = g->sum_at + vector;
    g->zero_at = g->scale_at + vector;
    g->row_at = g->zero_at + vector;
    g->gather_at = g->row_at +
                   haq_round_up(haq_gemm_scratch_bytes(g->impl, rows,
                                                       g->segments, g->seg_len),
                                ALIGN);
    size_t gathered = g->gather || g->compact ? rows * g->row_bytes
                      : g->rows.merge         ? haq_rows_merged_bytes(&g->rows)
                                              : 0;
    g->panels_at = haq_round_up(g->gather_at + gathered + ALIGN, ALIGN);
    size_t panel = haq_gemm_panel_bytes(g->impl, g->segments, g->seg_len);
    return g->panels_at + (g->unpack ? g->block * panel + HAQ_PANEL_CODES : 0);
}

static haq_status make_finish(struct gemm_step *g, struct haq_plan *p,
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
                                   .zero = x->w->zero,
                                   .bias = haq_layer_bias(p, x->node),
                                   .clamp = n->clamp};
    return haq_finish_make(&g->finish, p, &spec, d);
}

static const char *kernel_name(const struct gemm_step *g, struct haq_plan *p)
{
    if (!g->unpack)
        return g->impl->name;
    return haq_arena_printf(&p->arena, "%s+w%d", g->impl->name, g->w.bits);
}

/* In float multiply-adds; codes do four at a time. */
static double work(const struct gemm_step *g, const struct haq_weights *w)
{
    double sums = (double)w->k * (double)g->rows.elem / sizeof(float);
    return (double)g->rows.count * (double)w->n * (sums + OUTPUT_WORK);
}

haq_status haq_add_gemm(struct haq_plan *p, const struct haq_product *x,
                        struct haq_diag *d)
{
    struct haq_step step = haq_plan_node_step(p, x->node);
    struct gemm_step *g = haq_arena_alloc(&p->arena, sizeof *g);
    if (!g)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    g->impl = haq_gemm_select(x->w->kind, p->isa);
    g->rowsum = haq_rowsum_select(p->isa);
    haq_status s = haq_product_rows(&g->rows, p, x, g->impl->mr, d);
    if (s)
        return s;
    g->parts = x->parts;
    g->channels = x->channels;
    g->n = x->w->n / x->parts;
    g->ldy = x->w->n;
    choose_tile(g);
    choose_segments(g, x->w);
    s = haq_weights_pack(&g->w, p, x->w, g->impl, g->parts, g->segments,
                         g->seg_len, d);
    if (!s)
        s = make_finish(g, p, x, d);
    if (s)
        return s;
    choose_kernel(g, p);
    g->fused = can_fuse(g);
    s = leave_out_padding(g, p, x, d);
    if (s)
        return s;
    choose_blocks(g);
    step.kernel = kernel_name(g, p);
    if (!step.kernel)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    step.run = run;
    step.bind = haq_rows_bind;
    step.data = g;
    step.scratch = lay_out_scratch(g);
    step.pointers = haq_rows_pointers(&g->rows);
    step.serial = work(g, x->w) < SMALL_WORK;
    return haq_plan_add(p, &step, &x->in, 1, &x->out, 1, d);
}
