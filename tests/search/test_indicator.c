#include "search/indicator.h"

#include <math.h>
#include <string.h>

#include "tests/suite.h"

static void igd_plus_by_hand(void)
{
    const double z[] = {0, 4, 2, 2, 4, 0};
    CU_ASSERT(haq_igd_plus(z, 3, z, 3, 2) == 0);
    /* (3, 4): 3 from (0, 4), hypot(1, 2) from (2, 2), 4 from (4, 0). */
    const double far[] = {3, 4};
    CU_ASSERT_DOUBLE_EQUAL(haq_igd_plus(far, 1, z, 3, 2), (7 + sqrt(5)) / 3,
                           1e-12);
    /* Being better costs nothing: that is the plus. */
    const double better[] = {-1, -1};
    CU_ASSERT(haq_igd_plus(better, 1, z, 3, 2) == 0);
    CU_ASSERT(isinf(haq_igd_plus(z, 0, z, 3, 2)));
}

/* Three runs: two points, one, and one run that found nothing. */
static const double points[] = {1, 3, 3, 1, 2, 2};
static const size_t end[] = {2, 3, 3};
static const struct haq_fronts runs = {points, end, 3, 2};

static void attained_counts_runs_not_points(void)
{
    const double x[][2] = {{0, 9}, {1, 3}, {2, 2}, {3, 3}, {9, 1}};
    const size_t want[] = {0, 1, 1, 2, 1};
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT(haq_attained(&runs, x[i]) == want[i]);
}

static void surfaces_by_hand(void)
{
    const double best[] = {1, 3, 2, 2, 3, 1}, both[] = {2, 3, 3, 2};
    double out[6];
    size_t n;
    CU_ASSERT(haq_attainment_surface(&runs, 1, out, &n));
    CU_ASSERT(n == 3 && !memcmp(out, best, sizeof best));
    CU_ASSERT(haq_attainment_surface(&runs, 2, out, &n));
    CU_ASSERT(n == 2 && !memcmp(out, both, sizeof both));
    CU_ASSERT(haq_attainment_surface(&runs, 3, out, &n) && n == 0);
}

/* On random runs, with ties: a point is attained by `level` runs exactly when
 * the level's surface covers it. */
static void surfaces_agree_with_counting(void)
{
    uint64_t seed = 4;
    for (int trial = 0; trial < 50; trial++) {
        double f[40], out[40];
        size_t ends[5], n = 0;
        for (size_t r = 0; r < 5; r++)
            ends[r] = n += next_random(&seed) % 5;
        for (size_t i = 0; i < 2 * n; i++)
            f[i] = (double)(next_random(&seed) % 8);
        struct haq_fronts r = {f, ends, 5, 2};
        for (size_t level = 1; level <= 5; level++) {
            size_t corners, wrong = 0;
            CU_ASSERT_FATAL(haq_attainment_surface(&r, level, out, &corners));
            for (int x = 0; x < 64; x++) {
                const double p[] = {x % 8, x / 8};
                bool in = false;
                for (size_t i = 0; i < corners; i++)
                    in |= out[2 * i] <= p[0] && out[2 * i + 1] <= p[1];
                wrong += in != (haq_attained(&r, p) >= level);
            }
            CU_ASSERT(!wrong);
        }
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(igd_plus_by_hand), HAQ_TEST(attained_counts_runs_not_points),
        HAQ_TEST(surfaces_by_hand), HAQ_TEST(surfaces_agree_with_counting),
        CU_TEST_INFO_NULL,
    };
    return run_suite("indicator", tests);
}
