/* Every row of the gemm_group table against sums made from the unpacked codes.
 */
#include "kernels/gemm_group.h"

#include "tests/kernels/kernel_data.h"

struct problem {
    size_t rows, n, k, group, groups;
    bool zeros, bias_there;
    struct rows a;
    float *sa, *sw, *bias;
    int32_t *za;
    int8_t *codes, *zero;
};

/* Codes and zero points of few bits, scales of fp16, most of the time. */
static void narrow(struct problem *p, uint64_t *seed)
{
    int bits = (int)pick(seed, 1, 8);
    if (bits == 1 && !p->zeros) {
        for (size_t i = 0; i < p->n * p->k; i++)
            p->codes[i] = p->codes[i] < 0 ? -1 : 1;
        return;
    }
    for (size_t i = 0; i < p->n * p->k; i++)
        p->codes[i] = (int8_t)(p->codes[i] >> (8 - bits));
    for (size_t i = 0; i < p->n * p->groups; i++) {
        p->zero[i] = (int8_t)(p->zero[i] >> (8 - bits));
        if (bits != 8)
            p->sw[i] = (float)(int)(p->sw[i] * 1000) / 1024;
    }
}

static struct problem make_problem(uint64_t *seed, enum haq_gemm_kind kind,
                                   size_t rows, size_t n, size_t k,
                                   size_t group, bool zeros)
{
    size_t groups = (k + group - 1) / group;
    bool integer = kind == HAQ_GEMM_U8_S8;
    struct problem p = {.rows = rows,
                        .n = n,
                        .k = k,
                        .group = group,
                        .groups = groups,
                        .zeros = zeros,
                        .bias_there = *seed % 2 == 0};

    p.a =
        random_rows(seed, rows, integer ? (k + 3) / 4 * 4 : k, integer ? 1 : 4);
    p.sa = random_floats(seed, rows);
    p.za = block(rows * sizeof *p.za);
    for (size_t m = 0; m < rows; m++)
        p.za[m] = (int32_t)pick(seed, 0, 255);
    p.sw = random_floats(seed, n * groups);
    p.bias = random_floats(seed, (n + 15) / 16 * 16);
    p.codes = random_s8(seed, n * k);
    p.zero = random_s8(seed, n * groups);
    narrow(&p, seed);
    return p;
}

static void free_problem(struct problem *p)
{
    free_rows(&p->a);
    free(p->sa);
    free(p->za);
    free(p->sw);
    free(p->bias);
    free(p->codes);
    free(p->zero);
}

static float integer_output(const struct problem *p, size_t m, size_t n)
{
    const uint8_t *a = p->a.at[m];
    float y = p->bias_there ? p->bias[n] : 0;
    for (size_t g = 0; g < p->groups; g++) {
        int64_t sum = 0;
        int zw = p->zeros ? p->zero[n * p->groups + g] : 0;
        for (size_t k = g * p->group; k < p->k && k < (g + 1) * p->group; k++)
            sum += (a[k] - p->za[m]) * (p->codes[n * p->k + k] - zw);
        y = fmaf((float)sum, p->sa[m] * p->sw[n * p->groups + g], y);
    }
    return y;
}

static double float_output(const struct problem *p, size_t m, size_t n,
                           double *magnitude)
{
    const float *a = p->a.at[m];
    double y = p->bias_there ? (double)p->bias[n] : 0;
    *magnitude = fabs(y);
    for (size_t k = 0; k < p->k; k++) {
        size_t g = n * p->groups + k / p->group;
        int zw = p->zeros ? p->zero[g] : 0;
        double term =
            (double)a[k] * (p->codes[n * p->k + k] - zw) * (double)p->sw[g];
        y += term;
        *magnitude += fabs(term);
    }
    return y;
}

static bool agrees(const struct haq_gemm_group_impl *impl,
                   const struct problem *p, size_t m, size_t n, float y)
{
    double magnitude;
    if (impl->kind == HAQ_GEMM_U8_S8)
        return y == integer_output(p, m, n);
    double want = float_output(p, m, n, &magnitude);
    return fabs((double)y - want) <= ((double)impl->bound + 6e-8) * magnitude;
}

/* As the runtime does it: unpacked for many rows or by choice. */
static void product(const struct haq_gemm_group_impl *impl,
                    const struct problem *p, bool unpack, float *y, size_t ldy)
{
    struct haq_group_layout l;
    haq_group_layout_make(&l, impl->kind, p->codes, p->sw,
                          p->zeros ? p->zero : NULL, p->n, p->k, p->group);
    void *w = aligned_alloc(64, haq_group_bytes(&l));
    int8_t *wide = NULL;
    int32_t *scratch = block(p->rows * l.groups * sizeof *scratch);

    haq_group_pack(&l, w, p->codes, p->sw, p->zeros ? p->zero : NULL);
    if (l.bits != 8 && (unpack || p->rows > impl->packed_mr)) {
        wide = aligned_alloc(64, l.panels * l.wide_bytes + HAQ_PANEL_CODES);
        haq_group_unpack(&l, wide, w, 0, l.panels,
                         haq_panel_select(HAQ_ISA_NONE)->unpack);
    }
    impl->run(
        &(struct haq_gemm_group_args){.layout = &l,
                                      .a = p->a.at,
                                      .sa = p->sa,
                                      .za = p->za,
                                      .rows = p->rows,
                                      .w = w,
                                      .panels = l.panels,
                                      .wide = wide,
                                      .bias = p->bias_there ? p->bias : NULL,
                                      .y = y,
                                      .ldy = ldy,
                                      .scratch = scratch});
    free(scratch);
    free(wide);
    free(w);
}

static int count_errors(const struct haq_gemm_group_impl *impl,
                        const struct problem *p, bool unpack)
{
    static const float canary = -12345.5f;
    size_t columns = (p->n + 15) / 16 * 16, ldy = columns + 2;
    float *y = block(p->rows * ldy * sizeof *y);
    int bad = 0;

    for (size_t i = 0; i < p->rows * ldy; i++)
        y[i] = canary;
    product(impl, p, unpack, y, ldy);
    for (size_t m = 0; m < p->rows; m++) {
        for (size_t n = 0; n < p->n; n++)
            bad += !agrees(impl, p, m, n, y[m * ldy + n]);
        for (size_t n = columns; n < ldy; n++)
            bad += y[m * ldy + n] != canary;
    }
    free(y);
    return bad;
}

static void check(const struct haq_gemm_group_impl *impl, size_t rows, size_t n,
                  size_t k, size_t group, uint64_t *seed)
{
    for (int zeros = 0; zeros < 2; zeros++) {
        uint64_t from = *seed;
        struct problem p =
            make_problem(seed, impl->kind, rows, n, k, group, zeros);
        if (count_errors(impl, &p, false) + count_errors(impl, &p, true)) {
            printf("\n    %s rows %zu n %zu k %zu group %zu zeros %d seed %llu",
                   impl->name, rows, n, k, group, zeros,
                   (unsigned long long)from);
            CU_FAIL("row disagrees with the sums of the unpacked codes");
        }
        free_problem(&p);
    }
}

static void every_row_is_right_for_every_shape(void)
{
    size_t count;
    const struct haq_gemm_group_impl *impls = haq_gemm_group_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 77 + i;
        if (!runnable(impls[i].isa))
            continue;
        for (size_t rows = 1; rows <= impls[i].mr; rows++)
            for (size_t n = 1; n <= 100; n += 1 + next_random(&seed) % 13)
                check(&impls[i], rows, n, pick(&seed, 1, 140),
                      16 * pick(&seed, 1, 4), &seed);
    }
}

static void long_groups_are_exact(void)
{
    size_t count;
    const struct haq_gemm_group_impl *impls = haq_gemm_group_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 5 + i;
        if (!runnable(impls[i].isa))
            continue;
        check(&impls[i], 2, 17, 4097, 4096, &seed);
        check(&impls[i], 1, 64, 4096, 32, &seed);
        check(&impls[i], 3, 5, 16384, 16384, &seed);
    }
}

static void a_small_product_has_the_known_result(void)
{
    /* (3 - 1) * (5 - 2) + (4 - 1) * (-1 - 2) = -3; 0.25 * 0.5 * -3 + 1 */
    static const uint8_t a[4] = {3, 4, 200, 200};
    static int8_t codes[2] = {5, -1}, zero[1] = {2};
    static float scale[1] = {0.5f}, bias[16] = {1}, sa[1] = {0.25f};
    static int32_t za[1] = {1};
    static const void *rows[1] = {a};
    struct problem p = {.rows = 1,
                        .n = 1,
                        .k = 2,
                        .group = 16,
                        .groups = 1,
                        .zeros = true,
                        .bias_there = true,
                        .a.at = rows,
                        .sa = sa,
                        .sw = scale,
                        .bias = bias,
                        .za = za,
                        .codes = codes,
                        .zero = zero};
    size_t count;
    const struct haq_gemm_group_impl *impls = haq_gemm_group_impls(&count);

    for (size_t i = 0; i < count; i++) {
        float y[16];
        if (impls[i].kind != HAQ_GEMM_U8_S8 || !runnable(impls[i].isa))
            continue;
        product(&impls[i], &p, false, y, 16);
        CU_ASSERT_EQUAL(y[0], 0.625f);
    }
}

static void memory_shrinks_with_the_codes(void)
{
    enum { N = 64, K = 4096, GROUP = 32, GROUPS = K / GROUP };
    static int8_t codes[N * K];
    static float scale[N * GROUPS];
    struct haq_group_layout l;
    double ideal, bytes;

    for (int bits = 8; bits >= 2; bits--) {
        for (size_t i = 0; i < N * K; i++)
            codes[i] =
                (int8_t)((int)(i * 7 % (1u << bits)) - (1 << (bits - 1)));
        for (size_t i = 0; i < N * GROUPS; i++)
            scale[i] = 0.5f;
        haq_group_layout_make(&l, HAQ_GEMM_F32_S8, codes, scale, NULL, N, K,
                              GROUP);
        ideal = N * (K * (bits == 7 ? 8 : bits) / 8.0 + 2.0 * GROUPS);
        bytes = (double)haq_group_bytes(&l);
        CU_ASSERT(bytes >= ideal && bytes < 1.01 * ideal);
    }
}

static void selection_never_exceeds_the_mask(void)
{
    for (unsigned isa = 0; isa < 8; isa++)
        for (int kind = HAQ_GEMM_F32_S8; kind <= HAQ_GEMM_U8_S8; kind++) {
            const struct haq_gemm_group_impl *k =
                haq_gemm_group_select((enum haq_gemm_kind)kind, isa);
            CU_ASSERT((int)k->kind == kind && !(k->isa & ~isa));
        }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_row_is_right_for_every_shape),
        HAQ_TEST(long_groups_are_exact),
        HAQ_TEST(a_small_product_has_the_known_result),
        HAQ_TEST(memory_shrinks_with_the_codes),
        HAQ_TEST(selection_never_exceeds_the_mask),
        CU_TEST_INFO_NULL,
    };
    return run_suite("gemm_group", tests);
}
