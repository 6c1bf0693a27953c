#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "kernels/gemm_group.h"
#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_gemm_group_impl *row, *ref;
    size_t rows, n, k, group;
    int bits;
    bool zeros, unpack;
};

struct operands {
    const void **a;
    const float *sa, *sw, *bias; /* bias may be NULL */
    const int32_t *za;
    const int8_t *codes, *zero; /* zero may be NULL */
    bool exact;                 /* sums of any order have the same bits */
};

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static struct operands operands(struct selfcheck *s, const struct shape *p)
{
    size_t groups = (p->k + p->group - 1) / p->group;
    bool integer = p->row->kind == HAQ_GEMM_U8_S8;
    size_t slack = integer ? (p->k + 3) / 4 * 4 - p->k : 0;
    enum pattern pa = pick_pattern(s), pw = pick_pattern(s);
    struct range range = {-(1 << (p->bits - 1)), (1 << (p->bits - 1)) - 1};
    if (p->bits == 1) { /* -1 and 1 */
        range.hi = 1;
        pw = ENDS;
    }
    struct operands o = {
        .codes = codes(s, p->n * p->k, 0, range, pw),
        .exact = integer || (p->k < 140 && pick(s, 0, 3)),
    };

    size_t columns = round_up(p->n, HAQ_GROUP_NR);
    if (integer || !o.exact) {
        o.sw = pick(s, 0, 1) ? floats(s, p->n * groups, 1, RANDOM)
                             : whole_floats(s, p->n * groups, 2000, RANDOM);
        o.bias = pick(s, 0, 1) ? floats(s, columns, 9, RANDOM) : NULL;
    } else {
        o.sw = whole_floats(s, p->n * groups, 8, RANDOM);
        o.bias = pick(s, 0, 1) ? whole_floats(s, columns, 99, RANDOM) : NULL;
    }
    o.a = integer ? code_buffers(s, p->rows, p->k, slack, pa)
                  : float_buffers(s, p->rows, p->k, o.exact, pa);
    if (integer) {
        bool uniform = pick(s, 0, 1);
        o.sa = floats(s, p->rows, 1, uniform ? GREATEST : RANDOM);
        o.za = ints(s, p->rows, U8_RANGE, uniform ? GREATEST : pick_pattern(s));
    }
    if (p->zeros)
        o.zero = codes(s, p->n * groups, 0, range, pick_pattern(s));
    return o;
}

static const int8_t *unpacked(struct selfcheck *s,
                              const struct haq_group_layout *l, const void *w)
{
    size_t bytes = l->panels * l->wide_bytes;
    int8_t *room = malloc(bytes + HAQ_PANEL_CODES);
    int8_t *wide = guard_alloc(&s->guard, bytes, 64);
    if (!room)
        abort();
    haq_group_unpack(l, room, w, 0, l->panels,
                     haq_panel_select(HAQ_ISA_NONE)->unpack);
    memcpy(wide, room, bytes);
    free(room);
    return wide;
}

static struct matrix run(struct selfcheck *s, const struct shape *p,
                         const struct haq_gemm_group_impl *row,
                         const struct operands *o, size_t ldy)
{
    struct haq_group_layout l;
    haq_group_layout_make(&l, row->kind, o->codes, o->sw, o->zero, p->n, p->k,
                          p->group);
    struct matrix y = result(s, p->rows, l.panels * HAQ_GROUP_NR, ldy, 4);
    void *w = guard_alloc(&s->guard, haq_group_bytes(&l), 64);
    size_t sums = p->rows * l.groups * sizeof(int32_t);
    bool packed = !p->unpack && p->rows <= row->packed_mr;

    haq_group_pack(&l, w, o->codes, o->sw, o->zero);
    const int8_t *wide = l.bits == 8 || packed ? NULL : unpacked(s, &l, w);
    for (size_t m = 0; m < p->rows; m += row->mr) {
        size_t rows = p->rows - m < row->mr ? p->rows - m : row->mr;
        row->run(&(struct haq_gemm_group_args){
            .layout = &l,
            .a = o->a + m,
            .sa = o->sa ? o->sa + m : NULL,
            .za = o->za ? o->za + m : NULL,
            .rows = rows,
            .w = w,
            .panels = l.panels,
            .wide = wide,
            .bias = o->bias,
            .y = (float *)y.at + m * ldy,
            .ldy = ldy,
            .scratch = l.zeros ? guard_alloc(&s->guard, sums, 64) : NULL});
    }
    return y;
}

/* |bias| + sum |a (w - zw) sw|, of the float kind. */
static struct matrix magnitudes(struct selfcheck *s, const struct shape *p,
                                const struct operands *o)
{
    size_t columns = round_up(p->n, HAQ_GROUP_NR);
    struct matrix size = result(s, p->rows, columns, columns, 4);
    size_t groups = (p->k + p->group - 1) / p->group;

    for (size_t i = 0; i < p->rows * columns; i++)
        ((float *)size.at)[i] = 0;
    for (size_t m = 0; m < p->rows; m++)
        for (size_t n = 0; n < p->n; n++) {
            double sum = o->bias ? fabs((double)o->bias[n]) : 0;
            for (size_t k = 0; k < p->k; k++) {
                size_t g = n * groups + k / p->group;
                int w = o->codes[n * p->k + k] - (o->zero ? o->zero[g] : 0);
                sum += fabs((double)((const float *)o->a[m])[k] * w *
                            (double)o->sw[g]);
            }
            ((float *)size.at)[m * columns + n] = (float)sum;
        }
    return size;
}

static void product(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct operands o = operands(s, p);
    size_t columns = round_up(p->n, HAQ_GROUP_NR);
    struct matrix want = run(s, p, p->ref, &o, columns);
    struct matrix got = run(s, p, p->row, &o, columns + pick(s, 0, 2));

    /* what lies beyond n is nobody's */
    for (size_t m = 0; m < p->rows; m++)
        for (size_t n = p->n; n < columns; n++)
            ((float *)got.at)[m * got.ld + n] =
                ((float *)want.at)[m * want.ld + n];
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
    for (int way = 0; way < 4; way++) {
        p.zeros = way % 2;
        p.unpack = way / 2;
        p.bits = (int)pick(s, 1, 8);
        selfcheck_run(s, product, &p,
                      "%zu rows, %zu columns, %zu long, groups of %zu, %d "
                      "bits%s%s",
                      p.rows, p.n, p.k, p.group, p.bits,
                      p.zeros ? ", zero points" : "",
                      p.unpack ? ", unpacked" : "");
    }
}

static void check_row(struct selfcheck *s, struct shape p)
{
    static const size_t groups[] = {16, 32, 48, 64, 128};
    for (size_t rows = 1; rows <= p.row->mr; rows++)
        for (size_t n = 1; n <= 100; n += pick(s, 1, 13)) {
            p.rows = rows;
            p.n = n;
            p.k = pick(s, 1, 140);
            p.group = groups[pick(s, 0, 4)];
            check_shape(s, p);
        }
    p = (struct shape){p.row, p.ref, 2, 17, 2049, 2048, 0, false, false};
    check_shape(s, p);
    p = (struct shape){p.row, p.ref, 1, 64, 4096, 32, 0, false, false};
    check_shape(s, p);
    p = (struct shape){p.row, p.ref, 1, 5, 16384, 16384, 0, false, false};
    check_shape(s, p);
}

void check_gemm_group(struct selfcheck *s)
{
    size_t count;
    const struct haq_gemm_group_impl *rows = haq_gemm_group_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i]};
        p.ref = haq_gemm_group_select(rows[i].kind, HAQ_ISA_NONE);
        check_row(s, p);
        selfcheck_done(s);
    }
}
