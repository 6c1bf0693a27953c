#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "quant/calib_method.h"
#include "tests/suite.h"

static struct haq_act_spec act(const char *text)
{
    struct haq_act_spec s = {0};
    CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&s, text, NULL), HAQ_OK);
    return s;
}

static void methods_are_found_by_name_and_parameter(void)
{
    static const char *const wrong[] = {"median",
                                        "percentile",
                                        "percentile:",
                                        "percentile:x",
                                        "percentile:101",
                                        "percentile:20",
                                        "percentile:nan",
                                        "minmax:3",
                                        "mse:",
                                        "percentile:99,9",
                                        "percentile:99.9 ",
                                        "average",
                                        "average:0",
                                        "average:1.5",
                                        "entropy:128",
                                        "octav:1",
                                        ""};
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
    CU_ASSERT(strstr(d.text, "average:C (0.01)") && strstr(d.text, "octav"));
}

/* Statistics of n samples. */
static struct haq_tensor_stats observe(const float *x, size_t n,
                                       uint64_t bins[HAQ_CALIB_BINS])
{
    struct haq_tensor_stats s = {
        .tensor = "x", .min = x[0], .max = x[0], .count = n, .bins = bins};
    memset(bins, 0, HAQ_CALIB_BINS * sizeof *bins);
    for (size_t i = 0; i < n; i++) {
        s.min = fminf(s.min, x[i]);
        s.max = fmaxf(s.max, x[i]);
    }
    for (size_t i = 0; i < n; i++) {
        bins[haq_calib_bin(x[i], s.min, s.max)]++;
        s.zeros += x[i] == 0;
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

/* Densities of algorithms.md 2.5 and their distribution functions. */
static double gauss(double x)
{
    return exp(-x * x / 2) / sqrt(2 * acos(-1));
}

static double gauss_below(double x)
{
    return erfc(-x * sqrt(0.5)) / 2;
}

static double laplace(double x)
{
    return exp(-fabs(x)) / 2;
}

static double laplace_below(double x)
{
    return x < 0 ? exp(x) / 2 : 1 - exp(-x) / 2;
}

struct source {
    double (*density)(double x);
    double (*below)(double x);
    double reach; /* of a histogram of it, either side */
    double power;
};

static const struct source normal = {gauss, gauss_below, 6, 1},
                           double_exponential = {laplace, laplace_below, 15, 2};

/* Noise of a quantizer on the source, by the midpoint rule. */
static double noise_of(const struct haq_act_params *p, const struct source *f)
{
    enum { STEPS = 400000 };
    double reach = f->reach + 4, width = 2 * reach / STEPS, noise = 0;
    for (int i = 0; i < STEPS; i++) {
        double x = -reach + (i + 0.5) * width;
        double q = rint(x / (double)p->scale) + p->zero;
        q = fmin(fmax(q, p->qlo), p->qhi);
        double e = x - (q - p->zero) * (double)p->scale;
        noise += e * e * f->density(x) * width;
    }
    return noise;
}

static struct haq_tensor_stats histogram_of(const struct source *f,
                                            uint64_t bins[HAQ_CALIB_BINS])
{
    float reach = (float)f->reach;
    struct haq_tensor_stats s = {
        .tensor = "x", .min = -reach, .max = reach, .bins = bins};
    for (int i = 0; i < HAQ_CALIB_BINS; i++) {
        double edge = -f->reach + i * 2 * f->reach / HAQ_CALIB_BINS;
        double next = edge + 2 * f->reach / HAQ_CALIB_BINS;
        bins[i] = (uint64_t)((f->below(next) - f->below(edge)) * 1e12);
        s.count += bins[i];
    }
    return s;
}

struct published {
    const char *spec;
    double scale, db;
};

/* Within 1 % of the scale and 0.05 dB. */
static void compare(const char *method, const struct source *f,
                    const struct published *want, size_t n)
{
    static uint64_t bins[HAQ_CALIB_BINS];
    struct haq_tensor_stats s = histogram_of(f, bins);
    for (size_t i = 0; i < n; i++) {
        struct haq_act_spec a = act(want[i].spec);
        float lo, hi;
        find_range(method, &s, want[i].spec, &lo, &hi);
        struct haq_act_params p = haq_act_params_from_range(&a, lo, hi);
        double db = 10 * log10(f->power / noise_of(&p, f));
        CU_ASSERT_DOUBLE_EQUAL((double)p.scale / want[i].scale, 1, 0.01);
        CU_ASSERT_DOUBLE_EQUAL(db, want[i].db, 0.05);
    }
}

/* algorithms.md 2.5, narrow ranges: sigma 1, and variance 2. */
static const struct published best_gauss[] = {
    {"int2", 1.2238, 7.21},  {"int3", 0.6507, 13.29}, {"int4", 0.3535, 18.90},
    {"int5", 0.1933, 24.33}, {"int6", 0.1054, 29.71}, {"int7", 0.0573, 35.11},
    {"int8", 0.0309, 40.54}};
static const struct published best_laplace[] = {
    {"int2", 2.0006, 5.78},  {"int3", 1.1625, 10.80}, {"int4", 0.6887, 15.62},
    {"int5", 0.4065, 20.42}, {"int6", 0.2375, 25.26}, {"int7", 0.1368, 30.18},
    {"int8", 0.0778, 35.18}};
enum { ALL_BITS = 7 };

static void mse_finds_the_published_clips(void)
{
    compare("mse", &normal, best_gauss, ALL_BITS);
    compare("mse", &double_exponential, best_laplace, ALL_BITS);
}

/* Where its model of the noise holds: from 5 bits (Gauss), 4 bits (Laplace). */
static void octav_finds_the_published_clips_of_fine_steps(void)
{
    compare("octav", &normal, best_gauss + 3, ALL_BITS - 3);
    compare("octav", &double_exponential, best_laplace + 2, ALL_BITS - 2);
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

/* J of quant/calib_octav.c for a Gaussian clipped at a, steps from 0 to a. */
static double model_of_noise(double a, double steps)
{
    double out = 2 * gauss_below(-a);
    double beyond = 2 * ((1 + a * a) * gauss_below(-a) - a * gauss(a));
    return a * a / (12 * steps * steps) * (1 - out) + beyond;
}

static void octav_solves_its_equation_at_every_width(void)
{
    static uint64_t bins[HAQ_CALIB_BINS];
    struct haq_tensor_stats s = histogram_of(&normal, bins);
    for (int bits = 2; bits <= 8; bits++) {
        char spec[16];
        float lo, hi;
        double steps = (1 << (bits - 1)) - 1, least = INFINITY;
        for (double a = 0.5; a < 6; a += 0.001)
            least = fmin(least, model_of_noise(a, steps));
        snprintf(spec, sizeof spec, "int%d", bits);
        find_range("octav", &s, spec, &lo, &hi);
        CU_ASSERT(lo == -hi);
        CU_ASSERT(model_of_noise((double)hi, steps) < least * 1.02);
    }
}

static void octav_of_a_one_sided_tensor_keeps_its_sided_range(void)
{
    enum { N = 50000 };
    static uint64_t bins[HAQ_CALIB_BINS];
    static float x[N];
    float lo, hi, all_lo, all_hi;
    struct haq_rng rng;
    haq_rng_seed(&rng, 6);
    for (size_t i = 0; i < N; i++)
        x[i] = fmaxf((float)haq_rng_normal(&rng), 0);
    struct haq_tensor_stats s = observe(x, N, bins);
    CU_ASSERT(s.zeros > N / 3);
    find_range("octav", &s, "uint4", &lo, &hi);
    CU_ASSERT(lo == 0 && hi > 2.0f && hi < 3.5f);
    find_range("octav", &s, "uint8", &all_lo, &all_hi);
    CU_ASSERT(all_hi > hi && all_hi < s.max);
}

static void an_average_moves_through_the_samples_in_order(void)
{
    float low[] = {-1, -2, 0}, high[] = {1, 5, 2}, lo, hi;
    struct haq_tensor_stats s = {.tensor = "x",
                                 .min = -2,
                                 .max = 5,
                                 .count = 30,
                                 .sample_min = low,
                                 .sample_max = high,
                                 .samples = 3};
    find_range("average:0.5", &s, "uint8", &lo, &hi);
    CU_ASSERT_EQUAL(lo, ((-1.0f - 2.0f) / 2 + 0) / 2);
    CU_ASSERT_EQUAL(hi, ((1.0f + 5.0f) / 2 + 2) / 2);
    find_range("average:1", &s, "uint8", &lo, &hi); /* the last one */
    CU_ASSERT(lo == 0 && hi == 2);
}

/* The procedure of algorithms.md 2.3 to the letter, for x >= 0 (the histogram
 * of |x| is that of x), but for candidates that keep less than 9 of 10. */
static double naive_divergence(const double *h, int i, int levels)
{
    static double p[HAQ_CALIB_BINS], q[HAQ_CALIB_BINS];
    double sum_p = 0, sum_q = 0, kl = 0;
    for (int j = 0; j < HAQ_CALIB_BINS; j++) {
        p[j < i ? j : i - 1] = j < i ? h[j] : p[i - 1] + h[j];
        sum_p += h[j];
    }
    for (int k = 0; k < levels; k++) {
        double mass = 0, full = 0;
        for (int j = 0; j < i; j++)
            if (j * levels / i == k)
                mass += h[j], full += h[j] > 0;
        for (int j = 0; j < i; j++)
            if (j * levels / i == k)
                q[j] = h[j] > 0 ? mass / full : 0;
        sum_q += mass;
    }
    for (int j = 0; j < i; j++)
        if (p[j] > 0)
            kl += p[j] / sum_p * log(p[j] / sum_p / (q[j] / sum_q));
    return kl;
}

static double naive_threshold(const struct haq_tensor_stats *s, int levels)
{
    static double h[HAQ_CALIB_BINS];
    double least = INFINITY, all = 0, kept = 0;
    int best = 0;
    for (int j = 0; j < HAQ_CALIB_BINS; j++)
        h[j] = (double)s->bins[j ? j : 1], all += h[j];
    for (int i = 1; i <= HAQ_CALIB_BINS; i++) {
        kept += h[i - 1];
        if (i < levels || kept < 0.9 * all)
            continue;
        double kl = naive_divergence(h, i, levels);
        if (kl <= least)
            least = kl, best = i;
    }
    return (double)s->max * best / HAQ_CALIB_BINS;
}

static void entropy_clips_as_the_published_procedure_does(void)
{
    enum { N = 20000 };
    static uint64_t bins[HAQ_CALIB_BINS];
    static float x[N];
    static const struct {
        const char *spec;
        int levels;
    } width[] = {{"uint2", 4}, {"uint4", 16}, {"int4", 8}, {"int8", 128}};
    struct haq_rng rng;
    haq_rng_seed(&rng, 11);
    for (size_t i = 0; i < N; i++) /* heavy tail, many zeros */
        x[i] = i % 3 ? expf((float)haq_rng_normal(&rng)) : 0;
    struct haq_tensor_stats s = observe(x, N, bins);
    for (size_t i = 0; i < sizeof width / sizeof *width; i++) {
        float lo, hi;
        find_range("entropy", &s, width[i].spec, &lo, &hi);
        CU_ASSERT_EQUAL(lo, 0);
        CU_ASSERT_DOUBLE_EQUAL((double)hi, naive_threshold(&s, width[i].levels),
                               1e-4);
        CU_ASSERT(hi < s.max * 0.9f); /* one candidate would be all of it */
    }
}

/* What a convolution makes of a black background. */
static void entropy_is_not_caught_by_a_value_that_returns(void)
{
    enum { N = 40000 };
    static uint64_t bins[HAQ_CALIB_BINS];
    static float x[N];
    float lo, hi;
    struct haq_rng rng;
    haq_rng_seed(&rng, 13);
    for (size_t i = 0; i < N; i++)
        x[i] = i % 2 ? 0.05f : fmaxf((float)haq_rng_normal(&rng), 0);
    struct haq_tensor_stats s = observe(x, N, bins);
    find_range("entropy", &s, "uint4", &lo, &hi);
    CU_ASSERT(hi > 1);
}

static void entropy_keeps_both_ends_of_a_lopsided_range(void)
{
    enum { N = 40000 };
    static uint64_t bins[HAQ_CALIB_BINS];
    static float x[N];
    float lo, hi;
    struct haq_rng rng;
    haq_rng_seed(&rng, 12);
    for (size_t i = 0; i < N; i++) {
        x[i] = (float)haq_rng_normal(&rng);
        x[i] = x[i] < 0 ? x[i] / 10 : x[i];
    }
    struct haq_tensor_stats s = observe(x, N, bins);
    find_range("entropy", &s, "uint4", &lo, &hi);
    CU_ASSERT_EQUAL(lo, s.min);
    CU_ASSERT(hi > 1 && hi < s.max);
}

/* Every method on tensors that say nothing. */
static void empty_and_constant_tensors_have_finite_ranges(void)
{
    static const char *const methods[] = {
        "minmax",  "average:0.01", "percentile:99.99",
        "entropy", "mse",          "octav"};
    static const float value[] = {0, 5, -3, 1e-30f};
    static uint64_t bins[HAQ_CALIB_BINS];
    for (size_t v = 0; v < sizeof value / sizeof *value; v++) {
        float x[8], lo, hi;
        for (size_t i = 0; i < 8; i++)
            x[i] = value[v];
        struct haq_tensor_stats s = observe(x, 8, bins);
        s.sample_min = s.sample_max = x;
        s.samples = 8;
        for (size_t m = 0; m < sizeof methods / sizeof *methods; m++)
            for (int sign = 0; sign < 2; sign++) {
                struct haq_act_spec a = act(sign ? "int4" : "uint4");
                find_range(methods[m], &s, sign ? "int4" : "uint4", &lo, &hi);
                CU_ASSERT(isfinite(lo) && isfinite(hi) && lo <= hi);
                struct haq_act_params p = haq_act_params_from_range(&a, lo, hi);
                CU_ASSERT(isfinite(p.scale) && p.scale > 0);
            }
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(methods_are_found_by_name_and_parameter),
        HAQ_TEST(percentiles_cut_both_ends_by_count),
        HAQ_TEST(outliers_do_not_survive_a_percentile),
        HAQ_TEST(mse_finds_the_published_clips),
        HAQ_TEST(mse_of_a_one_sided_tensor_keeps_its_sided_range),
        HAQ_TEST(octav_finds_the_published_clips_of_fine_steps),
        HAQ_TEST(octav_solves_its_equation_at_every_width),
        HAQ_TEST(octav_of_a_one_sided_tensor_keeps_its_sided_range),
        HAQ_TEST(an_average_moves_through_the_samples_in_order),
        HAQ_TEST(entropy_clips_as_the_published_procedure_does),
        HAQ_TEST(entropy_is_not_caught_by_a_value_that_returns),
        HAQ_TEST(entropy_keeps_both_ends_of_a_lopsided_range),
        HAQ_TEST(empty_and_constant_tensors_have_finite_ranges),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/calib_method", tests);
}
