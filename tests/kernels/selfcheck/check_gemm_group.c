#include <math.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "kernels/gemm_group.h"
#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_gemm_group_impl *row, *ref;
    size_t rows, n, k, group;
    bool zeros;
};

struct operands {
    const void **a;
    const float *sa, *sw, *bias; /* bias may be NULL */
    const int32_t *za;
    const int8_t *codes, *zero; /* zero may be NULL */
    bool exact;                 /* sums of any order have the same bits */
};

static struct operands operands(struct selfcheck *s, const struct shape *p)
{
    size_t groups = (p->k + p->group - 1) / p->group;
    bool integer = p->row->kind == HAQ_GEMM_U8_S8;
    size_t slack = integer ? (p->k + 3) / 4 * 4 - p->k : 0;
    enum pattern pa = pick_pattern(s), pw = pick_pattern(s);
    struct operands o = {
        .codes = codes(s, p->n * p->k, 0, S8_RANGE, pw),
        .exact = integer || (p->k < 140 && pick(s, 0, 3)),
    };

    if (integer || !o.exact) {
        o.sw = floats(s, p->n * groups, 1, RANDOM);
        o.bias = pick(s, 0, 1) ? floats(s, p->n, 9, RANDOM) : NULL;
    } else {
        o.sw = whole_floats(s, p->n * groups, 8, RANDOM);
        o.bias = pick(s, 0, 1) ? whole_floats(s, p->n, 99, RANDOM) : NULL;
    }
    o.a = integer ? code_buffers(s, p->rows, p->k, slack, pa)
                  : float_buffers(s, p->rows, p->k, o.exact, pa);
    if (integer) {
        o.sa = floats(s, p->rows, 1, RANDOM);
        o.za = ints(s, p->rows, U8_RANGE, pick_pattern(s));
    }
    if (p->zeros)
        o.zero = codes(s, p->n * groups, 0, S8_RANGE, pick_pattern(s));
    return o;
}

static struct matrix run(struct selfcheck *s, const struct shape *p,
                         const struct haq_gemm_group_impl *row,
                         const struct operands *o, size_t ldy)
{
    struct matrix y = result(s, p->rows, p->n, ldy, 4);
    void *w = guard_alloc(&s->guard, row->bytes(p->n, p->k, p->group), 64);

    row->pack(w, o->codes, o->sw, o->zero, p->n, p->k, p->group);
    for (size_t m = 0; m < p->rows; m += row->mr) {
        size_t rows = p->rows - m < row->mr ? p->rows - m : row->mr;
        row->run(&(struct haq_gemm_group_args){.a = o->a + m,
                                               .sa = o->sa ? o->sa + m : NULL,
                                               .za = o->za ? o->za + m : NULL,
                                               .rows = rows,
                                               .k = p->k,
                                               .group = p->group,
                                               .w = w,
                                               .n = p->n,
                                               .bias = o->bias,
                                               .y = (float *)y.at + m * ldy,
                                               .ldy = ldy});
    }
    return y;
}

/* |bias| + sum |a (w - zw) sw|, of the float kind. */
static struct matrix magnitudes(struct selfcheck *s, const struct shape *p,
                                const struct operands *o)
{
    struct matrix size = result(s, p->rows, p->n, p->n, 4);
    size_t groups = (p->k + p->group - 1) / p->group;

    for (size_t m = 0; m < p->rows; m++)
        for (size_t n = 0; n < p->n; n++) {
            double sum = o->bias ? fabs((double)o->bias[n]) : 0;
            for (size_t k = 0; k < p->k; k++) {
                size_t g = n * groups + k / p->group;
                int w = o->codes[n * p->k + k] - (o->zero ? o->zero[g] : 0);
                sum += fabs((double)((const float *)o->a[m])[k] * w *
                            (double)o->sw[g]);
            }
            ((float *)size.at)[m * p->n + n] = (float)sum;
        }
    return size;
}

static void product(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct operands o = operands(s, p);
    struct matrix want = run(s, p, p->ref, &o, p->n);
    struct matrix got = run(s, p, p->row, &o, p->n + pick(s, 0, 2));

    if (o.exact) {
        expect_bits(s, &got, &want);
        return;
    }
    struct matrix size = magnitudes(s, p, &o);
    /* half an ulp is each result's own rounding */
    expect_near(s, &got, &want, &size, (double)p->row->bound + 1.2e-7);
}

static void check_shape(struct selfcheck *s, struct shape p)
{
    for (int zeros = 0; zeros <= p.row->zero_points; zeros++) {
        p.zeros = zeros;
        selfcheck_run(s, product, &p,
                      "%zu rows, %zu columns, %zu long, groups of %zu%s",
                      p.rows, p.n, p.k, p.group, zeros ? ", zero points" : "");
    }
}

static void check_row(struct selfcheck *s, struct shape p)
{
    for (size_t rows = 1; rows <= p.row->mr; rows++)
        for (size_t n = 1; n <= 100; n += pick(s, 1, 13))
            check_shape(s,
                        (struct shape){p.row, p.ref, rows, n, pick(s, 1, 140),
                                       16 * pick(s, 1, 4), false});
    check_shape(s, (struct shape){p.row, p.ref, 2, 17, 2049, 2048, false});
    check_shape(s, (struct shape){p.row, p.ref, 1, 64, 4096, 32, false});
    check_shape(s, (struct shape){p.row, p.ref, 1, 5, 16384, 16384, false});
}

void check_gemm_group(struct selfcheck *s)
{
    size_t count;
    const struct haq_gemm_group_impl *rows = haq_gemm_group_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i]};
        p.ref = haq_gemm_group_select(rows[i].kind, true, HAQ_ISA_NONE);
        check_row(s, p);
        selfcheck_done(s);
    }
}
