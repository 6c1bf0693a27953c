#include "cli/progress.h"

#include <string.h>

#include "cli/search_job.h"
#include "tests/suite.h"

static void durations_read_as_people_write_them(void)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "0s"},       {45.4, "45s"},          {59.6, "1m 00s"},
        {192, "3m 12s"}, {3599.7, "1h 00m"},     {7500, "2h 05m"},
        {-3, "0s"},      {1e300, "277777h 46m"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[HAQ_DURATION_TEXT];
        haq_duration_text(text, cases[i].seconds);
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

static void objectives_are_any_subset_by_name(void)
{
    unsigned mask = 0;
    struct haq_diag d = {HAQ_OK, ""};
    CU_ASSERT_EQUAL(haq_objectives_parse(&mask, "accuracy,latency,size", &d),
                    HAQ_OK);
    CU_ASSERT_EQUAL(mask, HAQ_OBJ_ACCURACY | HAQ_OBJ_LATENCY | HAQ_OBJ_SIZE);
    CU_ASSERT_EQUAL(haq_objectives_parse(&mask, "size", &d), HAQ_OK);
    CU_ASSERT_EQUAL(mask, HAQ_OBJ_SIZE);
    CU_ASSERT_EQUAL(haq_objectives_parse(&mask, "speed", &d), HAQ_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "speed"));
    CU_ASSERT_EQUAL(haq_objectives_parse(&mask, "", &d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_objectives_parse(&mask, "size,", &d), HAQ_USAGE);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(durations_read_as_people_write_them),
        HAQ_TEST(objectives_are_any_subset_by_name),
        CU_TEST_INFO_NULL,
    };
    return run_suite("cli/progress", tests);
}
