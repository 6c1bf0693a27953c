#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/elementwise.h"
#include "tests/kernels/selfcheck/selfcheck.h"

typedef const struct haq_elementwise set;

struct shape {
    set *row, *ref;
    unsigned op; /* of the unary or binary ones */
    size_t n;
};

/* Of the smooth operations: where they are looked at, and how far off. */
static const struct {
    float most;
    double ulps;
} smooth[HAQ_UN_COUNT] = {
    [HAQ_UN_SIGMOID] = {103, 4}, [HAQ_UN_SILU] = {80, 4},
    [HAQ_UN_TANH] = {20, 4},     [HAQ_UN_ERF] = {6, 4},
    [HAQ_UN_GELU] = {14, 4},     [HAQ_UN_EXP] = {88, 4},
};

static struct matrix vector(struct selfcheck *s, size_t n, size_t elem)
{
    return result(s, 1, n, n, elem);
}

/* A copy of x that an operation may overwrite. */
static struct matrix copy(struct selfcheck *s, const void *x, size_t n,
                          size_t elem)
{
    struct matrix m = vector(s, n, elem);
    memcpy(m.at, x, n * elem);
    return m;
}

/* The distance to the next float from each result, and the absolute bound of
 * Gelu's tail. */
static struct matrix ulps_of(struct selfcheck *s, const struct matrix *want,
                             const float *x, bool gelu)
{
    struct matrix size = vector(s, want->cols, 4);
    for (size_t i = 0; i < want->cols; i++) {
        float y = fabsf(((const float *)want->at)[i]);
        float ulp = nextafterf(y, INFINITY) - y;
        ((float *)size.at)[i] = gelu && x[i] < -1 ? 1e-7f / 4 : ulp;
    }
    return size;
}

static float *unary_operand(struct selfcheck *s, const struct shape *p)
{
    bool positive = p->op == HAQ_UN_LOG || p->op == HAQ_UN_SQRT ||
                    p->op == HAQ_UN_RECIPROCAL;
    float most = smooth[p->op].most > 0 ? smooth[p->op].most : 9;
    float *x = floats(s, p->n, most, pick_pattern(s));

    for (size_t i = 0; i < p->n && positive; i++)
        x[i] = fabsf(x[i]) + 0.01f;
    return x;
}

static void unary(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    float *x = unary_operand(s, p);
    struct matrix want = vector(s, p->n, 4);
    struct matrix got = copy(s, x, p->n, 4);
    const float *from = pick(s, 0, 1) ? x : got.at; /* in place */

    p->ref->unary[p->op](want.at, x, p->n, -0.4f, 0.6f);
    p->row->unary[p->op](got.at, from, p->n, -0.4f, 0.6f);
    if (smooth[p->op].ulps > 0) {
        struct matrix ulps = ulps_of(s, &want, x, p->op == HAQ_UN_GELU);
        expect_near(s, &got, &want, &ulps, smooth[p->op].ulps);
    } else {
        expect_bits(s, &got, &want);
    }
}

static void binary(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    int sa = (int)pick(s, 0, 1), sb = (int)pick(s, 0, 1);
    float *a = floats(s, sa ? p->n : 1, 9, pick_pattern(s));
    float *b = floats(s, sb ? p->n : 1, 9, pick_pattern(s));
    float lo = pick(s, 0, 1) ? 0 : -INFINITY, hi = pick(s, 0, 1) ? 6 : INFINITY;
    struct matrix want = vector(s, p->n, 4), got = vector(s, p->n, 4);
    const float *from = a;

    for (size_t i = 0; i < (sa ? p->n : 1) && p->op == HAQ_BIN_POW; i++)
        a[i] = fabsf(a[i]);
    if (sa && pick(s, 0, 1))
        from = memcpy(got.at, a, p->n * sizeof *a); /* in place */
    p->ref->binary[p->op](want.at, a, b, p->n, sa, sb, lo, hi);
    p->row->binary[p->op](got.at, from, b, p->n, sa, sb, lo, hi);
    expect_bits(s, &got, &want);
}

static struct haq_affine affine(struct selfcheck *s)
{
    return (struct haq_affine){0.001f * (float)pick(s, 1, 100),
                               (int32_t)pick(s, 0, 255)};
}

static void quantize(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct haq_affine to = affine(s);
    int32_t qlo = (int32_t)pick(s, 0, 3), qhi = pick(s, 0, 1) ? 255 : 15;
    float *x = floats(s, p->n, 12, pick_pattern(s));
    struct matrix want = vector(s, p->n, 1), got = vector(s, p->n, 1);

    p->ref->quantize(want.at, x, p->n, to, qlo, qhi);
    p->row->quantize(got.at, x, p->n, to, qlo, qhi);
    expect_bits(s, &got, &want);
}

static void dequantize(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct haq_affine from = affine(s);
    uint8_t *q = codes(s, p->n, 0, U8_RANGE, pick_pattern(s));
    struct matrix want = vector(s, p->n, 4), got = vector(s, p->n, 4);

    p->ref->dequantize(want.at, q, p->n, from);
    p->row->dequantize(got.at, q, p->n, from);
    expect_bits(s, &got, &want);
}

static void requantize(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct haq_affine from = affine(s), to = affine(s);
    int32_t qlo = (int32_t)pick(s, 0, 3), qhi = pick(s, 0, 1) ? 255 : 15;
    uint8_t *q = codes(s, p->n, 0, U8_RANGE, pick_pattern(s));
    struct matrix want = vector(s, p->n, 1), got = copy(s, q, p->n, 1);

    p->ref->requantize(want.at, q, p->n, from, to, qlo, qhi);
    p->row->requantize(got.at, pick(s, 0, 1) ? q : got.at, p->n, from, to, qlo,
                       qhi);
    expect_bits(s, &got, &want);
}

static void softmax(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    size_t rows = pick(s, 1, 3), n = rows * p->n;
    float *x = floats(s, n, 20, pick_pattern(s));
    struct matrix want = vector(s, n, 4), got = copy(s, x, n, 4);

    p->ref->softmax(want.at, x, rows, p->n);
    p->row->softmax(got.at, pick(s, 0, 1) ? x : got.at, rows, p->n);
    struct matrix ulps = ulps_of(s, &want, x, false);
    expect_near(s, &got, &want, &ulps, 6);
}

static void log_softmax(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    size_t rows = pick(s, 1, 3), n = rows * p->n;
    float *x = floats(s, n, 20, pick_pattern(s));
    struct matrix want = vector(s, n, 4), got = copy(s, x, n, 4);
    struct matrix one = vector(s, n, 4);

    for (size_t i = 0; i < n; i++)
        ((float *)one.at)[i] = 1;
    p->ref->log_softmax(want.at, x, rows, p->n);
    p->row->log_softmax(got.at, pick(s, 0, 1) ? x : got.at, rows, p->n);
    expect_near(s, &got, &want, &one, 4e-6);
}

static void minmax(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    float *x = floats(s, p->n, 100, pick_pattern(s));
    struct matrix want = vector(s, 2, 4), got = vector(s, 2, 4);

    p->ref->minmax(x, p->n, want.at, (float *)want.at + 1);
    p->row->minmax(x, p->n, got.at, (float *)got.at + 1);
    expect_bits(s, &got, &want);
}

static const struct {
    const char *name;
    selfcheck_case_fn *run;
    unsigned ops;
} functions[] = {
    {"unary", unary, HAQ_UN_COUNT},  {"binary", binary, HAQ_BIN_COUNT},
    {"quantize", quantize, 1},       {"dequantize", dequantize, 1},
    {"requantize", requantize, 1},   {"softmax", softmax, 1},
    {"log_softmax", log_softmax, 1}, {"minmax", minmax, 1},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* A function more in the set needs a line more above. */
_Static_assert(sizeof(set) ==
                   offsetof(set, unary) +
                       (HAQ_UN_COUNT + HAQ_BIN_COUNT + FUNCTIONS - 2) *
                           sizeof(haq_minmax_fn *),
               "every function of a set is checked");

void check_elementwise(struct selfcheck *s)
{
    size_t count;
    set *sets = haq_elementwise_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, sets[i].name, sets[i].isa))
            continue;
        struct shape p = {.row = &sets[i], .ref = &sets[0]};
        for (size_t f = 0; f < FUNCTIONS; f++)
            for (p.op = 0; p.op < functions[f].ops; p.op++)
                for (p.n = 1; p.n <= 150; p.n++)
                    selfcheck_run(s, functions[f].run, &p, "%s %u of %zu",
                                  functions[f].name, p.op, p.n);
        selfcheck_done(s);
    }
}
