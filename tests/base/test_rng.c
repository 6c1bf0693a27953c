#include "base/rng.h"

#include <math.h>

#include "tests/suite.h"

/* Published outputs: splitmix64 from 0, xoshiro256** from the state 1 2 3 4. */
static void the_stream_is_the_published_one(void)
{
    struct haq_rng r;
    haq_rng_seed(&r, 0);
    CU_ASSERT_EQUAL(r.s[0], 0xe220a8397b1dcdaf);
    CU_ASSERT_EQUAL(r.s[1], 0x6e789e6aa1b965f4);
    CU_ASSERT_EQUAL(r.s[2], 0x06c45d188009454f);
    CU_ASSERT_EQUAL(r.s[3], 0xf88bb8a8724c81ec);

    r = (struct haq_rng){{1, 2, 3, 4}};
    CU_ASSERT_EQUAL(haq_rng_next(&r), 11520);
    CU_ASSERT_EQUAL(haq_rng_next(&r), 0);
    CU_ASSERT_EQUAL(haq_rng_next(&r), 1509978240);
    CU_ASSERT_EQUAL(haq_rng_next(&r), 1215971899390074240);
}

/* Chi-squared of 100,000 draws over 7 cells, 6 degrees of freedom: above 22.5
 * with probability 0.001. */
static void bounded_draws_are_uniform(void)
{
    enum { CELLS = 7, DRAWS = 100000 };
    struct haq_rng r;
    double count[CELLS] = {0}, chi = 0, each = (double)DRAWS / CELLS;

    haq_rng_seed(&r, 1);
    for (int i = 0; i < DRAWS; i++)
        count[haq_rng_below(&r, CELLS)]++;
    for (int i = 0; i < CELLS; i++)
        chi += (count[i] - each) * (count[i] - each) / each;
    CU_ASSERT(chi < 22.5);
    CU_ASSERT_EQUAL(haq_rng_below(&r, 1), 0);
}

static void units_and_normals_have_their_moments(void)
{
    enum { DRAWS = 200000 };
    struct haq_rng r;
    double unit = 0, mean = 0, square = 0, fourth = 0;

    haq_rng_seed(&r, 2);
    for (int i = 0; i < DRAWS; i++) {
        double u = haq_rng_unit(&r), x = haq_rng_normal(&r);
        CU_ASSERT_FATAL(u >= 0 && u < 1);
        unit += u, mean += x, square += x * x, fourth += x * x * x * x;
    }
    CU_ASSERT_DOUBLE_EQUAL(unit / DRAWS, 0.5, 0.003);
    CU_ASSERT_DOUBLE_EQUAL(mean / DRAWS, 0, 0.01);
    CU_ASSERT_DOUBLE_EQUAL(square / DRAWS, 1, 0.015);
    CU_ASSERT_DOUBLE_EQUAL(fourth / DRAWS, 3, 0.1);
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(the_stream_is_the_published_one),
                           HAQ_TEST(bounded_draws_are_uniform),
                           HAQ_TEST(units_and_normals_have_their_moments),
                           CU_TEST_INFO_NULL};
    return run_suite("rng", tests);
}
