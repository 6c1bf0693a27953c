#include "search/pareto.h"

#include <math.h>
#include <string.h>

#include "tests/suite.h"

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
        HAQ_TEST(equal_points_stay_once),
        HAQ_TEST(points_that_are_not_allowed_neither_stay_nor_push_out),
        HAQ_TEST(any_prefix_of_a_spread_covers_the_front),
        CU_TEST_INFO_NULL,
    };
    return run_suite("pareto", tests);
}
