#include "search/algo/hypervolume.h"

#include <math.h>

#include "tests/suite.h"

static void hypervolumes_by_hand(void)
{
    const double one[] = {3, 1, 2}, edge1[] = {4};
    CU_ASSERT_DOUBLE_EQUAL(haq_hypervolume(one, 3, 1, edge1), 3, 1e-12);
    const double two[] = {1, 3, 2, 2, 3, 1, 3, 3}, edge2[] = {4, 4};
    CU_ASSERT_DOUBLE_EQUAL(haq_hypervolume(two, 4, 2, edge2), 6, 1e-12);
    /* Two boxes of 1*2*3 and 2*1*1 that share 1*1*1. */
    const double three[] = {3, 2, 1, 2, 3, 3}, edge3[] = {4, 4, 4};
    CU_ASSERT_DOUBLE_EQUAL(haq_hypervolume(three, 2, 3, edge3), 7, 1e-12);
    CU_ASSERT(haq_hypervolume(three, 0, 3, edge3) == 0);
    /* The same boxes, 2 and 1 deep in the fourth: 12 + 2 - 1. */
    const double four[] = {3, 2, 1, 2, 2, 3, 3, 3}, edge4[] = {4, 4, 4, 4};
    CU_ASSERT_DOUBLE_EQUAL(haq_hypervolume(four, 2, 4, edge4), 13, 1e-12);
}

static void points_beyond_the_reference_add_nothing(void)
{
    const double f[] = {1, 1, 0, 5, 5, 0, 4, 4}, edge[] = {4, 4};
    CU_ASSERT_DOUBLE_EQUAL(haq_hypervolume(f, 4, 2, edge), 9, 1e-12);
}

/* Inclusion and exclusion over all subsets: exact and hopelessly slow. */
static double by_subsets(const double *f, size_t n, size_t m, const double *ref)
{
    double sum = 0;
    for (unsigned set = 1; set < 1u << n; set++) {
        double box = 1;
        for (size_t k = 0; k < m; k++) {
            double worst = -INFINITY;
            for (size_t i = 0; i < n; i++)
                if (set >> i & 1)
                    worst = fmax(worst, f[i * m + k]);
            box *= fmax(ref[k] - worst, 0);
        }
        sum += __builtin_popcount(set) % 2 ? box : -box;
    }
    return sum;
}

static const double edge[] = {1, 0.9, 0.95, 1};

/* Up to 10 points; coarse, so that ties occur. */
static size_t draw(double *f, size_t m, uint64_t *seed)
{
    size_t n = 1 + next_random(seed) % 10;
    for (size_t i = 0; i < n * m; i++)
        f[i] = (double)(next_random(seed) % 12) / 11;
    return n;
}

static void hypervolume_equals_inclusion_and_exclusion(void)
{
    uint64_t seed = 3;
    for (size_t trial = 0; trial < 400; trial++) {
        size_t m = 1 + trial % 4;
        double f[40];
        size_t n = draw(f, m, &seed);
        CU_ASSERT_DOUBLE_EQUAL(haq_hypervolume(f, n, m, edge),
                               by_subsets(f, n, m, edge), 1e-9);
    }
}

static void the_gain_is_the_difference_of_two_volumes(void)
{
    uint64_t seed = 8;
    for (size_t trial = 0; trial < 400; trial++) {
        size_t m = 1 + trial % 4;
        double f[40];
        size_t n = draw(f, m, &seed) - 1;
        double before = haq_hypervolume(f, n, m, edge);
        double after = haq_hypervolume(f, n + 1, m, edge);
        CU_ASSERT_DOUBLE_EQUAL(haq_hypervolume_gain(f, n, m, edge, f + n * m),
                               after - before, 1e-12);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(hypervolumes_by_hand),
        HAQ_TEST(points_beyond_the_reference_add_nothing),
        HAQ_TEST(hypervolume_equals_inclusion_and_exclusion),
        HAQ_TEST(the_gain_is_the_difference_of_two_volumes),
        CU_TEST_INFO_NULL,
    };
    return run_suite("hypervolume", tests);
}
