/* Every row of the dwconv table against sums over the taps. */
#include "kernels/dwconv.h"

#include "tests/kernels/kernel_data.h"

struct shape {
    size_t pixels, taps, channels;
};

static bool agrees(const struct haq_dwconv_impl *impl, struct shape s,
                   const struct rows *a, const void *w, size_t p, size_t c,
                   const void *acc, size_t at)
{
    double sum = 0, magnitude = 0;
    for (size_t t = 0; t < s.taps; t++) {
        const void *row = a->at[t * s.pixels + p];
        size_t i = t * s.channels + c;
        double x = impl->kind == HAQ_GEMM_U8_S8
                       ? ((const uint8_t *)row)[c]
                       : (double)((const float *)row)[c];
        double y = impl->kind == HAQ_GEMM_F32 ? (double)((const float *)w)[i]
                                              : ((const int8_t *)w)[i];
        sum += x * y;
        magnitude += fabs(x * y);
    }
    if (impl->kind == HAQ_GEMM_U8_S8)
        return ((const int32_t *)acc)[at] == (int32_t)sum;
    return fabs((double)((const float *)acc)[at] - sum) <=
           ((double)impl->bound + 6e-8) * magnitude;
}

static int count_errors(const struct haq_dwconv_impl *impl, struct shape s,
                        const struct rows *a, const void *w)
{
    static const int32_t canary = 0x5ca1ab1e;
    size_t ldc = s.channels + 2;
    int32_t *acc = block(s.pixels * ldc * sizeof *acc);
    int bad = 0;

    for (size_t i = 0; i < s.pixels * ldc; i++)
        acc[i] = canary;
    impl->run(&(struct haq_dwconv_args){a->at, s.pixels, s.taps, s.channels, w,
                                        acc, ldc});
    for (size_t p = 0; p < s.pixels; p++) {
        for (size_t c = 0; c < s.channels; c++)
            bad += !agrees(impl, s, a, w, p, c, acc, p * ldc + c);
        for (size_t c = s.channels; c < ldc; c++)
            bad += acc[p * ldc + c] != canary;
    }
    free(acc);
    return bad;
}

static void check(const struct haq_dwconv_impl *impl, struct shape s,
                  uint64_t *seed)
{
    uint64_t from = *seed;
    struct rows a = random_rows(seed, s.pixels * s.taps, s.channels,
                                impl->kind == HAQ_GEMM_U8_S8 ? 1 : 4);
    void *w = impl->kind == HAQ_GEMM_F32
                  ? (void *)random_floats(seed, s.taps * s.channels)
                  : (void *)random_s8(seed, s.taps * s.channels);

    if (count_errors(impl, s, &a, w)) {
        printf("\n    %s pixels %zu taps %zu channels %zu seed %llu",
               impl->name, s.pixels, s.taps, s.channels,
               (unsigned long long)from);
        CU_FAIL("row disagrees with the sums over the taps");
    }
    free(w);
    free_rows(&a);
}

static void every_row_is_right_for_every_shape(void)
{
    size_t count;
    const struct haq_dwconv_impl *impls = haq_dwconv_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 9 + i;
        for (size_t channels = 1; channels <= 130 && runnable(impls[i].isa);
             channels++)
            check(&impls[i],
                  (struct shape){pick(&seed, 1, 11), pick(&seed, 1, 26),
                                 channels},
                  &seed);
    }
}

static void a_small_product_has_the_known_result(void)
{
    /* channel 0: 255 * -128 * 2, channel 1: 1 * 2 + 3 * 4 */
    static const uint8_t tap0[] = {255, 1}, tap1[] = {255, 3};
    static const int8_t w[] = {-128, 2, -128, 4};
    size_t count;
    const struct haq_dwconv_impl *impls = haq_dwconv_impls(&count);

    for (size_t i = 0; i < count; i++) {
        int32_t acc[2];
        if (impls[i].kind != HAQ_GEMM_U8_S8 || !runnable(impls[i].isa))
            continue;
        impls[i].run(&(struct haq_dwconv_args){(const void *[]){tap0, tap1}, 1,
                                               2, 2, w, acc, 2});
        CU_ASSERT_EQUAL(acc[0], -65280);
        CU_ASSERT_EQUAL(acc[1], 14);
    }
}

static void selection_never_exceeds_the_mask(void)
{
    for (unsigned kind = 0; kind < HAQ_GEMM_KINDS; kind++)
        for (unsigned isa = 0; isa < 8; isa++) {
            const struct haq_dwconv_impl *impl =
                haq_dwconv_select((enum haq_gemm_kind)kind, isa);
            CU_ASSERT_EQUAL((unsigned)impl->kind, kind);
            CU_ASSERT_EQUAL(impl->isa & ~isa, 0);
        }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_row_is_right_for_every_shape),
        HAQ_TEST(a_small_product_has_the_known_result),
        HAQ_TEST(selection_never_exceeds_the_mask),
        CU_TEST_INFO_NULL,
    };
    return run_suite("dwconv", tests);
}
