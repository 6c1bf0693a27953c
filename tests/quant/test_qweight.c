/* Constants come from NumPy: scales in float64 rounded to float32 (groups: to
 * float16), codes by rint(w / s) in float32, clipped. */
#include <math.h>
#include <string.h>

#include "quant/qweight.h"
#include "tests/suite.h"

/* Two output channels of six weights; zeros, ties and both signs. */
static const float small[12] = {0.5f,     -1.25f, 2.0f,     -0.75f,
                                0.1f,     0.0f,   1e-3f,    3e-3f,
                                -2.5e-3f, 5e-4f,  -1.5e-3f, 2e-3f};

/* One row of 40: groups of 16, 16 and 8. */
static const float row[40] = {
    0.001f,  0.299f,  -0.274f, -0.891f, -0.455f, -0.992f, 0.060f,  1.340f,
    -0.492f, -0.620f, 0.490f,  0.357f,  0.105f,  -0.930f, -0.029f, 0.695f,
    -1.344f, -0.458f, -1.901f, -1.290f, -1.842f, -0.235f, -1.267f, 0.271f,
    0.157f,  -0.187f, -2.517f, -0.539f, -0.049f, 0.113f,  -1.530f, -0.478f,
    -0.979f, -0.809f, 1.061f,  -0.808f, -0.033f, 0.884f,  -0.584f, -0.112f};

static void quantize(struct haq_qweight *q, const char *spec, const float *w,
                     size_t n, size_t k)
{
    struct haq_weight_spec s;
    CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&s, spec, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_qweight_scales(q, w, n, k, &s, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_qweight_round(q, w, NULL), HAQ_OK);
}

static void narrow_channels_match_numpy(void)
{
    static const struct {
        const char *spec;
        float scale[2];
        int8_t codes[12];
    } want[] = {
        {"int2",
         {0x1p+1f, 0x1.89374cp-9f},
         {0, -1, 1, 0, 0, 0, 0, 1, -1, 0, 0, 1}},
        {"int4",
         {0x1.24924ap-2f, 0x1.c163c4p-12f},
         {2, -4, 7, -3, 0, 0, 2, 7, -6, 1, -4, 5}},
        {"int8",
         {0x1.020408p-6f, 0x1.8c4fecp-16f},
         {32, -79, 127, -48, 6, 0, 42, 127, -106, 21, -64, 85}},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct haq_qweight q = {0};
        quantize(&q, want[i].spec, small, 2, 6);
        CU_ASSERT_EQUAL(q.groups, 1);
        CU_ASSERT(!memcmp(q.scale, want[i].scale, sizeof want[i].scale));
        CU_ASSERT(!memcmp(q.codes, want[i].codes, sizeof want[i].codes));
        CU_ASSERT_PTR_NULL(q.zero);
        haq_qweight_fini(&q);
    }
}

static void one_scale_per_tensor_is_the_largest_of_all(void)
{
    struct haq_qweight q = {0};
    quantize(&q, "int8:tensor", small, 2, 6);
    CU_ASSERT_EQUAL(q.scale[0], q.scale[1]);
    CU_ASSERT_EQUAL(q.scale[0], 0x1.020408p-6f);
    CU_ASSERT_EQUAL(q.codes[7], 0); /* 0.003 / 0.0157 */
    haq_qweight_fini(&q);
}

static void unsigned_channels_have_a_zero_point(void)
{
    static const float scale[] = {0x1.bbbbbcp-3f, 0x1.807a56p-12f};
    static const int codes[] = {8, 0, 15, 3, 6, 6, 10, 15, 0, 8, 3, 12};
    struct haq_qweight q = {0};
    quantize(&q, "uint4", small, 2, 6);
    CU_ASSERT(!memcmp(q.scale, scale, sizeof scale));
    CU_ASSERT_EQUAL(q.zero[0] + 8, 6);
    CU_ASSERT_EQUAL(q.zero[1] + 8, 7);
    for (size_t i = 0; i < 12; i++)
        CU_ASSERT_EQUAL(q.codes[i] + 8, codes[i]);
    haq_qweight_fini(&q);
}

static void group_scales_are_rounded_to_half_precision_first(void)
{
    static const float scale[] = {0x1.88p-3f, 0x1.704p-2f, 0x1.368p-3f};
    static const int8_t codes[] = {0,  2,  -1, -5, -2, -5, 0,  7,  -3, -3,
                                   3,  2,  1,  -5, 0,  4,  -4, -1, -5, -4,
                                   -5, -1, -4, 1,  0,  -1, -7, -1, 0,  0,
                                   -4, -1, -6, -5, 7,  -5, 0,  6,  -4, -1};
    struct haq_qweight q = {0};
    quantize(&q, "int4:group16", row, 1, 40);
    CU_ASSERT_EQUAL_FATAL(q.groups, 3);
    CU_ASSERT(!memcmp(q.scale, scale, sizeof scale));
    CU_ASSERT(!memcmp(q.codes, codes, sizeof codes));
    haq_qweight_fini(&q);
}

static void unsigned_groups_match_numpy(void)
{
    static const float scale[] = {0x1.554p-2f, 0x1.97cp-2f, 0x1.2a8p-2f};
    static const int zero[] = {3, 6, 3};
    static const int codes[] = {3, 4, 2, 0, 2, 0, 3, 7, 2, 1, 4, 4, 3, 0,
                                3, 5, 3, 5, 1, 3, 1, 5, 3, 7, 6, 6, 0, 5,
                                6, 6, 2, 5, 0, 0, 7, 0, 3, 6, 1, 3};
    struct haq_qweight q = {0};
    quantize(&q, "uint3:group16", row, 1, 40);
    CU_ASSERT(!memcmp(q.scale, scale, sizeof scale));
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(q.zero[i] + 4, zero[i]);
    for (size_t i = 0; i < 40; i++)
        CU_ASSERT_EQUAL(q.codes[i] + 4, codes[i]);
    haq_qweight_fini(&q);
}

static void halves_go_to_the_even_code(void)
{
    static const float w[] = {7.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f};
    static const int8_t want[] = {7, 0, 2, 2, 0, -2, -2};
    struct haq_qweight q = {0};
    quantize(&q, "int4", w, 1, 7);
    CU_ASSERT_EQUAL(q.scale[0], 1.0f);
    CU_ASSERT(!memcmp(q.codes, want, sizeof want));
    haq_qweight_fini(&q);
}

static void the_full_range_uses_the_extra_negative_code(void)
{
    static const float w[] = {-4.0f, 1.0f, 2.0f, -2.0f};
    static const int8_t want[] = {-2, 0, 1, -1};
    struct haq_qweight q = {0};
    quantize(&q, "int2:full", w, 1, 4);
    CU_ASSERT_EQUAL(q.scale[0], 2.0f);
    CU_ASSERT(!memcmp(q.codes, want, sizeof want));
    haq_qweight_fini(&q);
}

static void rows_of_zeros_get_scale_one_and_stay_zero(void)
{
    static const char *const specs[] = {
        "int4",        "uint4",   "int4:group16",  "uint2:group16",
        "int8:tensor", "ternary", "ternary:tensor"};
    static const float w[32] = {0};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct haq_qweight q = {0};
        float back[32];
        quantize(&q, specs[i], w, 1, 32);
        haq_qweight_dequantize(back, &q);
        CU_ASSERT_EQUAL(q.scale[0], 1.0f);
        CU_ASSERT(!memcmp(back, w, sizeof w));
        haq_qweight_fini(&q);
    }
}

static void extreme_weights_keep_finite_positive_scales(void)
{
    static const char *const specs[] = {
        "int4",      "uint4",     "int4:group16",    "uint2:group16",
        "int2:full", "int4:pow2", "uint4:pow2",      "int4:group16:pow2",
        "ternary",   "binary",    "ternary:group16", "binary:group16"};
    static const float size[] = {1e-44f, 1e-30f, 1e30f, 1e38f};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        for (size_t j = 0; j < sizeof size / sizeof *size; j++) {
            float w[16], back[16];
            struct haq_qweight q = {0};
            for (size_t k = 0; k < 16; k++)
                w[k] = k % 2 ? size[j] : -size[j];
            quantize(&q, specs[i], w, 1, 16);
            haq_qweight_dequantize(back, &q);
            CU_ASSERT(q.scale[0] > 0 && isfinite(q.scale[0]));
            CU_ASSERT(isfinite(back[0]) && isfinite(back[1]));
            haq_qweight_fini(&q);
        }
}

/* Rounded up: nothing is clipped, and the step is less than twice as large. */
static void powers_of_two_are_the_least_that_clip_nothing(void)
{
    static const char *const specs[][2] = {
        {"int4", "int4:pow2"},
        {"uint4", "uint4:pow2"},
        {"int2:full", "int2:full:pow2"},
        {"int8:tensor", "int8:tensor:pow2"},
        {"int3:group16", "int3:group16:pow2"}};
    static const float exact[] = {7, -3.5f, 1, 0};
    struct haq_qweight q = {0};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct haq_qweight p = {0};
        quantize(&q, specs[i][0], row, 2, 20);
        quantize(&p, specs[i][1], row, 2, 20);
        for (size_t k = 0; k < 2 * p.groups; k++) {
            int e;
            CU_ASSERT_EQUAL(frexpf(p.scale[k], &e), 0.5f);
            CU_ASSERT(p.scale[k] >= q.scale[k] * 0.999f &&
                      p.scale[k] < q.scale[k] * 2);
        }
        haq_qweight_fini(&q);
        haq_qweight_fini(&p);
    }
    quantize(&q, "int4:pow2", exact, 1, 4);
    CU_ASSERT_EQUAL(q.scale[0], 1);
    CU_ASSERT_EQUAL(haq_qweight_bytes(&q.spec, 1, 4), 2 + 1);
    haq_qweight_fini(&q);
}

/* ---- formats with a coder --------------------------------------------------
 */

static void decoded_weights_stay_finite_and_zeros_stay_zero(void)
{
    static const float size[] = {0, 1e-44f, 1e-30f, 1e30f, 3.4e38f};
    for (const struct haq_format *f = haq_formats; f->name; f++)
        for (size_t j = 0; f->coder && j < sizeof size / sizeof *size; j++) {
            float w[48] = {0};
            struct haq_qweight q = {0};
            for (size_t k = 0; k < 40; k++) /* then 8 zeros */
                w[k] = k % 3 ? size[j] : -size[j];
            quantize(&q, f->name, w, 1, 48);
            for (size_t k = 0; k < 48; k++)
                CU_ASSERT(isfinite(q.values[k]));
            bool zeros =
                f->bits > 4 || size[j] < 1e-40f || strcmp(f->name, "cb2");
            CU_ASSERT(!zeros || q.values[47] == 0);
            haq_qweight_fini(&q);
        }
}

/* Two rows of 40: three or two groups each, the last ones short. */
static void packed_bytes_count_scales_as_each_format_stores_them(void)
{
    static const struct {
        const char *spec;
        size_t bytes;
    } want[] = {
        {"fp16", 160},
        {"bf16", 160},
        {"fp8_e4m3", 80 + 2 * 4},
        {"fp8_e5m2:tensor", 80 + 4},
        {"fp4_e2m1:group16", 40 + 6 * 2},
        {"nf4", 40 + 2 * 2},
        {"nf4_dq", 40 + 2 + 4 + 4},
        {"mxfp4", 40 + 4},
        {"mxfp6_e3m2", 60 + 4},
        {"mxint8", 80 + 4},
        {"nvfp4", 40 + 6 + 4},
        {"pot3", 30 + 2 * 4},
        {"cb2", 20 + 4 * 4},
        {"cb2:channel", 20 + 2 * 4 * 4},
        {"cb3:group16", 30 + 6 * 8 * 2},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct haq_weight_spec s;
        CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&s, want[i].spec, NULL),
                              HAQ_OK);
        CU_ASSERT_EQUAL(haq_qweight_bytes(&s, 2, 40), want[i].bytes);
    }
}

/* In MX the shared power of two is floor(log2(largest)) - emax: 2.517 is more
 * than 2^1, so E2M1 works with steps of 2^-1 and ends at 3. */
static void mx_blocks_share_a_power_of_two(void)
{
    struct haq_qweight q = {0};
    quantize(&q, "mxfp4", row, 1, 40);
    CU_ASSERT_EQUAL(q.groups, 2);
    CU_ASSERT_EQUAL(q.scale[0], 0.5f);
    CU_ASSERT_EQUAL(q.scale[1], 0.25f);
    CU_ASSERT_EQUAL(q.values[26], -3.0f); /* 5.03 steps: nearer to 6 than 4 */
    CU_ASSERT_EQUAL(q.values[34], 1.0f);  /* 1.061 */
    haq_qweight_fini(&q);
}

static void the_error_stays_within_half_a_step(void)
{
    static const char *const specs[] = {
        "int3", "int8", "uint4", "uint8:tensor", "int6:full", "int5:tensor"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct haq_qweight q = {0};
        float back[40];
        quantize(&q, specs[i], row, 4, 10);
        haq_qweight_dequantize(back, &q);
        for (size_t k = 0; k < 40; k++) {
            /* A rounded zero point may move the ends by half a step more. */
            float reach = q.zero ? 1.001f : 0.5001f;
            CU_ASSERT(fabsf(back[k] - row[k]) <= q.scale[k / 10] * reach);
        }
        haq_qweight_fini(&q);
    }
}

/* ---- ternary and binary ---------------------------------------------------
 */

static void few_codes_match_numpy(void)
{
    static const struct {
        const char *spec;
        float scale[2];
        int8_t codes[12];
    } want[] = {
        {"ternary",
         {0x1.555556p+0f, 0x1.26e978p-9f},
         {0, -1, 1, -1, 0, 0, 0, 1, -1, 0, -1, 1}},
        {"ternary:tensor",
         {0x1.555556p+0f, 0x1.555556p+0f},
         {0, -1, 1, -1, 0, 0, 0, 0, 0, 0, 0, 0}},
        {"binary",
         {0x1.888888p-1f, 0x1.cac084p-10f},
         {1, -1, 1, -1, 1, 1, 1, 1, -1, 1, -1, 1}},
        {"binary:tensor",
         {0x1.896de8p-2f, 0x1.896de8p-2f},
         {1, -1, 1, -1, 1, 1, 1, 1, -1, 1, -1, 1}},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct haq_qweight q = {0};
        quantize(&q, want[i].spec, small, 2, 6);
        CU_ASSERT(!memcmp(q.scale, want[i].scale, sizeof want[i].scale));
        CU_ASSERT(!memcmp(q.codes, want[i].codes, sizeof want[i].codes));
        CU_ASSERT_PTR_NULL(q.zero);
        haq_qweight_fini(&q);
    }
}

static void few_codes_in_groups_match_numpy(void)
{
    static const struct {
        const char *spec;
        float scale[3];
        int8_t codes[40];
    } want[] = {
        {"ternary:group16",
         {0x1.88cp-1f, 0x1.ab8p+0f, 0x1.b54p-1f},
         {0, 0, 0,  -1, -1, -1, 0,  1,  -1, -1, 1,  0, 0,  -1,
          0, 1, -1, 0,  -1, -1, -1, 0,  -1, 0,  0,  0, -1, 0,
          0, 0, -1, 0,  -1, -1, 1,  -1, 0,  1,  -1, 0}},
        {"binary:group16",
         {0x1.01p-1f, 0x1.c5cp-1f, 0x1.514p-1f},
         {1,  1, -1, -1, -1, -1, 1,  1,  -1, -1, 1,  1,  1,  -1,
          -1, 1, -1, -1, -1, -1, -1, -1, -1, 1,  1,  -1, -1, -1,
          -1, 1, -1, -1, -1, -1, 1,  -1, -1, 1,  -1, -1}},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct haq_qweight q = {0};
        quantize(&q, want[i].spec, row, 1, 40);
        CU_ASSERT_EQUAL_FATAL(q.groups, 3);
        CU_ASSERT(!memcmp(q.scale, want[i].scale, sizeof want[i].scale));
        CU_ASSERT(!memcmp(q.codes, want[i].codes, sizeof want[i].codes));
        haq_qweight_fini(&q);
    }
}

static double error_of(const struct haq_qweight *q, const float *w, size_t n)
{
    float back[40];
    double sum = 0;
    haq_qweight_dequantize(back, q);
    for (size_t i = 0; i < n; i++) {
        double e = (double)back[i] - (double)w[i];
        sum += e * e;
    }
    return sum;
}

/* All 3^9 assignments of codes, each with its own best scale. */
static void no_ternary_codes_are_closer_than_the_ones_chosen(void)
{
    enum { N = 9, ALL = 19683 };
    double best = INFINITY;
    for (int code = 1; code < ALL; code++) {
        double dot = 0, norm = 0, m = 0;
        for (int i = 0, c = code; i < N; i++, c /= 3) {
            double w = (double)row[i], k = c % 3 - 1;
            dot += w * k, norm += w * w, m += k * k;
        }
        best = m > 0 ? fmin(best, norm - dot * dot / m) : best;
    }
    struct haq_qweight q = {0};
    quantize(&q, "ternary", row, 1, N);
    CU_ASSERT_DOUBLE_EQUAL(error_of(&q, row, N), best, 1e-6);
    haq_qweight_fini(&q);
}

static void no_other_scale_makes_few_codes_closer(void)
{
    static const char *const specs[] = {"ternary", "binary"};
    for (size_t i = 0; i < 2; i++) {
        struct haq_qweight q = {0};
        quantize(&q, specs[i], row, 1, 40);
        double least = error_of(&q, row, 40);
        float scale = q.scale[0];
        for (int k = 1; k < 400; k++) {
            q.scale[0] = scale * (float)k / 200;
            CU_ASSERT_EQUAL_FATAL(haq_qweight_round(&q, row, NULL), HAQ_OK);
            CU_ASSERT(error_of(&q, row, 40) >= least - 1e-6);
        }
        haq_qweight_fini(&q);
    }
}

/* A channel of zeros beside a living one, and a tensor of nothing else. */
static void zeros_become_next_to_nothing_where_no_code_is_zero(void)
{
    static const char *const specs[] = {"binary", "binary:group16",
                                        "binary:tensor"};
    float w[32] = {0}, back[32];
    for (size_t i = 0; i < 3; i++)
        for (int living = 0; living < 2; living++) {
            struct haq_qweight q = {0};
            for (size_t k = 16; k < 32; k++)
                w[k] = living ? 0.5f : 0;
            quantize(&q, specs[i], w, 2, 16);
            haq_qweight_dequantize(back, &q);
            for (size_t k = 0; k < 32; k++)
                CU_ASSERT(q.codes[k] == 1 || q.codes[k] == -1);
            CU_ASSERT(q.scale[0] > 0);
            if (!living || i < 2)
                CU_ASSERT(fabsf(back[0]) <= 1e-6f);
            haq_qweight_fini(&q);
        }
}

static void stored_bytes_are_those_counted_by_hand(void)
{
    static const struct {
        const char *spec;
        size_t n, k, bytes;
    } want[] = {
        {"float", 16, 27, 16 * 27 * 4},
        {"int8", 16, 27, 432 + 64},
        {"int8:tensor", 16, 27, 432 + 4},
        {"int4", 16, 27, 216 + 64},
        {"int3", 16, 27, 162 + 64},
        {"int4:group32", 16, 72, 576 + 16 * 3 * 2},
        {"uint4", 16, 27, 216 + 64 + 8},
        {"uint8:tensor", 16, 27, 432 + 4 + 1},
        {"uint2:group16", 3, 40, 30 + 9 * 2 + 3},
        {"ternary", 16, 27, 108 + 64},
        {"binary", 16, 27, 54 + 64},
        {"binary:group32", 16, 72, 144 + 16 * 3 * 2},
        {"binary:tensor", 3, 3, 2 + 4},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct haq_weight_spec s;
        CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&s, want[i].spec, NULL),
                              HAQ_OK);
        CU_ASSERT_EQUAL(haq_qweight_bytes(&s, want[i].n, want[i].k),
                        want[i].bytes);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(narrow_channels_match_numpy),
        HAQ_TEST(one_scale_per_tensor_is_the_largest_of_all),
        HAQ_TEST(unsigned_channels_have_a_zero_point),
        HAQ_TEST(group_scales_are_rounded_to_half_precision_first),
        HAQ_TEST(unsigned_groups_match_numpy),
        HAQ_TEST(halves_go_to_the_even_code),
        HAQ_TEST(the_full_range_uses_the_extra_negative_code),
        HAQ_TEST(rows_of_zeros_get_scale_one_and_stay_zero),
        HAQ_TEST(extreme_weights_keep_finite_positive_scales),
        HAQ_TEST(decoded_weights_stay_finite_and_zeros_stay_zero),
        HAQ_TEST(packed_bytes_count_scales_as_each_format_stores_them),
        HAQ_TEST(mx_blocks_share_a_power_of_two),
        HAQ_TEST(powers_of_two_are_the_least_that_clip_nothing),
        HAQ_TEST(the_error_stays_within_half_a_step),
        HAQ_TEST(few_codes_match_numpy),
        HAQ_TEST(few_codes_in_groups_match_numpy),
        HAQ_TEST(no_ternary_codes_are_closer_than_the_ones_chosen),
        HAQ_TEST(no_other_scale_makes_few_codes_closer),
        HAQ_TEST(zeros_become_next_to_nothing_where_no_code_is_zero),
        HAQ_TEST(stored_bytes_are_those_counted_by_hand),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/qweight", tests);
}
