/* Every row of the dwconv_rows table against sums over the taps, requantized
 * one by one. */
#include "kernels/dwconv_rows.h"

#include "tests/kernels/kernel_data.h"

enum { ALIGN = 64 };

/* A depthwise layer on some rows of one image. */
struct layer {
    size_t channels, width, out_width, pad, rows, inputs;
    struct rows in;
    int8_t *w;
    int32_t *corr;
    float *mult;
    uint8_t pad_code;
    int32_t zero, qlo, qhi;
};

static void *aligned_block(size_t bytes)
{
    void *p = aligned_alloc(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN);
    if (!p)
        abort();
    return p;
}

/* Multipliers that give codes in and beyond both ends. */
static struct layer random_layer(uint64_t *seed,
                                 const struct haq_dwconv_rows_impl *impl,
                                 size_t channels)
{
    struct layer l = {.channels = channels,
                      .width = pick(seed, 1, 60),
                      .pad = pick(seed, 0, impl->kernel - 1),
                      .rows = pick(seed, 1, HAQ_DWCONV_ROWS_MAX),
                      .pad_code = (uint8_t)next_random(seed),
                      .zero = (int32_t)pick(seed, 0, 255),
                      .qlo = (int32_t)pick(seed, 0, 30),
                      .qhi = (int32_t)pick(seed, 31, 255)};
    if (next_random(seed) % 2) /* as after a ReLU */
        l.zero = l.qlo = 0, l.qhi = 255;
    l.out_width = (l.width + l.pad) / impl->stride;
    l.out_width += l.out_width == 0;
    l.inputs = (l.rows - 1) * impl->stride + impl->kernel;
    l.in = random_rows(seed, l.inputs,
                       l.width * channels + HAQ_DWCONV_ROWS_SLACK, 1);
    l.w = random_s8(seed, impl->kernel * impl->kernel * channels);
    l.corr = block(channels * sizeof *l.corr);
    l.mult = block(channels * sizeof *l.mult);
    for (size_t c = 0; c < channels; c++) {
        l.corr[c] = (int32_t)pick(seed, 0, 200000) - 100000;
        l.mult[c] = 0.002f * (1 + random_float(seed));
    }
    if (next_random(seed) % 8 == 0) /* far beyond what int32 holds */
        l.mult[0] = 1e9f, l.corr[0] = INT32_MAX / 2;
    return l;
}

static void free_layer(struct layer *l)
{
    free_rows(&l->in);
    free(l->w);
    free(l->corr);
    free(l->mult);
}

static uint8_t expected(const struct haq_dwconv_rows_impl *impl,
                        const struct layer *l, size_t r, size_t x, size_t c)
{
    int32_t sum = l->corr[c];
    for (size_t t = 0; t < impl->kernel * impl->kernel; t++) {
        size_t ky = t / impl->kernel, kx = t % impl->kernel;
        size_t at = x * impl->stride + kx - l->pad;
        const uint8_t *row = l->in.at[r * impl->stride + ky];
        uint8_t code = at < l->width ? row[at * l->channels + c] : l->pad_code;
        sum += code * l->w[t * l->channels + c];
    }
    double q = nearbyint((double)((float)sum * l->mult[c])) + l->zero;
    return (uint8_t)fmin(fmax(q, l->qlo), l->qhi);
}

static void run_layer(const struct haq_dwconv_rows_impl *impl,
                      const struct layer *l, uint8_t *const *out)
{
    void *packed = aligned_block(haq_dwconv_rows_bytes(impl, l->channels));
    void *scratch = aligned_block(HAQ_DWCONV_ROWS_SCRATCH);
    struct haq_dwconv_rows_args a = {
        .in = (const uint8_t *const *)(const void *)l->in.at,
        .out = out,
        .rows = l->rows,
        .in_width = l->width,
        .out_width = l->out_width,
        .pad = l->pad,
        .channels = l->channels,
        .packed = packed,
        .pad_code = l->pad_code,
        .zero = l->zero,
        .qlo = l->qlo,
        .qhi = l->qhi,
        .scratch = scratch};
    impl->pack(impl, packed, l->w, l->corr, l->mult, l->channels);
    for (; a.block < haq_dwconv_rows_blocks(impl, l->channels); a.block++)
        impl->run(&a);
    free(packed);
    free(scratch);
}

static int count_errors(const struct haq_dwconv_rows_impl *impl,
                        const struct layer *l)
{
    size_t bytes = l->out_width * l->channels;
    uint8_t *out[HAQ_DWCONV_ROWS_MAX];
    int bad = 0;
    for (size_t r = 0; r < l->rows; r++)
        out[r] = block(bytes);
    run_layer(impl, l, out);
    for (size_t r = 0; r < l->rows; r++)
        for (size_t i = 0; i < bytes; i++)
            bad += out[r][i] !=
                   expected(impl, l, r, i / l->channels, i % l->channels);
    for (size_t r = 0; r < l->rows; r++)
        free(out[r]);
    return bad;
}

static void every_row_is_exact_for_every_shape(void)
{
    size_t count;
    const struct haq_dwconv_rows_impl *impls = haq_dwconv_rows_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 5 + i;
        for (size_t c = 1; c <= 140 && runnable(impls[i].isa); c++) {
            uint64_t from = seed;
            struct layer l = random_layer(&seed, &impls[i], c);
            int bad = count_errors(&impls[i], &l);
            if (bad) {
                printf("\n    %s channels %zu width %zu pad %zu rows %zu "
                       "seed %llu: %d wrong",
                       impls[i].name, c, l.width, l.pad, l.rows,
                       (unsigned long long)from, bad);
                CU_FAIL("codes differ from the sums over the taps");
            }
            free_layer(&l);
        }
    }
}

/* A window of ones over codes of one less their zero point, by hand: inside an
 * image of 3 rows of 2 pixels every output counts the pixels it sees. */
static void padding_counts_for_nothing(void)
{
    static const uint8_t seen[3][2] = {{4, 4}, {6, 6}, {4, 4}};
    size_t count;
    const struct haq_dwconv_rows_impl *impls = haq_dwconv_rows_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (impls[i].kernel != 3 || impls[i].stride != 1 ||
            !runnable(impls[i].isa))
            continue;
        uint8_t ones[2 + HAQ_DWCONV_ROWS_SLACK] = {8, 8}, y[3][2];
        uint8_t zeros[2 + HAQ_DWCONV_ROWS_SLACK] = {7, 7};
        const void *in[] = {zeros, ones, ones, ones, zeros};
        int8_t w[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
        int32_t corr[] = {-9 * 7};
        float mult[] = {1};
        struct layer l = {.channels = 1,
                          .width = 2,
                          .out_width = 2,
                          .pad = 1,
                          .rows = 3,
                          .in = {.at = in},
                          .w = w,
                          .corr = corr,
                          .mult = mult,
                          .pad_code = 7,
                          .qhi = 255};
        run_layer(&impls[i], &l, (uint8_t *[]){y[0], y[1], y[2]});
        CU_ASSERT_EQUAL(memcmp(y, seen, sizeof y), 0);
    }
}

static void selection_never_exceeds_the_mask(void)
{
    for (size_t kernel = 3; kernel <= 5; kernel += 2)
        for (size_t stride = 1; stride <= 2; stride++)
            for (unsigned isa = 0; isa < 8; isa++) {
                const struct haq_dwconv_rows_impl *impl =
                    haq_dwconv_rows_select(kernel, stride, isa);
                CU_ASSERT_PTR_NOT_NULL_FATAL(impl);
                CU_ASSERT_EQUAL(impl->kernel, kernel);
                CU_ASSERT_EQUAL(impl->stride, stride);
                CU_ASSERT_EQUAL(impl->isa & ~isa, 0);
            }
    CU_ASSERT_PTR_NULL(haq_dwconv_rows_select(7, 1, ~0u));
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_row_is_exact_for_every_shape),
        HAQ_TEST(padding_counts_for_nothing),
        HAQ_TEST(selection_never_exceeds_the_mask),
        CU_TEST_INFO_NULL,
    };
    return run_suite("dwconv_rows", tests);
}
