#include "base/cusum.h"

#include "base/rng.h"
#include "tests/suite.h"

/* Values until the alarm, of a series whose level is `level` sd off. */
static double mean_run_length(double level, int trials)
{
    struct haq_rng r;
    double sum = 0;
    haq_rng_seed(&r, 5);
    for (int t = 0; t < trials; t++) {
        struct haq_cusum c;
        int n = 1;
        haq_cusum_init(&c, 2, 0.1);
        while (!haq_cusum_add(&c, 2 + 0.1 * (level + haq_rng_normal(&r))))
            n++;
        sum += n;
    }
    return sum / trials;
}

/* The run lengths of the textbook (cutting outliers changes them little). */
static void alarms_come_as_late_and_as_soon_as_tabulated(void)
{
    CU_ASSERT_DOUBLE_EQUAL(mean_run_length(0, 2000), 465, 40);
    CU_ASSERT_DOUBLE_EQUAL(mean_run_length(1, 2000), 10.4, 0.5);
    CU_ASSERT_DOUBLE_EQUAL(mean_run_length(2, 2000), 4.01, 0.15);
    CU_ASSERT_DOUBLE_EQUAL(mean_run_length(-2, 2000), 4.01, 0.15);
}

static void one_outlier_is_no_alarm(void)
{
    struct haq_cusum c;
    haq_cusum_init(&c, 0, 1);
    CU_ASSERT(!haq_cusum_add(&c, 1e9));
    CU_ASSERT(!haq_cusum_add(&c, 0));
    CU_ASSERT(!haq_cusum_add(&c, -1e9));
    CU_ASSERT(haq_cusum_add(&c, -4));
}

static void the_alarm_knows_when_it_began(void)
{
    struct haq_cusum c;
    haq_cusum_init(&c, 10, 1);
    for (int i = 0; i < 50; i++)
        CU_ASSERT(!haq_cusum_add(&c, i % 2 ? 10.4 : 9.6));
    CU_ASSERT(!haq_cusum_add(&c, 8));
    CU_ASSERT(!haq_cusum_add(&c, 8));
    CU_ASSERT(!haq_cusum_add(&c, 8));
    CU_ASSERT(haq_cusum_add(&c, 8));
    CU_ASSERT_EQUAL(haq_cusum_since(&c), 4);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(alarms_come_as_late_and_as_soon_as_tabulated),
        HAQ_TEST(one_outlier_is_no_alarm),
        HAQ_TEST(the_alarm_knows_when_it_began), CU_TEST_INFO_NULL};
    return run_suite("cusum", tests);
}
