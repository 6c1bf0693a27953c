#include <math.h>

#include "quant/format/codebook.h"
#include "tests/suite.h"

static double error(const float *level, size_t levels, const float *w, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double least = INFINITY;
        for (size_t k = 0; k < levels; k++) {
            double e = (double)w[i] - (double)level[k];
            least = fmin(least, e * e);
        }
        sum += least;
    }
    return sum;
}

/* Squared distances to the mean of sorted w[from .. to). */
static double spread(const float *w, size_t from, size_t to)
{
    double mean = 0, sum = 0;
    for (size_t i = from; i < to; i++)
        mean += (double)w[i] / (double)(to - from);
    for (size_t i = from; i < to; i++)
        sum += ((double)w[i] - mean) * ((double)w[i] - mean);
    return sum;
}

/* By trying every way to cut n sorted numbers into at most `parts` runs. */
static double least_by_trying(const float *w, size_t from, size_t n,
                              size_t parts)
{
    double least = spread(w, from, n);
    for (size_t to = from + 1; parts > 1 && to < n; to++)
        least = fmin(least, spread(w, from, to) +
                                least_by_trying(w, to, n, parts - 1));
    return least;
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void no_other_codebook_has_less_error(void)
{
    enum { N = 14 };
    uint64_t seed = 11;
    for (int round = 0; round < 60; round++) {
        float w[N], sorted[N], level[5];
        for (size_t i = 0; i < N; i++) /* some of them equal */
            sorted[i] = w[i] = (float)(next_random(&seed) % 40) - 17.5f;
        qsort(sorted, N, sizeof *sorted, ascending);
        for (size_t k = 1; k <= 5; k++) {
            CU_ASSERT_EQUAL(haq_codebook_fit(level, k, w, N, NULL), HAQ_OK);
            double want = least_by_trying(sorted, 0, N, k);
            CU_ASSERT_DOUBLE_EQUAL(error(level, k, w, N), want, 1e-4);
            for (size_t i = 1; i < k; i++)
                CU_ASSERT(level[i] >= level[i - 1]);
        }
    }
}

static void few_different_numbers_are_kept_as_they_are(void)
{
    static const float w[] = {3, -1, 3, 0.25f, -1, 3};
    float level[8];
    CU_ASSERT_EQUAL(haq_codebook_fit(level, 8, w, 6, NULL), HAQ_OK);
    CU_ASSERT(level[0] == -1 && level[1] == 0.25f);
    for (size_t i = 2; i < 8; i++)
        CU_ASSERT_EQUAL(level[i], 3);
    CU_ASSERT_EQUAL(haq_codebook_fit(level, 4, w, 0, NULL), HAQ_OK);
    CU_ASSERT(level[0] == 0 && level[3] == 0);
}

/* Numbers far from zero: squares must not swallow their differences. */
static void distance_from_zero_does_not_matter(void)
{
    static const float w[] = {1e6f, 1e6f + 1, 1e6f + 10, 1e6f + 11};
    float level[2];
    CU_ASSERT_EQUAL(haq_codebook_fit(level, 2, w, 4, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(level[0], 1e6f + 0.5f);
    CU_ASSERT_EQUAL(level[1], 1e6f + 10.5f);
}

static double normal_quantile(double p)
{
    double low = -10, high = 10;
    while (high - low > 1e-12) {
        double x = (low + high) / 2;
        if (0.5 * erfc(-x / sqrt(2)) < p)
            low = x;
        else
            high = x;
    }
    return low;
}

/* Max 1960, "Quantizing for minimum distortion": levels for a normal
 * distribution; so many numbers that neighbours are taken together. */
static void normal_numbers_give_the_levels_of_lloyd_and_max(void)
{
    static const double want[2][8] = {
        {0.4528, 1.5105},
        {0.1283, 0.3876, 0.6560, 0.9414, 1.2552, 1.6170, 2.0681, 2.7318}};
    static const size_t half[] = {2, 8};
    size_t n = 2 * HAQ_CODEBOOK_EXACT + 1234;
    float level[16], *w = malloc(n * sizeof *w);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    for (size_t i = 0; i < n; i++)
        w[i] = (float)normal_quantile(((double)i + 0.5) / (double)n);
    for (size_t b = 0; b < 2; b++) {
        CU_ASSERT_EQUAL(haq_codebook_fit(level, 2 * half[b], w, n, NULL),
                        HAQ_OK);
        for (size_t i = 0; i < half[b]; i++) {
            CU_ASSERT_DOUBLE_EQUAL(level[half[b] + i], want[b][i], 2e-3);
            CU_ASSERT_DOUBLE_EQUAL(level[half[b] - 1 - i], -want[b][i], 2e-3);
        }
    }
    free(w);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(no_other_codebook_has_less_error),
        HAQ_TEST(few_different_numbers_are_kept_as_they_are),
        HAQ_TEST(distance_from_zero_does_not_matter),
        HAQ_TEST(normal_numbers_give_the_levels_of_lloyd_and_max),
        CU_TEST_INFO_NULL};
    return run_suite("quant/format/codebook", tests);
}
