#include <math.h>
#include <string.h>

#include "kernels/codewise.h"
#include "tests/kernels/selfcheck/selfcheck.h"

typedef const struct haq_codewise set;

struct shape {
    set *row, *ref;
    unsigned op; /* of the binary ones */
    size_t n;
};

static struct matrix vector(struct selfcheck *s, size_t n, size_t elem)
{
    return result(s, 1, n, n, elem);
}

static void lookup(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    uint8_t *table = codes(s, 256, 0, U8_RANGE, RANDOM);
    uint8_t *x = codes(s, p->n, 0, U8_RANGE, pick_pattern(s));
    struct matrix want = vector(s, p->n, 1), got = vector(s, p->n, 1);
    const uint8_t *from = x;

    if (pick(s, 0, 1))
        from = memcpy(got.at, x, p->n); /* in place */
    p->ref->lookup(want.at, x, p->n, table);
    p->row->lookup(got.at, from, p->n, table);
    expect_bits(s, &got, &want);
}

static struct haq_affine affine(struct selfcheck *s)
{
    return (struct haq_affine){0.001f * (float)pick(s, 1, 100),
                               (int32_t)pick(s, 0, 255)};
}

static struct haq_codewise_args some_args(struct selfcheck *s)
{
    return (struct haq_codewise_args){
        .a = affine(s),
        .b = affine(s),
        .to = affine(s),
        .qlo = (int32_t)pick(s, 0, 3),
        .qhi = pick(s, 0, 1) ? 255 : 15,
        .lo = pick(s, 0, 1) ? 0 : -INFINITY,
        .hi = pick(s, 0, 1) ? 6 : INFINITY,
        .sa = (int)pick(s, 0, 1),
        .sb = (int)pick(s, 0, 1),
    };
}

static void to_u8(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct haq_codewise_args args = some_args(s);
    uint8_t *a = codes(s, args.sa ? p->n : 1, 0, U8_RANGE, pick_pattern(s));
    uint8_t *b = codes(s, args.sb ? p->n : 1, 0, U8_RANGE, pick_pattern(s));
    struct matrix want = vector(s, p->n, 1), got = vector(s, p->n, 1);
    const uint8_t *from = a;

    if (args.sa && pick(s, 0, 1))
        from = memcpy(got.at, a, p->n); /* in place */
    p->ref->to_u8[p->op](want.at, a, b, p->n, &args);
    p->row->to_u8[p->op](got.at, from, b, p->n, &args);
    expect_bits(s, &got, &want);
}

static void to_f32(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct haq_codewise_args args = some_args(s);
    uint8_t *a = codes(s, args.sa ? p->n : 1, 0, U8_RANGE, pick_pattern(s));
    uint8_t *b = codes(s, args.sb ? p->n : 1, 0, U8_RANGE, pick_pattern(s));
    struct matrix want = vector(s, p->n, 4), got = vector(s, p->n, 4);

    p->ref->to_f32[p->op](want.at, a, b, p->n, &args);
    p->row->to_f32[p->op](got.at, a, b, p->n, &args);
    expect_bits(s, &got, &want);
}

static void check_set(struct selfcheck *s, set *row, set *ref)
{
    struct shape p = {.row = row, .ref = ref};

    for (p.n = 1; p.n <= 150; p.n++) {
        selfcheck_run(s, lookup, &p, "lookup of %zu", p.n);
        for (p.op = 0; p.op < HAQ_BIN_COUNT; p.op++) {
            if (!ref->to_u8[p.op])
                continue;
            selfcheck_run(s, to_u8, &p, "codes %u of %zu", p.op, p.n);
            selfcheck_run(s, to_f32, &p, "floats %u of %zu", p.op, p.n);
        }
    }
}

void check_codewise(struct selfcheck *s)
{
    size_t count;
    set *sets = haq_codewise_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, sets[i].name, sets[i].isa))
            continue;
        check_set(s, &sets[i], &sets[0]);
        selfcheck_done(s);
    }
}
