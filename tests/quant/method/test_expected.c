/* Means of clamped normal numbers: fact sheet 11, and what integrating them
 * numerically gives. */
#include "quant/method/expected.h"

#include <math.h>

#include "tests/suite.h"

static void the_vectors_of_the_fact_sheet(void)
{
    const struct haq_clamp relu = {0, INFINITY}, relu6 = {0, 6};
    CU_ASSERT_DOUBLE_EQUAL(haq_clamped_mean(0.5, 1.2, &relu), 0.769696279941,
                           1e-12);
    CU_ASSERT_DOUBLE_EQUAL(haq_clamped_mean(0.5, 1.2, &relu6), 0.769695727686,
                           1e-12);
}

static double integrated(double mean, double deviation,
                         const struct haq_clamp *c)
{
    enum { STEPS = 200000 };
    double sum = 0, h = 20.0 / STEPS;
    for (int i = 0; i < STEPS; i++) {
        double z = -10 + (i + 0.5) * h, x = mean + deviation * z;
        x = fmin(fmax(x, (double)c->lo), (double)c->hi);
        sum += x * exp(-z * z / 2) / sqrt(2 * M_PI) * h;
    }
    return sum;
}

static void the_integral(void)
{
    static const struct haq_clamp clamps[] = {{-INFINITY, INFINITY},
                                              {0, INFINITY},
                                              {0, 6},
                                              {-1, 0.5F},
                                              {-INFINITY, 0}};
    for (size_t i = 0; i < sizeof clamps / sizeof *clamps; i++)
        for (int m = -3; m <= 3; m++) {
            double want = integrated(m, 0.7 + (double)i, &clamps[i]);
            double have = haq_clamped_mean(m, 0.7 + (double)i, &clamps[i]);
            CU_ASSERT_DOUBLE_EQUAL(have, want, 1e-5);
        }
}

static void numbers_that_never_vary(void)
{
    const struct haq_clamp relu = {0, INFINITY};
    CU_ASSERT_EQUAL(haq_clamped_mean(-2, 0, &relu), 0);
    CU_ASSERT_EQUAL(haq_clamped_mean(3, 0, &relu), 3);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(the_vectors_of_the_fact_sheet),
        HAQ_TEST(the_integral),
        HAQ_TEST(numbers_that_never_vary),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/method/expected", tests);
}
