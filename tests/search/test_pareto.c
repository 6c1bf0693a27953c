#include "search/pareto.h"

#include <math.h>
#include <string.h>

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

static void hypervolume_equals_inclusion_and_exclusion(void)
{
    const double edge[] = {1, 0.9, 0.95};
    uint64_t seed = 3;
    for (int trial = 0; trial < 200; trial++) {
        size_t m = 1 + (size_t)trial % 3, n = 1 + next_random(&seed) % 10;
        double f[30];
        for (size_t i = 0; i < n * m; i++) /* coarse, so that ties occur */
            f[i] = (double)(next_random(&seed) % 12) / 11;
        CU_ASSERT_DOUBLE_EQUAL(haq_hypervolume(f, n, m, edge),
                               by_subsets(f, n, m, edge), 1e-9);
    }
}

static void equal_points_stay_once(void)
{
    const double f[] = {1, 2, 2, 1, 1, 2, 2, 2};
    const double violation[] = {0, 0, 0, -1};
    bool keep[4];
    CU_ASSERT(haq_nondominated(f, violation, 4, 2, keep) == 2);
    CU_ASSERT(keep[0] && keep[1] && !keep[2] && !keep[3]);
}

static void points_that_are_not_allowed_neither_stay_nor_push_out(void)
{
    const double f[] = {1, 1, 2, 2, 0, 0};
    const double violation[] = {0.5, 0, INFINITY};
    bool keep[3];
    CU_ASSERT(haq_nondominated(f, violation, 3, 2, keep) == 1);
    CU_ASSERT(keep[1]);
}

static void any_prefix_of_a_spread_covers_the_front(void)
{
    double f[200];
    size_t index[100];
    for (size_t i = 0; i < 100; i++) {
        f[2 * i] = (double)(i * i);
        f[2 * i + 1] = -(double)i;
        index[i] = i;
    }
    CU_ASSERT(haq_spread_order(f, 2, index, 100));
    for (size_t n = 10; n <= 40; n += 10) {
        bool in[100] = {false};
        size_t gap = 0, widest = 0;
        for (size_t i = 0; i < n; i++)
            in[index[i]] = true;
        for (size_t i = 0; i < 100; i++) {
            gap = in[i] ? 0 : gap + 1;
            widest = gap > widest ? gap : widest;
        }
        CU_ASSERT(in[0] && in[99]);
        CU_ASSERT(widest <= 350 / n);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(hypervolumes_by_hand),
        HAQ_TEST(points_beyond_the_reference_add_nothing),
        HAQ_TEST(hypervolume_equals_inclusion_and_exclusion),
        HAQ_TEST(equal_points_stay_once),
        HAQ_TEST(points_that_are_not_allowed_neither_stay_nor_push_out),
        HAQ_TEST(any_prefix_of_a_spread_covers_the_front),
        CU_TEST_INFO_NULL,
    };
    return run_suite("pareto", tests);
}
