/* Every row of the dwconv table against sums over the taps. */
#include "kernels/dwconv.h"

#include "tests/kernels/kernel_data.h"

struct shape {
    size_t pixels, taps, channels;
};

static int32_t sum_of(struct shape s, const struct rows *a, const int8_t *w,
                      size_t p, size_t c)
{
    int32_t sum = 0;
    for (size_t t = 0; t < s.taps; t++)
        sum += ((const uint8_t *)a->at[t * s.pixels + p])[c] *
               w[t * s.channels + c];
    return sum;
}

static int count_errors(const struct haq_dwconv_impl *impl, struct shape s,
                        const struct rows *a, const int8_t *w)
{
    static const int32_t canary = 0x5ca1ab1e;
    size_t ldc = s.channels + 2;
    int32_t *acc = block(s.pixels * ldc * sizeof *acc);
    int bad = 0;

    for (size_t i = 0; i < s.pixels * ldc; i++)
        acc[i] = canary;
    impl->run(&(struct haq_dwconv_args){(const uint8_t *const *)a->at, s.pixels,
                                        s.taps, s.channels, w, acc, ldc});
    for (size_t p = 0; p < s.pixels; p++) {
        for (size_t c = 0; c < s.channels; c++)
            bad += acc[p * ldc + c] != sum_of(s, a, w, p, c);
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
    struct rows a = random_rows(seed, s.pixels * s.taps, s.channels, 1);
    int8_t *w = random_s8(seed, s.taps * s.channels);

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
        if (!runnable(impls[i].isa))
            continue;
        impls[i].run(&(struct haq_dwconv_args){(const uint8_t *[]){tap0, tap1},
                                               1, 2, 2, w, acc, 2});
        CU_ASSERT_EQUAL(acc[0], -65280);
        CU_ASSERT_EQUAL(acc[1], 14);
    }
}

static void selection_never_exceeds_the_mask(void)
{
    for (unsigned isa = 0; isa < 8; isa++)
        CU_ASSERT_EQUAL(haq_dwconv_select(isa)->isa & ~isa, 0);
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
