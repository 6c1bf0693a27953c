/* Every row of the epilogue table against the formulas of epilogue.h, written
 * out element by element, bit for bit. */
#include "kernels/epilogue.h"

#include "tests/kernels/kernel_data.h"

struct problem {
    struct haq_epilogue_args args;
    void *acc, *mult, *corr, *bias, *colsum, *zw, *rowsum, *scale, *zero;
};

static int32_t *random_ints(uint64_t *seed, size_t n, int32_t most)
{
    int32_t *x = block(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (int32_t)(next_random(seed) % (2u * (unsigned)most + 1)) - most;
    return x;
}

static bool takes_floats(enum haq_epilogue_kind kind)
{
    return kind == HAQ_EPI_F32_F32 || kind == HAQ_EPI_F32_U8;
}

static struct problem make_problem(uint64_t *seed, enum haq_epilogue_kind kind,
                                   size_t rows, size_t cols)
{
    size_t lda = cols + pick(seed, 0, 3);
    struct problem p = {.acc = random_ints(seed, rows * lda, 300000)};

    for (size_t i = 0; i < rows * lda && takes_floats(kind); i++)
        ((float *)p.acc)[i] = 900 * random_float(seed);
    p.mult = random_floats(seed, cols);
    for (size_t i = 0; i < cols && !takes_floats(kind); i++)
        ((float *)p.mult)[i] *= 0.002f;
    p.corr = random_ints(seed, cols, 100000);
    p.bias = random_floats(seed, cols);
    p.colsum = random_ints(seed, cols, 20000);
    p.zw = random_ints(seed, cols, 128);
    p.rowsum = random_ints(seed, rows, 20000);
    p.scale = random_floats(seed, rows);
    p.zero = random_ints(seed, rows, 255);
    p.args = (struct haq_epilogue_args){
        .acc = p.acc,
        .lda = lda,
        .rows = rows,
        .cols = cols,
        .ldy = cols + pick(seed, 0, 3),
        .mult = takes_floats(kind) && pick(seed, 0, 1) ? NULL : p.mult,
        .corr = p.corr,
        .bias = pick(seed, 0, 1) ? p.bias : NULL,
        .colsum = p.colsum,
        .zw = pick(seed, 0, 1) ? p.zw : NULL,
        .rowsum = p.rowsum,
        .row_scale = p.scale,
        .row_zero = p.zero,
        .k = (int32_t)pick(seed, 1, 500),
        .lo = pick(seed, 0, 1) ? 0 : -INFINITY,
        .hi = pick(seed, 0, 1) ? 6 : INFINITY,
        .scale = 0.37f,
        .zero = (int32_t)pick(seed, 0, 255),
        .qlo = (int32_t)pick(seed, 0, 3),
        .qhi = pick(seed, 0, 1) ? 255 : 15,
    };
    return p;
}

static void free_problem(struct problem *p)
{
    void *all[] = {p->acc, p->mult,   p->corr,  p->bias, p->colsum,
                   p->zw,  p->rowsum, p->scale, p->zero};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static float clamp(float x, float lo, float hi)
{
    return fminf(fmaxf(x, lo), hi);
}

static float real_value(const struct haq_epilogue_args *e,
                        enum haq_epilogue_kind kind, size_t m, size_t n)
{
    size_t at = m * e->lda + n;
    if (takes_floats(kind)) {
        volatile float y = ((const float *)e->acc)[at];
        y = y * (e->mult ? e->mult[n] : 1.0f);
        return clamp(y + (e->bias ? e->bias[n] : 0.0f), e->lo, e->hi);
    }
    int64_t acc = ((const int32_t *)e->acc)[at];
    int64_t zw = e->zw ? e->zw[n] : 0;
    if (kind == HAQ_EPI_S32_F32_ROW) {
        int64_t z = e->row_zero[m];
        int64_t v =
            acc - z * e->colsum[n] - zw * (e->rowsum[m] - (int64_t)e->k * z);
        volatile float s = e->row_scale[m] * e->mult[n];
        volatile float y = (float)v * s;
        return clamp(y + (e->bias ? e->bias[n] : 0.0f), e->lo, e->hi);
    }
    return (float)(acc + e->corr[n] - zw * e->rowsum[m]) * e->mult[n];
}

static uint8_t code(const struct haq_epilogue_args *e, float scaled)
{
    double q = nearbyint((double)scaled) + e->zero;
    return (uint8_t)fmin(fmax(q, e->qlo), e->qhi);
}

static bool agrees(const struct haq_epilogue_args *e,
                   enum haq_epilogue_kind kind, size_t m, size_t n)
{
    float real = real_value(e, kind, m, n);
    size_t at = m * e->ldy + n;
    if (kind == HAQ_EPI_S32_U8)
        return ((const uint8_t *)e->y)[at] == code(e, real);
    if (kind == HAQ_EPI_F32_U8)
        return ((const uint8_t *)e->y)[at] == code(e, real / e->scale);
    return ((const float *)e->y)[at] == clamp(real, e->lo, e->hi);
}

static int count_errors(const struct haq_epilogue_impl *impl,
                        struct haq_epilogue_args e)
{
    bool codes = impl->kind == HAQ_EPI_S32_U8 || impl->kind == HAQ_EPI_F32_U8;
    size_t elem = codes ? 1 : sizeof(float);
    uint8_t *y = block(e.rows * e.ldy * elem);
    int bad = 0;

    memset(y, 0xa5, e.rows * e.ldy * elem);
    e.y = y;
    impl->run(&e);
    for (size_t m = 0; m < e.rows; m++) {
        for (size_t n = 0; n < e.cols; n++)
            bad += !agrees(&e, impl->kind, m, n);
        for (size_t i = e.cols * elem; i < e.ldy * elem; i++)
            bad += y[m * e.ldy * elem + i] != 0xa5;
    }
    free(y);
    return bad;
}

static void every_row_has_the_bits_of_the_formula(void)
{
    size_t count;
    const struct haq_epilogue_impl *impls = haq_epilogue_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 40 + i;
        for (size_t cols = 1; cols < 100 && runnable(impls[i].isa); cols++) {
            struct problem p =
                make_problem(&seed, impls[i].kind, pick(&seed, 1, 7), cols);
            int bad = count_errors(&impls[i], p.args);
            if (bad) {
                printf("\n    %s: %d of %zu x %zu", impls[i].name, bad,
                       p.args.rows, cols);
                CU_FAIL("row differs from the formula");
            }
            free_problem(&p);
        }
    }
}

/* Ties and values far beyond every code. */
static void codes_round_half_to_even_and_saturate(void)
{
    static const float acc[8] = {0.5f,  1.5f,   2.5f,   -0.5f,
                                 1e30f, -1e30f, 254.5f, 3e9f};
    static const uint8_t want[8] = {10, 12, 12, 10, 255, 0, 255, 255};
    size_t count;
    const struct haq_epilogue_impl *impls = haq_epilogue_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint8_t y[8];
        if (impls[i].kind != HAQ_EPI_F32_U8 || !runnable(impls[i].isa))
            continue;
        impls[i].run(&(struct haq_epilogue_args){.acc = acc,
                                                 .lda = 8,
                                                 .rows = 1,
                                                 .cols = 8,
                                                 .y = y,
                                                 .ldy = 8,
                                                 .lo = -INFINITY,
                                                 .hi = INFINITY,
                                                 .scale = 1,
                                                 .zero = 10,
                                                 .qlo = 0,
                                                 .qhi = 255});
        CU_ASSERT_EQUAL(memcmp(y, want, sizeof y), 0);
    }
}

static void floats_may_be_finished_in_place(void)
{
    size_t count;
    const struct haq_epilogue_impl *impls = haq_epilogue_impls(&count);

    for (size_t i = 0; i < count; i++) {
        float x[37], bias[37];
        if (impls[i].kind != HAQ_EPI_F32_F32 || !runnable(impls[i].isa))
            continue;
        for (int j = 0; j < 37; j++) {
            x[j] = (float)j - 20;
            bias[j] = 0.25f;
        }
        impls[i].run(&(struct haq_epilogue_args){.acc = x,
                                                 .lda = 37,
                                                 .rows = 1,
                                                 .cols = 37,
                                                 .y = x,
                                                 .ldy = 37,
                                                 .bias = bias,
                                                 .lo = 0,
                                                 .hi = 6});
        for (int j = 0; j < 37; j++)
            CU_ASSERT_EQUAL(x[j], clamp((float)j - 19.75f, 0, 6));
    }
}

static void selection_never_exceeds_the_mask(void)
{
    for (unsigned kind = 0; kind < HAQ_EPI_KINDS; kind++)
        for (unsigned isa = 0; isa < 8; isa++) {
            const struct haq_epilogue_impl *impl =
                haq_epilogue_select((enum haq_epilogue_kind)kind, isa);
            CU_ASSERT_EQUAL((unsigned)impl->kind, kind);
            CU_ASSERT_EQUAL(impl->isa & ~isa, 0);
        }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_row_has_the_bits_of_the_formula),
        HAQ_TEST(codes_round_half_to_even_and_saturate),
        HAQ_TEST(floats_may_be_finished_in_place),
        HAQ_TEST(selection_never_exceeds_the_mask),
        CU_TEST_INFO_NULL,
    };
    return run_suite("epilogue", tests);
}
