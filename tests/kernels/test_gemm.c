/* Every row of the gemm table against its reference, and the references against
 * sums worked out by other means. */
#include "kernels/gemm.h"

#include "kernels/panel.h"
#include "tests/kernels/kernel_data.h"

struct shape {
    size_t rows, segments, seg_len, n;
};

/* What a row must agree with: acc and, for floats, sum |a| |w|. */
struct expected {
    double sum, magnitude;
};

static size_t element_bytes(enum haq_gemm_kind kind)
{
    return kind == HAQ_GEMM_U8_S8 ? 1 : 4;
}

static double weight(const void *w, enum haq_gemm_kind kind, size_t i)
{
    return kind == HAQ_GEMM_F32 ? (double)((const float *)w)[i]
                                : (double)((const int8_t *)w)[i];
}

static double activation(const void *a, enum haq_gemm_kind kind, size_t i)
{
    return kind == HAQ_GEMM_U8_S8 ? (double)((const uint8_t *)a)[i]
                                  : (double)((const float *)a)[i];
}

static struct expected expect(const struct rows *a, const void *w,
                              enum haq_gemm_kind kind, struct shape s, size_t m,
                              size_t n)
{
    struct expected e = {0, 0};
    for (size_t g = 0; g < s.segments; g++)
        for (size_t k = 0; k < s.seg_len; k++) {
            double term = activation(a->at[g * s.rows + m], kind, k) *
                          weight(w, kind, (n * s.segments + g) * s.seg_len + k);
            e.sum += term;
            e.magnitude += fabs(term);
        }
    return e;
}

static bool agrees(const struct haq_gemm_impl *impl, const void *acc, size_t at,
                   struct expected e)
{
    if (impl->kind == HAQ_GEMM_U8_S8)
        return ((const int32_t *)acc)[at] == (int32_t)e.sum;
    /* half an ulp is the result's own rounding */
    return fabs((double)((const float *)acc)[at] - e.sum) <=
           ((double)impl->bound + 6e-8) * e.magnitude;
}

static void *scratch_for(const struct haq_gemm_impl *impl, struct shape s)
{
    size_t bytes = haq_gemm_scratch_bytes(impl, s.rows, s.segments, s.seg_len);
    return bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
}

/* Runs the row into a block with columns to spare; the spare ones must keep
 * their canary. */
static int count_errors(const struct haq_gemm_impl *impl, const struct rows *a,
                        const void *w, struct shape s)
{
    enum { SPARE = 3 };
    static const int32_t canary = 0x5ca1ab1e;
    size_t panels = (s.n + impl->nr - 1) / impl->nr;
    size_t ldc = panels * impl->nr + SPARE;
    size_t packed_bytes =
        haq_gemm_packed_bytes(impl, s.n, s.segments, s.seg_len);
    void *packed = aligned_alloc(64, (packed_bytes + 63) / 64 * 64);
    int32_t *acc = block(s.rows * ldc * sizeof *acc);
    void *scratch = scratch_for(impl, s);
    int bad = 0;

    for (size_t i = 0; i < s.rows * ldc; i++)
        acc[i] = canary;
    impl->pack(packed, w, s.n, s.segments, s.seg_len);
    impl->run(&(struct haq_gemm_args){.a = a->at,
                                      .rows = s.rows,
                                      .segments = s.segments,
                                      .seg_len = s.seg_len,
                                      .w = packed,
                                      .panels = panels,
                                      .acc = acc,
                                      .ldc = ldc,
                                      .scratch = scratch});
    for (size_t m = 0; m < s.rows; m++) {
        for (size_t n = 0; n < s.n; n++)
            bad += !agrees(impl, acc, m * ldc + n,
                           expect(a, w, impl->kind, s, m, n));
        for (size_t n = s.n; n < ldc - SPARE; n++)
            bad += acc[m * ldc + n] != 0;
        for (size_t n = ldc - SPARE; n < ldc; n++)
            bad += acc[m * ldc + n] != canary;
    }
    free(scratch);
    free(acc);
    free(packed);
    return bad;
}

static bool reads_packed(const struct haq_gemm_impl *impl)
{
    return impl->bits && impl->bits < 8;
}

/* The most and the least code of random bytes stay what they are. */
static void *random_weights(uint64_t *seed, const struct haq_gemm_impl *impl,
                            size_t n)
{
    if (impl->kind == HAQ_GEMM_F32)
        return random_floats(seed, n);
    int8_t *w = random_s8(seed, n);
    int range = 1 << (8 - impl->bits);
    for (size_t i = 0; i < n; i++) {
        if (impl->bits == 1)
            w[i] = w[i] < 0 ? -1 : 1;
        else
            w[i] = (int8_t)((w[i] + 128) / range - 128 / range);
    }
    return w;
}

/* What the row can take of a shape: packed panels are of one segment, those of
 * one bit have no zeros for columns and elements that do not exist. */
static struct shape within(const struct haq_gemm_impl *impl, struct shape s)
{
    if (reads_packed(impl)) {
        s.seg_len *= s.segments;
        s.segments = 1;
        s.rows = (s.rows - 1) % impl->mr + 1;
    }
    if (impl->bits == 1) {
        s.seg_len += (impl->kr - s.seg_len % impl->kr) % impl->kr;
        s.n += (impl->nr - s.n % impl->nr) % impl->nr;
    }
    return s;
}

static void check(const struct haq_gemm_impl *impl, struct shape s,
                  uint64_t *seed)
{
    uint64_t from = *seed;
    s = within(impl, s);
    size_t elem = element_bytes(impl->kind);
    size_t readable = (s.seg_len + impl->kr - 1) / impl->kr * impl->kr;
    struct rows a = random_rows(seed, s.rows * s.segments, readable, elem);
    void *w = random_weights(seed, impl, s.n * s.segments * s.seg_len);

    if (count_errors(impl, &a, w, s)) {
        printf("\n    %s rows %zu segments %zu seg_len %zu n %zu seed %llu",
               impl->name, s.rows, s.segments, s.seg_len, s.n,
               (unsigned long long)from);
        CU_FAIL("row disagrees with the exact sums");
    }
    free(w);
    free_rows(&a);
}

typedef void each_fn(const struct haq_gemm_impl *impl, uint64_t *seed);

static void for_each_row(each_fn *run)
{
    size_t count;
    const struct haq_gemm_impl *impls = haq_gemm_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 1000 + i;
        if (runnable(impls[i].isa))
            run(&impls[i], &seed);
    }
}

static void check_tiles(const struct haq_gemm_impl *impl, uint64_t *seed)
{
    for (size_t rows = 1; rows <= impl->mr; rows++)
        for (size_t panels = 1; panels <= 7; panels++) {
            size_t n = panels * impl->nr - pick(seed, 0, impl->nr - 1);
            struct shape s = {rows, pick(seed, 1, 3), pick(seed, 1, 20), n};
            check(impl, s, seed);
        }
}

static void every_row_is_right_for_every_tile_shape(void)
{
    for_each_row(check_tiles);
}

static void check_segments(const struct haq_gemm_impl *impl, uint64_t *seed)
{
    for (size_t seg_len = 1; seg_len <= 70; seg_len++) {
        size_t rows = pick(seed, 1, impl->mr);
        check(impl, (struct shape){rows, pick(seed, 1, 9), seg_len, 17}, seed);
        check(impl, (struct shape){1, 9, seg_len, 16}, seed);
    }
}

static void every_row_is_right_for_every_segment_length(void)
{
    for_each_row(check_segments);
}

static void check_long(const struct haq_gemm_impl *impl, uint64_t *seed)
{
    check(impl, (struct shape){1, 1, 65536, 16}, seed);
    check(impl, (struct shape){3, 9, 1031, 33}, seed);
    check(impl, (struct shape){2, 1, 4096, 16 * 9}, seed);
    check(impl, (struct shape){impl->mr, 1, 4099, 16}, seed);
}

static void every_row_is_right_for_long_reductions(void)
{
    for_each_row(check_long);
}

/* One output of K terms a * w, in every row that can hold w. */
static void check_constant(uint8_t code, int8_t w_code, size_t k, int32_t sum)
{
    size_t count;
    const struct haq_gemm_impl *impls = haq_gemm_impls(&count);
    uint8_t *a = block((k + 3) / 4 * 4);
    int8_t *w = block(k);

    memset(a, code, (k + 3) / 4 * 4);
    memset(w, (uint8_t)w_code, k);
    for (size_t i = 0; i < count; i++) {
        const struct haq_gemm_impl *impl = &impls[i];
        int32_t acc[16];
        if (impl->kind != HAQ_GEMM_U8_S8 || !runnable(impl->isa) ||
            impl->bits < haq_panel_bits(&w_code, 1))
            continue;
        void *packed = aligned_alloc(64, haq_gemm_packed_bytes(impl, 1, 1, k));
        impl->pack(packed, w, 1, 1, k);
        const void *row = a;
        void *scratch = scratch_for(impl, (struct shape){1, 1, k, 1});
        impl->run(&(struct haq_gemm_args){.a = &row,
                                          .rows = 1,
                                          .segments = 1,
                                          .seg_len = k,
                                          .w = packed,
                                          .panels = 1,
                                          .acc = acc,
                                          .ldc = 16,
                                          .scratch = scratch});
        CU_ASSERT_EQUAL(acc[0], sum);
        free(scratch);
        free(packed);
    }
    free(w);
    free(a);
}

static void extreme_codes_do_not_saturate(void)
{
    check_constant(255, -128, 2, -65280); /* beyond 16 bits */
    check_constant(255, 127, 4, 129540);
    check_constant(255, -128, 65536, -2139095040);
    check_constant(255, 127, 66000, 2137410000);
    check_constant(255, -32, 65536, -534773760); /* 6 bits */
    check_constant(255, -8, 65793, -134217720);
    check_constant(255, -1, 65536, -16711680);
    check_constant(255, 1, 65792, 16776960);
}

static void a_small_product_has_the_known_result(void)
{
    /* NumPy: [[1, 2, 3], [4, 5, 6]] @ [[1, -4], [2, 5], [-3, 6]] */
    static const float a[2][3] = {{1, 2, 3}, {4, 5, 6}};
    static const float w[2][3] = {{1, 2, -3}, {-4, 5, 6}}; /* [n][k] */
    static const float want[2][2] = {{-4, 24}, {-4, 45}};
    const struct haq_gemm_impl *impl = haq_gemm_select(HAQ_GEMM_F32, 0);
    _Alignas(64) float packed[3 * 16];
    float acc[2][16];

    CU_ASSERT_EQUAL_FATAL(haq_gemm_packed_bytes(impl, 2, 1, 3), sizeof packed);
    impl->pack(packed, w, 2, 1, 3);
    impl->run(&(struct haq_gemm_args){.a = (const void *[]){a[0], a[1]},
                                      .rows = 2,
                                      .segments = 1,
                                      .seg_len = 3,
                                      .w = packed,
                                      .panels = 1,
                                      .acc = acc,
                                      .ldc = 16});
    for (int m = 0; m < 2; m++)
        for (int n = 0; n < 2; n++)
            CU_ASSERT_EQUAL(acc[m][n], want[m][n]);
}

static void selection_never_exceeds_the_mask(void)
{
    for (unsigned kind = 0; kind < HAQ_GEMM_KINDS; kind++)
        for (unsigned isa = 0; isa < 128; isa++) {
            const struct haq_gemm_impl *impl =
                haq_gemm_select((enum haq_gemm_kind)kind, isa);
            CU_ASSERT_EQUAL((unsigned)impl->kind, kind);
            CU_ASSERT_EQUAL(impl->isa & ~isa, 0);
            CU_ASSERT_FALSE(reads_packed(impl));
        }
}

static void packed_rows_are_selected_by_their_bits(void)
{
    for (unsigned kind = 0; kind < HAQ_GEMM_KINDS; kind++)
        for (unsigned isa = 0; isa < 8; isa++)
            for (int bits = 1; bits <= 6; bits++) {
                const struct haq_gemm_impl *impl =
                    haq_gemm_select_packed((enum haq_gemm_kind)kind, bits, isa);
                if (!impl)
                    continue;
                CU_ASSERT_EQUAL((unsigned)impl->kind, kind);
                CU_ASSERT_EQUAL(impl->isa & ~isa, 0);
                CU_ASSERT_EQUAL(impl->bits, bits);
            }
    CU_ASSERT_PTR_NULL(haq_gemm_select_packed(HAQ_GEMM_F32, 4, ~0u));
    CU_ASSERT_PTR_NULL(haq_gemm_select_packed(HAQ_GEMM_U8_S8, 4, 0));
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_row_is_right_for_every_tile_shape),
        HAQ_TEST(every_row_is_right_for_every_segment_length),
        HAQ_TEST(every_row_is_right_for_long_reductions),
        HAQ_TEST(extreme_codes_do_not_saturate),
        HAQ_TEST(a_small_product_has_the_known_result),
        HAQ_TEST(selection_never_exceeds_the_mask),
        HAQ_TEST(packed_rows_are_selected_by_their_bits),
        CU_TEST_INFO_NULL,
    };
    return run_suite("gemm", tests);
}
