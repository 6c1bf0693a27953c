#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "quant/calib.h"
#include "tests/suite.h"

static struct haq_act_spec act(const char *text)
{
    struct haq_act_spec s = {0};
    CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&s, text, NULL), HAQ_OK);
    return s;
}

/* Constants from NumPy, float64 rounded to float32. */
static void ranges_give_the_scale_and_zero_point_of_onnx(void)
{
    static const struct {
        float lo, hi, scale;
        int zero;
        float symmetric;
    } want[] = {
        {-1.0f, 3.0f, 0x1.010102p-6f, 64, 0x1.83060cp-6f},
        {0.5f, 2.0f, 0x1.010102p-7f, 0, 0x1.020408p-6f},
        {-2.0f, -0.5f, 0x1.010102p-7f, 255, 0x1.020408p-6f},
        {-0.3f, 0.7f, 0x1.010102p-8f, 76, 0x1.6938d8p-8f},
    };
    struct haq_act_spec u8 = act("uint8"), s8 = act("int8");
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct haq_act_params p =
            haq_act_params_from_range(&u8, want[i].lo, want[i].hi);
        CU_ASSERT_EQUAL(p.scale, want[i].scale);
        CU_ASSERT_EQUAL(p.zero, want[i].zero);
        CU_ASSERT(p.qlo == 0 && p.qhi == 255);
        p = haq_act_params_from_range(&s8, want[i].lo, want[i].hi);
        CU_ASSERT_EQUAL(p.scale, want[i].symmetric);
        CU_ASSERT_EQUAL(p.zero, 128);
        CU_ASSERT(p.qlo == 1 && p.qhi == 255);
    }
}

static void narrow_formats_use_fewer_codes_of_the_same_container(void)
{
    struct haq_act_spec u4 = act("uint4"), s4 = act("int4");
    struct haq_act_params p = haq_act_params_from_range(&u4, -1, 3);
    CU_ASSERT_EQUAL(p.scale, 0x1.111112p-2f);
    CU_ASSERT_EQUAL(p.zero, 4);
    CU_ASSERT(p.qlo == 0 && p.qhi == 15);
    p = haq_act_params_from_range(&s4, -7, 3);
    CU_ASSERT_EQUAL(p.scale, 1.0f);
    CU_ASSERT(p.zero == 128 && p.qlo == 121 && p.qhi == 135);
}

static void a_range_of_zero_width_gets_scale_one(void)
{
    struct haq_act_spec u8 = act("uint8"), s8 = act("int8");
    CU_ASSERT_EQUAL(haq_act_params_from_range(&u8, 0, 0).scale, 1.0f);
    CU_ASSERT_EQUAL(haq_act_params_from_range(&s8, 0, 0).scale, 1.0f);
    CU_ASSERT_EQUAL(haq_act_params_from_range(&u8, 0, 1e-44f).scale, 1.0f);
}

static void methods_are_found_by_name_and_parameter(void)
{
    static const char *const wrong[] = {
        "median",         "percentile",      "percentile:",     "percentile:x",
        "percentile:101", "percentile:20",   "percentile:nan",  "minmax:3",
        "mse:",           "percentile:99,9", "percentile:99.9 "};
    const struct haq_calib_method *m;
    double p;
    struct haq_diag d;
    CU_ASSERT_EQUAL_FATAL(haq_calib_method_parse(&m, &p, "minmax", &d), HAQ_OK);
    CU_ASSERT(!m->needs_histogram);
    CU_ASSERT_EQUAL_FATAL(
        haq_calib_method_parse(&m, &p, "percentile:99.99", &d), HAQ_OK);
    CU_ASSERT(m->needs_histogram && p == 99.99);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_EQUAL(haq_calib_method_parse(&m, &p, wrong[i], &d),
                        HAQ_USAGE);
    haq_calib_method_parse(&m, &p, "median", &d);
    CU_ASSERT(strstr(d.text, "median") && strstr(d.text, "percentile:P"));
}

/* Statistics of n samples. */
static struct haq_tensor_stats observe(const float *x, size_t n,
                                       uint64_t bins[HAQ_CALIB_BINS])
{
    struct haq_tensor_stats s = {"x", x[0], x[0], n, bins};
    memset(bins, 0, HAQ_CALIB_BINS * sizeof *bins);
    for (size_t i = 0; i < n; i++) {
        s.min = fminf(s.min, x[i]);
        s.max = fmaxf(s.max, x[i]);
    }
    for (size_t i = 0; i < n; i++) {
        size_t b = (size_t)((x[i] - s.min) / (s.max - s.min) * HAQ_CALIB_BINS);
        bins[b < HAQ_CALIB_BINS ? b : HAQ_CALIB_BINS - 1]++;
    }
    return s;
}

static void find_range(const char *method, const struct haq_tensor_stats *s,
                       const char *spec, float *lo, float *hi)
{
    const struct haq_calib_method *m;
    double p;
    struct haq_act_spec a = act(spec);
    CU_ASSERT_EQUAL_FATAL(haq_calib_method_parse(&m, &p, method, NULL), HAQ_OK);
    m->range(s, p, &a, lo, hi);
}

static void percentiles_cut_both_ends_by_count(void)
{
    enum { N = 100000 };
    static uint64_t bins[HAQ_CALIB_BINS];
    float *x = malloc(N * sizeof *x), lo, hi;
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    for (size_t i = 0; i < N; i++)
        x[i] = (float)i / N; /* uniform: the cut is the position */
    struct haq_tensor_stats s = observe(x, N, bins);
    find_range("percentile:98", &s, "uint8", &lo, &hi);
    CU_ASSERT_DOUBLE_EQUAL(lo, 0.01, 0.0005);
    CU_ASSERT_DOUBLE_EQUAL(hi, 0.99, 0.0005);
    find_range("percentile:100", &s, "uint8", &lo, &hi);
    CU_ASSERT_DOUBLE_EQUAL(lo, s.min, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(hi, s.max, 1e-6);
    find_range("minmax", &s, "uint8", &lo, &hi);
    CU_ASSERT(lo == s.min && hi == s.max);
    free(x);
}

static void outliers_do_not_survive_a_percentile(void)
{
    enum { N = 10000 };
    static uint64_t bins[HAQ_CALIB_BINS];
    static float x[N];
    float lo, hi;
    for (size_t i = 0; i < N; i++)
        x[i] = (float)(i % 100);
    x[17] = 50000;
    struct haq_tensor_stats s = observe(x, N, bins);
    find_range("percentile:99.9", &s, "uint8", &lo, &hi);
    CU_ASSERT(hi < 200);
}

static double gauss(double x)
{
    return exp(-x * x / 2) / sqrt(2 * acos(-1));
}

/* Noise of a quantizer on a Gaussian of sigma 1, by the midpoint rule. */
static double gauss_noise(const struct haq_act_params *p)
{
    enum { STEPS = 400000 };
    double width = 14.0 / STEPS, noise = 0;
    for (int i = 0; i < STEPS; i++) {
        double x = -7 + (i + 0.5) * width;
        double q = rint(x / (double)p->scale) + p->zero;
        q = fmin(fmax(q, p->qlo), p->qhi);
        double e = x - (q - p->zero) * (double)p->scale;
        noise += e * e * gauss(x) * width;
    }
    return noise;
}

/* algorithms.md 2.5: best clip of a Gaussian quantized symmetrically in the
 * narrow range, scale for sigma 1 and signal to noise. */
static void mse_finds_the_published_clip_of_a_gaussian(void)
{
    static const struct {
        const char *spec;
        double scale, db;
    } want[] = {{"int2", 1.2238, 7.21},  {"int3", 0.6507, 13.29},
                {"int4", 0.3535, 18.90}, {"int5", 0.1933, 24.33},
                {"int6", 0.1054, 29.71}, {"int7", 0.0573, 35.11},
                {"int8", 0.0309, 40.54}};
    static uint64_t bins[HAQ_CALIB_BINS];
    struct haq_tensor_stats s = {"x", -6, 6, 0, bins};
    for (int i = 0; i < HAQ_CALIB_BINS; i++) {
        double edge = -6 + i * 12.0 / HAQ_CALIB_BINS, r = sqrt(0.5);
        double share = erf((edge + 12.0 / HAQ_CALIB_BINS) * r) - erf(edge * r);
        bins[i] = (uint64_t)(share * 5e11);
        s.count += bins[i];
    }
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct haq_act_spec a = act(want[i].spec);
        float lo, hi;
        find_range("mse", &s, want[i].spec, &lo, &hi);
        struct haq_act_params p = haq_act_params_from_range(&a, lo, hi);
        CU_ASSERT_DOUBLE_EQUAL((double)p.scale / want[i].scale, 1, 0.01);
        CU_ASSERT_DOUBLE_EQUAL(-10 * log10(gauss_noise(&p)), want[i].db, 0.05);
    }
}

static void mse_of_a_one_sided_tensor_keeps_its_sided_range(void)
{
    enum { N = 50000 };
    static uint64_t bins[HAQ_CALIB_BINS];
    static float x[N];
    float lo, hi;
    struct haq_rng rng;
    haq_rng_seed(&rng, 5);
    for (size_t i = 0; i < N; i++) /* what a Relu leaves of a Gaussian */
        x[i] = fmaxf((float)haq_rng_normal(&rng), 0);
    struct haq_tensor_stats s = observe(x, N, bins);
    find_range("mse", &s, "uint4", &lo, &hi);
    CU_ASSERT(lo <= 0 && lo > -0.01f);
    CU_ASSERT(hi > 2.0f && hi < 3.5f);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(ranges_give_the_scale_and_zero_point_of_onnx),
        HAQ_TEST(narrow_formats_use_fewer_codes_of_the_same_container),
        HAQ_TEST(a_range_of_zero_width_gets_scale_one),
        HAQ_TEST(methods_are_found_by_name_and_parameter),
        HAQ_TEST(percentiles_cut_both_ends_by_count),
        HAQ_TEST(outliers_do_not_survive_a_percentile),
        HAQ_TEST(mse_finds_the_published_clip_of_a_gaussian),
        HAQ_TEST(mse_of_a_one_sided_tensor_keeps_its_sided_range),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/calib", tests);
}
