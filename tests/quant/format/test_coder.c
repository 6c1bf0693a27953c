/* Vectors for floats are those that ml_dtypes and the published tables give;
 * for NF4 those of bitsandbytes. */
#include <math.h>
#include <string.h>

#include "quant/format/coder.h"
#include "quant/format/format.h"
#include "tests/suite.h"

static unsigned encode(const char *format, float x)
{
    const struct haq_coder *c = haq_format_find(format)->coder;
    return c->encode(c, x);
}

static float decode(const char *format, unsigned code)
{
    const struct haq_coder *c = haq_format_find(format)->coder;
    return c->decode(c, code);
}

struct vector {
    float x;
    unsigned code;
    float back;
};

static void check_vectors(const char *format, const struct vector *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(encode(format, v[i].x), v[i].code);
        CU_ASSERT_EQUAL(decode(format, v[i].code), v[i].back);
    }
}
#define CHECK(format, v) check_vectors(format, v, sizeof v / sizeof *v)

static void e4m3_rounds_to_even_and_saturates(void)
{
    static const struct vector v[] = {{1, 0x38, 1},
                                      {0.1f, 0x1d, 0.1015625f},
                                      {1 / 3.0f, 0x2b, 0.34375f},
                                      {-3.3f, 0xc5, -3.25f},
                                      {17, 0x58, 16},
                                      {19, 0x5a, 20},
                                      {240, 0x77, 240},
                                      {464, 0x7e, 448},
                                      {-500, 0xfe, -448},
                                      {0x1p-10f, 0x00, 0},
                                      {0x1.8p-10f, 0x01, 0x1p-9f},
                                      {0x1p-6f, 0x08, 0x1p-6f},
                                      {0, 0x00, 0},
                                      {3e38f, 0x7e, 448}};
    CHECK("fp8_e4m3", v);
}

static void e5m2_rounds_to_even_and_saturates(void)
{
    static const struct vector v[] = {{1, 0x3c, 1},
                                      {0.1f, 0x2e, 0.09375f},
                                      {1 / 3.0f, 0x35, 0.3125f},
                                      {-3.3f, 0xc3, -3.5f},
                                      {17, 0x4c, 16},
                                      {19, 0x4d, 20},
                                      {240, 0x5c, 256},
                                      {464, 0x5f, 448},
                                      {-500, 0xe0, -512},
                                      {1e-5f, 0x01, 0x1p-16f},
                                      {6e4f, 0x7b, 57344},
                                      {-1e30f, 0xfb, -57344}};
    CHECK("fp8_e5m2", v);
}

/* Every boundary between two E2M1 numbers is a tie, and the even code wins. */
static void e2m1_ties_go_to_even(void)
{
    static const struct vector v[] = {
        {0.25f, 0, 0},      {0.26f, 1, 0.5f}, {0.75f, 2, 1}, {1.25f, 2, 1},
        {1.3f, 3, 1.5f},    {1.75f, 4, 2},    {2.5f, 4, 2},  {2.6f, 5, 3},
        {3.5f, 6, 4},       {5, 6, 4},        {5.1f, 7, 6},  {100, 7, 6},
        {-0.74f, 9, -0.5f}, {-6, 15, -6}};
    CHECK("fp4_e2m1", v);
}

static void sixteen_bits_are_ieee_half_and_bfloat16(void)
{
    static const struct vector half[] = {{1, 0x3c00, 1},
                                         {-2, 0xc000, -2},
                                         {0.1f, 0x2e66, 0x1.998p-4f},
                                         {65519, 0x7bff, 65504},
                                         {7e4f, 0x7bff, 65504},
                                         {0x1p-24f, 0x0001, 0x1p-24f},
                                         {0x1p-25f, 0x0000, 0},
                                         {2049, 0x6800, 2048}};
    static const struct vector brain[] = {{1, 0x3f80, 1},
                                          {-2, 0xc000, -2},
                                          {0.1f, 0x3dcd, 0x1.9ap-4f},
                                          {257, 0x4380, 256},
                                          {3.4e38f, 0x7f7f, 0x1.fep127f},
                                          {0x1p-133f, 0x0001, 0x1p-133f},
                                          {0x1p-126f, 0x0080, 0x1p-126f}};
    CHECK("fp16", half);
    CHECK("bf16", brain);
}

static unsigned distinct(const char *format, float *largest)
{
    const struct haq_format *f = haq_format_find(format);
    unsigned n = 0;
    *largest = 0;
    for (unsigned code = 0; code < 1u << f->bits; code++) {
        float x = decode(format, code);
        unsigned back = encode(format, x);
        n += back == code && !(x == 0 && code);
        if (back == code)
            *largest = fmaxf(*largest, x);
    }
    return n;
}

/* The table of algorithms for small floats: distinct finite values, largest. */
static void value_sets_have_the_published_sizes(void)
{
    static const struct {
        const char *format;
        unsigned n;
        float largest;
    } want[] = {{"fp8_e4m3", 253, 448}, {"fp8_e5m2", 247, 57344},
                {"fp4_e2m1", 15, 6},    {"mxfp6_e2m3", 63, 7.5f},
                {"mxfp6_e3m2", 63, 28}, {"mxint8", 256, 127 / 64.0f},
                {"nf4", 16, 1},         {"pot3", 7, 1},
                {"pot4", 15, 1},        {"apot4", 15, 1},
                {"apot5", 31, 1}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        float largest;
        const struct haq_levels *l =
            haq_format_find(want[i].format)->coder->levels;
        if (l) {
            CU_ASSERT_EQUAL(l->n, want[i].n);
            CU_ASSERT_EQUAL(l->at[l->n - 1], want[i].largest);
            continue;
        }
        CU_ASSERT_EQUAL(distinct(want[i].format, &largest), want[i].n);
        CU_ASSERT_EQUAL(largest, want[i].largest);
    }
}

static void nf4_has_the_codes_of_bitsandbytes(void)
{
    static const float block[] = {0.02f, -0.5f, 0.31f,  1.7f,
                                  -1.7f, 0.9f,  -0.06f, 0};
    static const unsigned codes[] = {7, 4, 9, 15, 0, 13, 7, 7};
    for (size_t i = 0; i < sizeof block / sizeof *block; i++)
        CU_ASSERT_EQUAL(encode("nf4", block[i] / 1.7f), codes[i]);
    CU_ASSERT_EQUAL(encode("nf4", -0.8480966f), 0);
    CU_ASSERT_EQUAL(encode("nf4", -0.8480960f), 1);
    CU_ASSERT_EQUAL(encode("nf4", 0.8614783f), 14);
    CU_ASSERT_EQUAL(encode("nf4", 0.8614788f), 15);
}

/* Halfway in the numbers, not in their logarithms: 0.75 between 1/2 and 1. */
static void powers_of_two_round_on_the_line(void)
{
    CU_ASSERT_EQUAL(decode("pot4", encode("pot4", 0.74f)), 0.5f);
    CU_ASSERT_EQUAL(decode("pot4", encode("pot4", 0.76f)), 1);
    CU_ASSERT_EQUAL(decode("pot4", encode("pot4", -0.38f)), -0.5f);
    CU_ASSERT_EQUAL(decode("pot4", encode("pot4", 0.007f)), 0);
    CU_ASSERT_EQUAL(decode("pot4", encode("pot4", 0.008f)), 0x1p-6f);
}

/* What is decoded is a nearest level, checked against all of them. */
static void every_code_is_a_nearest_one(void)
{
    uint64_t seed = 5;
    for (const struct haq_format *f = haq_formats; f->name; f++) {
        if (!f->coder || f->coder->learned || f->bits > 8)
            continue;
        for (int i = 0; i < 2000; i++) {
            double u = (double)(next_random(&seed) >> 11) * 0x1p-53;
            float x = (float)((2 * u - 1) * f->coder->top);
            double got =
                fabs((double)decode(f->name, encode(f->name, x)) - (double)x);
            double best = INFINITY;
            unsigned n = f->coder->levels ? f->coder->levels->n : 1u << f->bits;
            for (unsigned c = 0; c < n; c++) {
                float level = decode(f->name, c);
                if (encode(f->name, level) == c)
                    best = fmin(best, fabs((double)level - (double)x));
            }
            CU_ASSERT_EQUAL(got, best);
        }
    }
}

static void mx_scales_are_powers_of_two(void)
{
    float s[] = {1, 1.99f, 0.4f, 0, 0x1p-140f, 3e38f};
    static const float want[] = {1, 1, 0.25f, 0x1p-127f, 0x1p-127f, 0x1p127f};
    haq_scaling_e8m0.store(s, 6);
    CU_ASSERT(!memcmp(s, want, sizeof want));
    CU_ASSERT_EQUAL(haq_scaling_e8m0.bytes(6), 6);
}

/* x_i = 0.1 i - 1.5: the shared exponent is -2, codes as in the sheet. */
static void mxfp4_block_has_the_known_codes(void)
{
    static const unsigned want[32] = {
        15, 15, 15, 14, 14, 14, 14, 13, 13, 12, 12, 11, 10, 10, 9, 0,
        1,  2,  2,  3,  4,  4,  5,  5,  6,  6,  6,  6,  7,  7,  7, 7};
    float scale = (float)(1.6 / haq_coder_mxfp4.top);
    double error = 0;
    haq_scaling_e8m0.store(&scale, 1);
    CU_ASSERT_EQUAL(scale, 0.25f);
    for (int i = 0; i < 32; i++) {
        float x = (float)(i - 15) / 10.0f;
        unsigned code = encode("mxfp4", x / scale);
        double e = (double)decode("mxfp4", code) * 0.25 - (i - 15) / 10.0;
        CU_ASSERT_EQUAL(code, want[i]);
        error += e * e / 32;
    }
    CU_ASSERT_DOUBLE_EQUAL(error, 0.0085156, 1e-7);
}

/* E4M3 times one float: the largest block has 448, a block of zeros 1/8. */
static void nvfp4_scales_are_e4m3_of_the_largest(void)
{
    float s[] = {0.7f, 0.1f, 0, 0.35f};
    float unit = 0.7f / 448;
    haq_scaling_nvfp4.store(s, 4);
    CU_ASSERT_EQUAL(s[0], 448 * unit);
    CU_ASSERT_EQUAL(s[1], 64 * unit);
    CU_ASSERT_EQUAL(s[2], 0.125f * unit);
    CU_ASSERT_EQUAL(s[3], 224 * unit);
    CU_ASSERT_EQUAL(haq_scaling_nvfp4.bytes(4), 8);
}

/* Equal magnitudes have nothing but their mean; else the largest distance from
 * it comes back exactly and the others within 1.5 % of that. */
static void double_quantization_keeps_scales(void)
{
    float same[] = {0.5f, 0.5f, 0.5f};
    float s[300], want[300];
    double sum = 0, most = 0;
    haq_scaling_double.store(same, 3);
    CU_ASSERT(same[0] == 0.5f && same[2] == 0.5f);
    for (int i = 0; i < 300; i++)
        sum += (double)(want[i] = s[i] = 0.2f + (float)(i * 37 % 101) / 200);
    for (int i = 0; i < 300; i++)
        most = fmax(most, fabs((double)want[i] - sum / 300));
    haq_scaling_double.store(s, 300);
    for (int i = 0; i < 300; i++)
        CU_ASSERT(fabs((double)s[i] - (double)want[i]) < 0.015 * most);
    CU_ASSERT_EQUAL(haq_scaling_double.bytes(300), 300 + 2 * 4 + 4);
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(e4m3_rounds_to_even_and_saturates),
                           HAQ_TEST(e5m2_rounds_to_even_and_saturates),
                           HAQ_TEST(e2m1_ties_go_to_even),
                           HAQ_TEST(sixteen_bits_are_ieee_half_and_bfloat16),
                           HAQ_TEST(value_sets_have_the_published_sizes),
                           HAQ_TEST(nf4_has_the_codes_of_bitsandbytes),
                           HAQ_TEST(powers_of_two_round_on_the_line),
                           HAQ_TEST(every_code_is_a_nearest_one),
                           HAQ_TEST(mx_scales_are_powers_of_two),
                           HAQ_TEST(mxfp4_block_has_the_known_codes),
                           HAQ_TEST(nvfp4_scales_are_e4m3_of_the_largest),
                           HAQ_TEST(double_quantization_keeps_scales),
                           CU_TEST_INFO_NULL};
    return run_suite("quant/format/coder", tests);
}
