#include <math.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "kernels/epilogue.h"
#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_epilogue_impl *row, *ref;
    size_t rows, cols;
};

static bool takes_floats(enum haq_epilogue_kind kind)
{
    return kind == HAQ_EPI_F32_F32 || kind == HAQ_EPI_F32_U8;
}

static bool gives_codes(enum haq_epilogue_kind kind)
{
    return kind == HAQ_EPI_S32_U8 || kind == HAQ_EPI_F32_U8;
}

/* What only one of the three families of kinds reads stays NULL for others. */
static void family(struct selfcheck *s, const struct shape *p,
                   struct haq_epilogue_args *e)
{
    enum haq_epilogue_kind kind = p->row->kind;
    bool zw = !takes_floats(kind) && pick(s, 0, 1);

    if (kind == HAQ_EPI_S32_F32_ROW) {
        e->colsum = ints(s, p->cols, (struct range){-20000, 20000}, RANDOM);
        e->row_scale = floats(s, p->rows, 1, RANDOM);
        e->row_zero = ints(s, p->rows, U8_RANGE, pick_pattern(s));
    } else if (!takes_floats(kind)) {
        e->corr =
            ints(s, p->cols, (struct range){-100000, 100000}, pick_pattern(s));
    }
    if ((takes_floats(kind) || kind == HAQ_EPI_S32_F32_ROW) && pick(s, 0, 1))
        e->bias = floats(s, p->cols, 2, pick_pattern(s));
    if (zw) {
        e->zw = ints(s, p->cols, S8_RANGE, pick_pattern(s));
        e->rowsum = ints(s, p->rows, (struct range){0, 20000}, RANDOM);
    }
}

static struct haq_epilogue_args operands(struct selfcheck *s,
                                         const struct shape *p)
{
    static const struct range sums = {-300000, 300000};
    bool real = takes_floats(p->row->kind);
    size_t lda = p->cols + pick(s, 0, 3), n = (p->rows - 1) * lda + p->cols;
    struct haq_epilogue_args e = {
        .lda = lda,
        .rows = p->rows,
        .cols = p->cols,
        .ldy = p->cols + pick(s, 0, 3),
        .k = (int32_t)pick(s, 1, 500),
        .lo = pick(s, 0, 1) ? 0 : -INFINITY,
        .hi = pick(s, 0, 1) ? 6 : INFINITY,
        .scale = 0.37f,
        .zero = (int32_t)pick(s, 0, 255),
        .qlo = (int32_t)pick(s, 0, 3),
        .qhi = pick(s, 0, 1) ? 255 : 15,
    };

    if (real)
        e.acc = floats(s, n, 900, pick_pattern(s));
    else
        e.acc = ints(s, n, sums, pick_pattern(s));
    if (!real || pick(s, 0, 1))
        e.mult = floats(s, p->cols, real ? 1 : 0.002f, pick_pattern(s));
    family(s, p, &e);
    return e;
}

static void finish(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct haq_epilogue_args e = operands(s, p);
    size_t elem = gives_codes(p->row->kind) ? 1 : 4;
    struct matrix want = result(s, p->rows, p->cols, e.ldy, elem);
    struct matrix got = result(s, p->rows, p->cols, e.ldy, elem);

    e.y = want.at;
    p->ref->run(&e);
    e.y = got.at;
    p->row->run(&e);
    expect_bits(s, &got, &want);
}

void check_epilogue(struct selfcheck *s)
{
    size_t count;
    const struct haq_epilogue_impl *rows = haq_epilogue_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i]};
        p.ref = haq_epilogue_select(rows[i].kind, HAQ_ISA_NONE);
        for (size_t n = 0; n < 400; n++) {
            p.rows = pick(s, 1, 7);
            p.cols = n % 200 + 1;
            selfcheck_run(s, finish, &p, "%zu rows, %zu columns", p.rows,
                          p.cols);
        }
        selfcheck_done(s);
    }
}
