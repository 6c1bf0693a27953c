/* Products of two activations: the second operand is packed at run time, one
 * matrix of the batch after the other.
 *
 * Codes: b is packed as b - 128, an int8, with zero point z_b - 128, so the
 * kernel of layers and its epilogue serve here too. */
#include <math.h>
#include <string.h>

#include "kernels/gemm.h"
#include "kernels/gemm_turned.h"
#include "kernels/rowsum.h"
#include "runtime/copy.h"
#include "runtime/finish.h"
#include "runtime/ops.h"
#include "runtime/walk.h"
#include "runtime/weights.h"

enum { ALIGN = 64, SMALL_WORK = 50000, SHIFT = 128 };

struct product_step {
    const struct haq_gemm_impl *impl;
    const struct haq_rowsum_impl *rowsum;
    const struct haq_epilogue_impl *epilogue;
    struct haq_epilogue_args args;
    struct haq_walk batch; /* operands: a, b, in matrices */
    size_t items, m, n, k;
    size_t blocks; /* parts of M, each packs b for itself */
    bool trans_a, trans_b;
    bool fused; /* the epilogue is in the kernel */
    size_t elem, out_elem;
    int32_t z_a, z_b;
    /* scratch of one thread */
    size_t b_at, packed_at, acc_at, corr_at, sum_at, row_at, a_at;
};

/* b as rows of one column each, as layers have their weights. */
static void pack_columns(const struct product_step *g, const char *b,
                         int32_t *sum, char *scratch)
{
    char *rows = scratch + g->b_at;
    const int8_t *code = (const int8_t *)rows;

    if (g->elem > 1) {
        g->impl->pack(scratch + g->packed_at, b, g->n, 1, g->k);
        return;
    }
    for (size_t i = 0; i < g->n * g->k; i++)
        rows[i] = (char)((unsigned char)b[i] - SHIFT);
    g->impl->pack(scratch + g->packed_at, rows, g->n, 1, g->k);
    for (size_t i = 0; i < g->n; i++, sum++) {
        *sum = 0;
        for (size_t k = 0; k < g->k; k++)
            *sum += *code++;
    }
}

/* Panels; for codes the correction of each column. */
static void pack(const struct product_step *g, const char *b, char *scratch)
{
    int32_t *corr = (int32_t *)(void *)(scratch + g->corr_at);
    void *packed = scratch + g->packed_at;

    if (g->trans_b)
        pack_columns(g, b, corr, scratch);
    else if (g->elem == 1)
        haq_gemm_pack_turned_u8(packed, corr, (const uint8_t *)b, g->k, g->n);
    else
        haq_gemm_pack_turned_f32(packed, (const float *)(const void *)b, g->k,
                                 g->n);
    for (size_t i = 0; g->elem == 1 && i < g->n; i++)
        corr[i] = (int32_t)g->k * g->z_a * g->z_b - g->z_a * corr[i];
}

static void run_rows(const struct product_step *g, const char *a, char *y,
                     size_t rows, char *scratch)
{
    const void **ptr = (const void **)(void *)scratch;
    int32_t *sums = (int32_t *)(void *)(scratch + g->sum_at);
    size_t panels = (g->n + g->impl->nr - 1) / g->impl->nr;
    struct haq_epilogue_args e = g->args;
    for (size_t i = 0; i < rows; i++)
        ptr[i] = a + i * g->k * g->elem;
    struct haq_gemm_args args = {.a = ptr,
                                 .rows = rows,
                                 .segments = 1,
                                 .seg_len = g->k,
                                 .w = scratch + g->packed_at,
                                 .panels = panels,
                                 .acc = scratch + g->acc_at,
                                 .ldc = panels * g->impl->nr,
                                 .scratch = scratch + g->row_at,
                                 .finish = g->fused ? &e : NULL,
                                 .finish_kind = g->epilogue->kind};
    e.acc = args.acc;
    e.lda = args.ldc;
    e.rows = rows;
    e.cols = g->n;
    e.y = y;
    e.ldy = g->n;
    g->impl->run(&args);
    if (g->fused)
        return;
    if (g->elem == 1) {
        struct haq_rowsum_args s = {ptr, rows, 1, g->k, sums};
        g->rowsum->run(&s);
        e.rowsum = sums;
        e.corr = (const int32_t *)(const void *)(scratch + g->corr_at);
    }
    g->epilogue->run(&e);
}

/* Which matrix of a and of b makes item i of the output. */
static void matrices(const struct haq_walk *w, size_t i, ptrdiff_t *at)
{
    int last = w->rank - 1;
    ptrdiff_t inner = (ptrdiff_t)(i % w->dims[last]);
    haq_walk_at(w, i / w->dims[last], at);
    at[0] += inner * w->stride[0][last];
    at[1] += inner * w->stride[1][last];
}

static void run_item(const struct haq_part *p, size_t unit, char *scratch)
{
    const struct product_step *g = p->s->data;
    const char *a = haq_exec_slot(p->e, p->s->in[0]);
    const char *b = haq_exec_slot(p->e, p->s->in[1]);
    char *y = haq_exec_slot(p->e, p->s->out[0]);
    size_t item = unit / g->blocks, block = unit % g->blocks;
    size_t per = (g->m + g->blocks - 1) / g->blocks;
    size_t end = haq_min_size((block + 1) * per, g->m);
    ptrdiff_t at[HAQ_WALK_OPERANDS];

    matrices(&g->batch, item, at);
    a += (size_t)at[0] * g->m * g->k * g->elem;
    b += (size_t)at[1] * g->k * g->n * g->elem;
    y += item * g->m * g->n * g->out_elem;
    pack(g, b, scratch);
    if (g->trans_a) {
        struct haq_copy turn = {.rows = g->m,
                                .cols = g->k,
                                .y_row = (ptrdiff_t)g->k,
                                .y_col = 1,
                                .x_row = 1,
                                .x_col = (ptrdiff_t)g->m,
                                .size = g->elem};
        haq_copy_run(scratch + g->a_at, a, &turn);
        a = scratch + g->a_at;
    }
    for (size_t m = block * per; m < end; m += g->impl->mr)
        run_rows(g, a + m * g->k * g->elem, y + m * g->n * g->out_elem,
                 haq_min_size(end - m, g->impl->mr), scratch);
}

static void run_units(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    for (size_t i = begin; i < end; i++)
        run_item(p, i, haq_exec_scratch(p->e, worker));
}

static void run(const struct haq_exec *e, const struct haq_step *s)
{
    const struct product_step *g = s->data;
    haq_exec_split(e, s, g->items * g->blocks, 1, run_units);
}

/* ---- preparation -------------------------------------------------------- */

/* The leading axes: what is left of the shapes without the matrices. */
static struct haq_shape batch_of(const struct haq_shape *s)
{
    struct haq_shape b = *s;
    b.rank -= 2;
    return b;
}

static haq_status set_dims(struct product_step *g, const struct haq_plan *p,
                           int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_shape *a = &haq_plan_value(p, n->in[0])->shape;
    const struct haq_shape *b = &haq_plan_value(p, n->in[1])->shape;
    const struct haq_shape *y = &haq_plan_value(p, n->out[0])->shape;
    bool gemm = n->op->code == HAQ_OP_GEMM;
    ptrdiff_t stride[HAQ_WALK_OPERANDS][HAQ_MAX_RANK];

    if (a->rank < 2 || b->rank < 2)
        return haq_plan_unsupported(p, node, "a vector operand", d);
    g->trans_a = gemm && n->attr.trans_a;
    g->trans_b = gemm && n->attr.trans_b;
    g->m = (size_t)y->dims[y->rank - 2];
    g->n = (size_t)y->dims[y->rank - 1];
    g->k = (size_t)a->dims[a->rank - (g->trans_a ? 2 : 1)];
    struct haq_shape ba = batch_of(a), bb = batch_of(b), by = batch_of(y);
    if (!haq_shape_count(&by, &g->items))
        return haq_plan_unsupported(p, node, "too large", d);
    haq_walk_broadcast(stride[0], &ba, &by);
    haq_walk_broadcast(stride[1], &bb, &by);
    haq_walk_make(&g->batch, &by, 2, stride);
    g->blocks = g->items == 1 && g->m >= 2 * g->impl->mr ? 2 : 1;
    return HAQ_OK;
}

static haq_status fill_vectors(struct product_step *g, struct haq_plan *p,
                               const struct haq_form *fa,
                               const struct haq_form *fb,
                               const struct haq_form *fy, struct haq_diag *d)
{
    float *mult = haq_arena_array(&p->arena, g->n, sizeof *mult);
    int32_t *zw = haq_arena_array(&p->arena, g->n, sizeof *zw);
    if (!mult || !zw)
        return haq_fail(d, HAQ_NOMEM, "product of %zu columns", g->n);
    g->z_a = fa->params.zero;
    g->z_b = fb->params.zero - SHIFT;
    for (size_t i = 0; i < g->n; i++) {
        mult[i] = fa->params.scale * fb->params.scale;
        if (fy->kind == HAQ_FORM_CODES)
            mult[i] /= fy->params.scale;
        zw[i] = g->z_b;
    }
    g->args.mult = mult;
    g->args.zw = zw;
    return HAQ_OK;
}

static void choose_epilogue(struct product_step *g, const struct haq_plan *p,
                            const struct haq_form *y, struct haq_clamp clamp)
{
    bool in = g->elem == 1, out = y->kind == HAQ_FORM_CODES;
    enum haq_epilogue_kind kind = out ? HAQ_EPI_F32_U8 : HAQ_EPI_F32_F32;
    if (in)
        kind = out ? HAQ_EPI_S32_U8 : HAQ_EPI_S32_F32;
    g->epilogue = haq_epilogue_select(kind, p->isa);
    g->out_elem = out ? 1 : sizeof(float);
    g->args.k = (int32_t)g->k;
    g->args.lo = clamp.lo;
    g->args.hi = clamp.hi;
    g->fused = !in && g->impl->fuses >> kind & 1;
    if (!out)
        return;
    g->args.scale = y->params.scale;
    g->args.zero = y->params.zero;
    haq_clamp_codes(&y->params, clamp, &g->args.qlo, &g->args.qhi);
}

static size_t lay_out_scratch(struct product_step *g)
{
    size_t columns = haq_round_up(g->n, g->impl->nr), four = sizeof(float);
    g->b_at = haq_round_up(g->impl->mr * sizeof(void *), ALIGN);
    g->packed_at = g->b_at + haq_round_up(g->n * g->k * g->elem, ALIGN) + ALIGN;
    g->acc_at =
        g->packed_at +
        haq_round_up(haq_gemm_packed_bytes(g->impl, g->n, 1, g->k), ALIGN);
    g->corr_at = g->acc_at + haq_round_up(g->impl->mr * columns * four, ALIGN);
    g->sum_at = g->corr_at + haq_round_up(g->n * four, ALIGN);
    g->row_at = g->sum_at + haq_round_up(g->impl->mr * four, ALIGN);
    g->a_at = g->row_at +
              haq_round_up(
                  haq_gemm_scratch_bytes(g->impl, g->impl->mr, 1, g->k), ALIGN);
    return g->a_at + (g->trans_a ? g->m * g->k * g->elem + ALIGN : 0);
}

haq_status haq_prepare_product(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    struct haq_step step = haq_plan_node_step(p, node);
    struct product_step *g = haq_arena_alloc(&p->arena, sizeof *g);
    struct haq_form fa = haq_form_center(haq_plan_input_form(p, node, 0, 0, 0));
    struct haq_form fb = haq_form_center(haq_plan_input_form(p, node, 1, 0, 0));
    struct haq_form fy;
    bool codes = fa.kind == HAQ_FORM_CODES;
    bool quantized = fa.kind != HAQ_FORM_PLAIN;
    int in[2], out;

    if (!g)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (fa.kind != fb.kind || fa.kind == HAQ_FORM_ROWS ||
        fa.kind == HAQ_FORM_CENTERED_ROWS)
        return haq_plan_unsupported(p, node, "operands in these formats", d);
    if (n->n_in > 2 && n->in[2] != HAQ_NO_VALUE && !haq_layer_bias(p, node))
        return haq_plan_unsupported(p, node, "a bias that is computed", d);
    haq_status s = haq_plan_read(p, n->in[0], &fa, &in[0], d);
    if (!s)
        s = haq_plan_read(p, n->in[1], &fb, &in[1], d);
    if (!s)
        s = haq_plan_write(p, n->out[0], &out, d);
    if (s)
        return s;
    fy = p->slot[out].form;
    g->impl = haq_gemm_select(codes ? HAQ_GEMM_U8_S8 : HAQ_GEMM_F32, p->isa);
    g->rowsum = haq_rowsum_select(p->isa);
    g->elem = codes ? 1 : sizeof(float);
    s = set_dims(g, p, node, d);
    if (!s && quantized)
        s = fill_vectors(g, p, &fa, &fb, &fy, d);
    if (s)
        return s;
    g->args.bias = haq_layer_bias(p, node);
    if (quantized && g->args.bias)
        return haq_plan_unsupported(p, node, "a bias on codes", d);
    choose_epilogue(g, p, &fy, n->clamp);
    step.kernel = g->impl->name;
    step.run = run;
    step.data = g;
    step.scratch = lay_out_scratch(g);
    step.serial = g->items * g->m * g->n * g->k < SMALL_WORK;
    return haq_plan_add(p, &step, in, 2, &out, 1, d);
}
