#include <math.h>
#include <string.h>

#include "quant/input_stats.h"
#include "tests/suite.h"

/* Statistics of a layer whose channel c holds -reach .. reach, 100 values. */
static struct haq_input_stats made(struct haq_channel_stats *channel,
                                   const float *reach, size_t n, double std)
{
    struct haq_input_stats s = {.layer = "l",
                                .tensor = "t",
                                .channel = channel,
                                .channels = n,
                                .count = 100 * n};
    for (size_t c = 0; c < n; c++)
        channel[c] = (struct haq_channel_stats){
            .min = -reach[c], .max = reach[c], .std = std};
    haq_input_stats_spread(&s);
    CU_ASSERT_EQUAL_FATAL(haq_input_stats_sum(&s, NULL), HAQ_OK);
    return s;
}

static void spread_of_the_whole_follows_from_the_channels(void)
{
    /* Two channels: {1, 3} and {5, 5}; all four: mean 3.5, variance 2.75. */
    struct haq_channel_stats c[] = {{.min = 1, .max = 3, .mean = 2, .std = 1},
                                    {.min = 5, .max = 5, .mean = 5, .std = 0}};
    struct haq_input_stats s = {.channel = c, .channels = 2, .count = 4};
    c[1].big = 0, c[1].far = 1, c[0].big = 2;
    haq_input_stats_spread(&s);
    CU_ASSERT_DOUBLE_EQUAL(s.mean, 3.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(s.std, sqrt(2.75), 1e-12);
    CU_ASSERT_EQUAL_FATAL(haq_input_stats_sum(&s, NULL), HAQ_OK);
    CU_ASSERT(s.min == 1 && s.max == 5);
    CU_ASSERT(s.far_ratio == 0.25 && s.big_ratio == 0.5);
    CU_ASSERT(s.big_channels == 1 && s.zero_channels == 0);
}

static void worst_channels_come_furthest_first(void)
{
    static const float reach[] = {1, 7, 0, 3, 9, 7};
    struct haq_channel_stats c[6];
    size_t worst[6];
    struct haq_input_stats s = made(c, reach, 6, 1);
    CU_ASSERT_EQUAL(haq_input_stats_worst(&s, worst, 3), 3);
    CU_ASSERT(worst[0] == 4 && worst[1] == 1 && worst[2] == 5);
    CU_ASSERT_EQUAL(haq_input_stats_worst(&s, worst, 1), 1);
    CU_ASSERT_EQUAL(worst[0], 4);
    CU_ASSERT_EQUAL(haq_input_stats_worst(&s, worst, 6), 6);
    CU_ASSERT_EQUAL(worst[5], 2);
    CU_ASSERT_EQUAL(haq_input_stats_worst(&s, worst, 0), 0);
}

static void advised(const float *reach, size_t n, double std, const char *want)
{
    struct haq_channel_stats c[8];
    char advice[120];
    struct haq_input_stats s = made(c, reach, n, std);
    haq_input_stats_advice(&s, advice, sizeof advice);
    CU_ASSERT(*want ? strstr(advice, want) != NULL : !*advice);
}

static void advice_names_what_stands_out(void)
{
    static const float even[] = {3, 4, 3, 4}, one[] = {3, 4, 90, 4},
                       dead[] = {3, 0, 0, 4}, none[] = {0, 0, 0, 0};
    advised(even, 4, 1, "");
    advised(one, 4, 9, "few channels");
    advised(dead, 4, 1, "2 channels are always 0");
    advised(none, 4, 0, "constant");
    advised(even, 4, 0.1, "outliers cost 2.7 bits"); /* log2(8 / 1.2) */
}

static void dead_channels_do_not_count_in_the_median(void)
{
    static const float reach[] = {0, 0, 0, 0, 2, 4, 8};
    struct haq_channel_stats c[7];
    struct haq_input_stats s = made(c, reach, 7, 1);
    CU_ASSERT(s.zero_channels == 4);
    CU_ASSERT_EQUAL(s.range_ratio, 2);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(spread_of_the_whole_follows_from_the_channels),
        HAQ_TEST(worst_channels_come_furthest_first),
        HAQ_TEST(advice_names_what_stands_out),
        HAQ_TEST(dead_channels_do_not_count_in_the_median),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/input_stats", tests);
}
