#include "kernels/gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "kernels/panel.h"
#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_gemm_impl *row, *ref;
    size_t rows, segments, seg_len, n;
};

struct operands {
    const void **a; /* [segments][rows] */
    const void *w;  /* [n][segments][seg_len] */
    int shift;
    bool exact; /* sums of any order have the same bits */
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Codes of the row's bits; those of 8 may be narrower ones, moved up. */
static int8_t *weights(struct selfcheck *s, const struct shape *p, int *shift)
{
    int bits = p->row->bits == 8 ? (int)pick(s, 1, 8) : p->row->bits;
    struct range r = {-(1 << (bits - 1)), (1 << (bits - 1)) - 1};
    enum pattern pattern = bits == 1 ? ENDS : pick_pattern(s);
    size_t n = p->n * p->segments * p->seg_len;

    if (bits == 1)
        r.hi = 1; /* codes are -1 and 1 */
    int8_t *w = codes(s, n, 0, r, pattern);
    *shift = p->row->bits == 8 ? haq_panel_shift(bits) : 0;
    for (size_t i = 0; i < n; i++)
        w[i] = (int8_t)(w[i] * (1 << *shift));
    return w;
}

/* Rows evenly spaced in one buffer for each segment, as windows have them. */
static const void **spaced_rows(struct selfcheck *s, const struct shape *p,
                                size_t slack)
{
    size_t stride = p->seg_len + pick(s, 0, 5);
    size_t n = (p->rows - 1) * stride + p->seg_len;
    const void **at = guard_alloc(&s->guard, p->rows * p->segments * sizeof *at,
                                  sizeof(void *));

    for (size_t g = 0; g < p->segments; g++) {
        const char *rows = codes(s, n, slack, U8_RANGE, pick_pattern(s));
        for (size_t m = 0; m < p->rows; m++)
            at[g * p->rows + m] = rows + m * stride;
    }
    return at;
}

static struct operands operands(struct selfcheck *s, const struct shape *p)
{
    enum { LARGEST = 128 };
    size_t k = p->segments * p->seg_len, count = p->rows * p->segments;
    size_t slack = round_up(p->seg_len, p->row->kr) - p->seg_len;
    struct operands o = {.exact = true};

    if (p->row->kind != HAQ_GEMM_U8_S8) {
        o.exact = k * MOST * LARGEST < 1 << 24 && pick(s, 0, 3);
        o.a = float_buffers(s, count, p->seg_len, o.exact, pick_pattern(s));
    } else if (pick(s, 0, 1)) {
        o.a = spaced_rows(s, p, slack);
    } else {
        o.a = code_buffers(s, count, p->seg_len, slack, pick_pattern(s));
    }
    if (p->row->kind == HAQ_GEMM_F32)
        o.w = whole_floats(s, p->n * k, LARGEST, pick_pattern(s));
    else
        o.w = weights(s, p, &o.shift);
    return o;
}

static void *scratch_of(struct selfcheck *s, size_t bytes)
{
    return bytes ? guard_alloc(&s->guard, bytes, 64) : NULL;
}

/* An epilogue that the row does itself. */
struct finish {
    enum haq_epilogue_kind kind;
    size_t elem; /* bytes of a result */
    struct haq_epilogue_args args;
};

/* As many calls as the row's mr asks for; f may be NULL. */
static struct matrix run(struct selfcheck *s, const struct shape *p,
                         const struct haq_gemm_impl *row,
                         const struct operands *o, size_t ldc,
                         const struct finish *f)
{
    size_t panels = (p->n + row->nr - 1) / row->nr;
    size_t bytes = haq_gemm_packed_bytes(row, p->n, p->segments, p->seg_len);
    void *w = guard_alloc(&s->guard, bytes, 64);
    struct matrix acc = result(s, p->rows, panels * row->nr, ldc, 4);

    row->pack(w, o->w, p->n, p->segments, p->seg_len);
    for (size_t m = 0; m < p->rows; m += row->mr) {
        size_t rows = p->rows - m < row->mr ? p->rows - m : row->mr;
        const void **a = guard_alloc(&s->guard, rows * p->segments * sizeof *a,
                                     sizeof(void *));
        for (size_t i = 0; i < rows * p->segments; i++)
            a[i] = o->a[i / rows * p->rows + m + i % rows];
        size_t scratch =
            haq_gemm_scratch_bytes(row, rows, p->segments, p->seg_len);
        struct haq_epilogue_args e = {0};
        if (f) {
            e = f->args;
            e.y = (char *)e.y + m * e.ldy * f->elem;
        }
        row->run(&(struct haq_gemm_args){.a = a,
                                         .rows = rows,
                                         .segments = p->segments,
                                         .seg_len = p->seg_len,
                                         .w = w,
                                         .panels = panels,
                                         .acc = (float *)acc.at + m * ldc,
                                         .ldc = ldc,
                                         .shift = o->shift,
                                         .scratch = scratch_of(s, scratch),
                                         .finish = f ? &e : NULL,
                                         .finish_kind =
                                             f ? f->kind : HAQ_EPI_KINDS});
    }
    return acc;
}

/* The operands without their signs, whose product bounds the error. */
static struct operands magnitudes(struct selfcheck *s, const struct shape *p,
                                  const struct operands *o)
{
    size_t count = p->rows * p->segments;
    size_t n = p->n * p->segments * p->seg_len;
    struct operands abs_of = {.shift = o->shift};

    abs_of.a = guard_alloc(&s->guard, count * sizeof *abs_of.a, sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        float *x = guard_alloc(&s->guard, p->seg_len * sizeof *x, sizeof *x);
        for (size_t e = 0; e < p->seg_len; e++)
            x[e] = fabsf(((const float *)o->a[i])[e]);
        abs_of.a[i] = x;
    }
    if (p->row->kind == HAQ_GEMM_F32) {
        float *w = guard_alloc(&s->guard, n * sizeof *w, sizeof *w);
        for (size_t i = 0; i < n; i++)
            w[i] = fabsf(((const float *)o->w)[i]);
        abs_of.w = w;
    } else {
        int8_t *w = guard_alloc(&s->guard, n, 1);
        for (size_t i = 0; i < n; i++) {
            int magnitude = abs(((const int8_t *)o->w)[i]);
            w[i] = (int8_t)(magnitude < 127 ? magnitude : 127);
        }
        abs_of.w = w;
    }
    return abs_of;
}

static void product(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct operands o = operands(s, p);
    size_t ldc = round_up(p->n, p->row->nr) + pick(s, 0, 3);
    struct matrix want =
        run(s, p, p->ref, &o, round_up(p->n, p->row->nr), NULL);
    struct matrix got = run(s, p, p->row, &o, ldc, NULL);

    if (o.exact) {
        expect_bits(s, &got, &want);
        return;
    }
    struct operands m = magnitudes(s, p, &o);
    struct matrix size = run(s, p, p->ref, &m, want.ld, NULL);
    /* half an ulp is each result's own rounding */
    expect_near(s, &got, &want, &size, (double)p->row->bound + 1.2e-7);
}

static struct haq_epilogue_args vectors(struct selfcheck *s,
                                        const struct shape *p)
{
    struct haq_epilogue_args e = {.rows = p->rows, .cols = p->n};
    bool integer = p->row->kind == HAQ_GEMM_U8_S8;
    e.corr = ints(s, p->n, (struct range){-100000, 100000}, RANDOM);
    e.mult = integer || pick(s, 0, 1) ? floats(s, p->n, 0.01f, RANDOM) : NULL;
    e.bias = pick(s, 0, 1) ? floats(s, p->n, 5, RANDOM) : NULL;
    e.lo = pick(s, 0, 1) ? 0 : -INFINITY;
    e.hi = pick(s, 0, 1) ? 6 : INFINITY;
    e.zero = (int32_t)pick(s, 0, 255);
    e.qlo = (int32_t)pick(s, 0, 20);
    e.qhi = pick(s, 0, 1) ? 255 : 30;
    return e;
}

/* Sums to results in registers, against the same sums and the scalar row. */
static void finished(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct operands o = operands(s, p);
    struct finish f = {.args = vectors(s, p)};
    struct matrix acc = run(s, p, p->row, &o, round_up(p->n, p->row->nr), NULL);

    for (int kind = 0; kind < HAQ_EPI_KINDS; kind++) {
        if (!(p->row->fuses >> kind & 1))
            continue;
        f.kind = (enum haq_epilogue_kind)kind;
        f.elem = kind == HAQ_EPI_S32_U8 ? 1 : 4;
        struct matrix want = result(s, p->rows, p->n, p->n, f.elem);
        struct matrix got =
            result(s, p->rows, p->n, p->n + pick(s, 0, 3), f.elem);
        struct haq_epilogue_args e = f.args;
        e.acc = acc.at;
        e.lda = acc.ld;
        e.y = want.at;
        e.ldy = want.ld;
        haq_epilogue_select(f.kind, HAQ_ISA_NONE)->run(&e);
        f.args.y = got.at;
        f.args.ldy = got.ld;
        run(s, p, p->row, &o, round_up(p->n, p->row->nr), &f);
        expect_bits(s, &got, &want);
    }
}

/* Rows of packed panels take one segment; panels of one bit have no zero, so
 * nothing in them may be padding. */
static void check_shape(struct selfcheck *s, struct shape p)
{
    if (p.row->bits % 8) {
        p.seg_len *= p.segments;
        p.segments = 1;
    }
    if (p.row->bits == 1) {
        p.seg_len = round_up(p.seg_len, p.row->kr);
        p.n = round_up(p.n, p.row->nr);
    }
    selfcheck_run(s, product, &p, "%zu rows, %zu segments of %zu, %zu columns",
                  p.rows, p.segments, p.seg_len, p.n);
    if (p.row->fuses)
        selfcheck_run(s, finished, &p,
                      "%zu rows, %zu segments of %zu, %zu columns, finished",
                      p.rows, p.segments, p.seg_len, p.n);
}

static void check_row(struct selfcheck *s, struct shape p)
{
    size_t nr = p.row->nr;

    for (size_t rows = 1; rows <= p.row->mr; rows++)
        for (size_t panels = 1; panels <= 7; panels++) {
            struct shape tile = {p.row,         p.ref,          rows,
                                 pick(s, 1, 3), pick(s, 1, 20), panels * nr};
            tile.n -= pick(s, 0, nr - 1);
            check_shape(s, tile);
        }
    for (size_t len = 1; len <= 140; len++) {
        size_t rows = pick(s, 1, len < 9 ? p.row->mr : 5);
        size_t segments = pick(s, 1, len < 9 ? 9 : 5);
        check_shape(s, (struct shape){p.row, p.ref, rows, segments, len, 17});
    }
    check_shape(s, (struct shape){p.row, p.ref, 1, 1, 65536, 16});
    check_shape(s, (struct shape){p.row, p.ref, 3, 9, 531, 33});
    check_shape(s, (struct shape){p.row, p.ref, p.row->mr, 1, 1031, 16});
}

void check_gemm(struct selfcheck *s)
{
    size_t count;
    const struct haq_gemm_impl *rows = haq_gemm_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i]};
        p.ref = haq_gemm_select(rows[i].kind, HAQ_ISA_NONE);
        check_row(s, p);
        selfcheck_done(s);
    }
}
