#include "base/stats.h"

#include <stdbool.h>
#include <string.h>

#include "base/rng.h"
#include "tests/suite.h"

static struct haq_interval median_of_1_to(size_t n)
{
    double x[200];
    for (size_t i = 0; i < n; i++)
        x[i] = (double)((i * 7919 + 3) % n + 1); /* a permutation of 1..n */
    return haq_median(x, n);
}

/* Ranks from the tables of the sign test (Conover, Practical Nonparametric
 * Statistics, 95 %). */
static void median_intervals_use_the_tabulated_ranks(void)
{
    static const struct {
        size_t n;
        double median, low, high;
    } rows[] = {
        {1, 1, 1, 1},        {2, 1.5, 1, 2},    {5, 3, 1, 5},
        {6, 3.5, 1, 6},      {8, 4.5, 1, 8},    {9, 5, 2, 8},
        {10, 5.5, 2, 9},     {20, 10.5, 6, 15}, {25, 13, 8, 18},
        {100, 50.5, 40, 61},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct haq_interval v = median_of_1_to(rows[i].n);
        CU_ASSERT_EQUAL(v.value, rows[i].median);
        CU_ASSERT_EQUAL(v.low, rows[i].low);
        CU_ASSERT_EQUAL(v.high, rows[i].high);
    }
}

static void median_intervals_cover_as_promised(void)
{
    enum { TIMES = 4000, N = 31 };
    struct haq_rng r;
    int covered = 0;
    haq_rng_seed(&r, 3);
    for (int t = 0; t < TIMES; t++) {
        double x[N];
        for (int i = 0; i < N; i++)
            x[i] = haq_rng_unit(&r);
        struct haq_interval v = haq_median(x, N);
        covered += v.low <= 0.5 && 0.5 <= v.high;
    }
    CU_ASSERT(covered >= TIMES * 94 / 100);
    CU_ASSERT(covered <= TIMES * 99 / 100);
}

/* One look with the whole allowance is the ordinary interval. */
static void a_single_look_is_the_ordinary_interval(void)
{
    static const size_t sizes[] = {6, 9, 10, 20, 25, 100};
    struct haq_looks l;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        haq_looks_init(&l, 0.05);
        size_t k = haq_looks_rank(&l, n, 1);
        CU_ASSERT_EQUAL((double)k, median_of_1_to(n).low);
    }
    haq_looks_init(&l, 0.05);
    CU_ASSERT_EQUAL(haq_looks_rank(&l, 5, 1), 0);
    CU_ASSERT_EQUAL(l.missed, 0);
}

enum { TRIALS = 20000, LOOKS = 5 };
static const size_t look_at[LOOKS] = {12, 24, 48, 96, 192};

/* How often an interval misses the median, 0.5, at any of the looks. */
static double missed_at_any_look(const size_t *rank)
{
    struct haq_rng r;
    int missed = 0;
    haq_rng_seed(&r, 11);
    for (int t = 0; t < TRIALS; t++) {
        double x[192];
        bool miss = false;
        for (size_t i = 0; i < 192; i++)
            x[i] = haq_rng_unit(&r);
        for (size_t j = 0; j < LOOKS && !miss; j++) {
            double sorted[192];
            memcpy(sorted, x, sizeof sorted);
            struct haq_interval v = haq_median_at(sorted, look_at[j], rank[j]);
            miss = v.low > 0.5 || v.high < 0.5;
        }
        missed += miss;
    }
    return (double)missed / TRIALS;
}

static void five_looks_together_miss_as_seldom_as_one(void)
{
    struct haq_looks l;
    size_t rank[LOOKS], naive[LOOKS];
    haq_looks_init(&l, 0.05);
    for (size_t j = 0; j < LOOKS; j++) {
        struct haq_looks alone;
        rank[j] = haq_looks_rank(&l, look_at[j], (double)(j + 1) / LOOKS);
        haq_looks_init(&alone, 0.05);
        naive[j] = haq_looks_rank(&alone, look_at[j], 1);
        CU_ASSERT(rank[j] && rank[j] <= naive[j]);
    }
    CU_ASSERT(l.missed > 0.04 && l.missed <= 0.05);
    double p = missed_at_any_look(rank);
    CU_ASSERT_DOUBLE_EQUAL(p, l.missed, 0.006); /* 4 standard errors */
    /* And this is what looking five times at a 95 % interval does. */
    CU_ASSERT(missed_at_any_look(naive) > 0.09);
}

/* Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29. */
static void wilson_intervals_match_newcombe(void)
{
    static const struct {
        size_t k, n;
        double low, high;
    } rows[] = {{81, 263, 0.2553, 0.3662},
                {15, 148, 0.0624, 0.1605},
                {0, 20, 0.0000, 0.1611},
                {1, 29, 0.0061, 0.1718}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct haq_interval v = haq_wilson(rows[i].k, rows[i].n);
        CU_ASSERT_DOUBLE_EQUAL(v.low, rows[i].low, 5e-5);
        CU_ASSERT_DOUBLE_EQUAL(v.high, rows[i].high, 5e-5);
    }
    CU_ASSERT_EQUAL(haq_wilson(7, 7).high, 1);
}

static void means_carry_the_normal_interval(void)
{
    const double x[] = {1, 2, 3, 4, 5};
    struct haq_interval v = haq_mean(x, 5);
    CU_ASSERT_EQUAL(v.value, 3);
    CU_ASSERT_DOUBLE_EQUAL(v.low, 3 - 1.385904, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(v.high, 3 + 1.385904, 1e-6);
    v = haq_mean(x, 1);
    CU_ASSERT(v.low == 1 && v.high == 1);
}

/* 40 of 300 lost, 22 gained; by hand from Agresti and Min's formula. */
static void a_paired_difference_has_the_published_interval(void)
{
    struct haq_interval v = haq_paired_difference(40, 22, 300, 1.959964);
    double half = 1.959964 / 302 * sqrt(63 - 18.0 * 18 / 302);
    CU_ASSERT_DOUBLE_EQUAL(v.value, 0.06, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(v.low, 18.0 / 302 - half, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(v.high, 18.0 / 302 + half, 1e-9);
    v = haq_paired_difference(0, 0, 50, 1.959964);
    CU_ASSERT(v.low < 0 && v.high > 0 && v.high < 0.06);
    v = haq_paired_difference(9, 0, 9, 1.959964);
    CU_ASSERT(v.value >= 1 && v.high <= 1 && v.low < 1 && v.low > 0.4);
}

/* How often the interval holds the truth, over all outcomes of 30 samples. */
static void a_paired_difference_keeps_its_level(void)
{
    enum { N = 30 };
    static const double pairs[][2] = {{0.3, 0.1}, {0.05, 0.05}, {0.5, 0.2}};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        double p = pairs[k][0], q = pairs[k][1], covered = 0;
        for (int b = 0; b <= N; b++)
            for (int c = 0; b + c <= N; c++) {
                struct haq_interval v =
                    haq_paired_difference((size_t)b, (size_t)c, N, 1.959964);
                double chance = exp(lgamma(N + 1) - lgamma(b + 1) -
                                    lgamma(c + 1) - lgamma(N - b - c + 1)) *
                                pow(p, b) * pow(q, c) *
                                pow(1 - p - q, N - b - c);
                covered += v.low <= p - q && p - q <= v.high ? chance : 0;
            }
        CU_ASSERT(covered > 0.93);
    }
}

static void quantiles_of_the_normal_distribution_are_known(void)
{
    CU_ASSERT_DOUBLE_EQUAL(haq_normal_two_sided(0.05), 1.959963985, 1e-8);
    CU_ASSERT_DOUBLE_EQUAL(haq_normal_two_sided(0.01), 2.575829304, 1e-8);
    CU_ASSERT_DOUBLE_EQUAL(haq_normal_two_sided(0.005), 2.807033768, 1e-8);
    CU_ASSERT_DOUBLE_EQUAL(haq_normal_two_sided(0.3173105), 1, 1e-6);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(median_intervals_use_the_tabulated_ranks),
        HAQ_TEST(median_intervals_cover_as_promised),
        HAQ_TEST(a_single_look_is_the_ordinary_interval),
        HAQ_TEST(five_looks_together_miss_as_seldom_as_one),
        HAQ_TEST(wilson_intervals_match_newcombe),
        HAQ_TEST(means_carry_the_normal_interval),
        HAQ_TEST(a_paired_difference_has_the_published_interval),
        HAQ_TEST(a_paired_difference_keeps_its_level),
        HAQ_TEST(quantiles_of_the_normal_distribution_are_known),
        CU_TEST_INFO_NULL};
    return run_suite("stats", tests);
}
