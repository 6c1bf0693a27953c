#include "hwprofiles/cpuset.h"

#include <string.h>

#include "tests/suite.h"

static void expect(bool good, const struct haq_cpuset *s, const char *text)
{
    char got[200];
    CU_ASSERT(good);
    haq_cpuset_text(got, sizeof got, s);
    CU_ASSERT_STRING_EQUAL(got, text);
}

static void lists_are_read(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"0-3,8", "0-3,8"}, {"5", "5"},        {"", ""},
                 {"\n", ""},         {"1,0\n", "0-1"},  {"63-65", "63-65"},
                 {"8191", "8191"},   {"0-1,1-2", "0-2"}};
    struct haq_cpuset s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(haq_cpuset_parse_list(&s, cases[i].in), &s, cases[i].out);
}

static void masks_are_read(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"0x00000003", "0-1"},
                 {"0x00000001,0x80000000", "31-32"},
                 {"0x00000001,,0x00000001", "0,64"},
                 {"0x0", ""},
                 {"0xffffffff,0xffffffff", "0-63"}};
    struct haq_cpuset s;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(haq_cpuset_parse_mask(&s, cases[i].in), &s, cases[i].out);
}

static void other_texts_are_refused(void)
{
    static const char *const lists[] = {
        "a", "1-", "3-1", "-1", "1 2", "8192", "0-9999999999999", "1;2", "0x3"};
    static const char *const masks[] = {"0xf...f",     "3",   "0x",
                                        "0x123456789", "0xg", "0x1 "};
    char many[4000];
    struct haq_cpuset s;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        CU_ASSERT_FALSE(haq_cpuset_parse_list(&s, lists[i]));
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        CU_ASSERT_FALSE(haq_cpuset_parse_mask(&s, masks[i]));
    /* CPU 3996 * 32: far beyond the last that there can be. */
    memset(many, ',', sizeof many);
    memcpy(many, "0x1", 3);
    many[sizeof many - 1] = 0;
    CU_ASSERT_FALSE(haq_cpuset_parse_mask(&s, many));
}

static void sets_meet(void)
{
    struct haq_cpuset a, b;
    CU_ASSERT(haq_cpuset_parse_list(&a, "0-7,100"));
    CU_ASSERT(haq_cpuset_parse_list(&b, "4-11,100,200"));
    haq_cpuset_and(&a, &b);
    expect(true, &a, "4-7,100");
    CU_ASSERT_EQUAL(haq_cpuset_count(&a), 5);
    CU_ASSERT(haq_cpuset_has(&a, 100));
    CU_ASSERT_FALSE(haq_cpuset_has(&a, HAQ_CPUS_MAX));
    haq_cpuset_all(&b);
    haq_cpuset_and(&a, &b);
    expect(true, &a, "4-7,100");
}

static void a_text_that_does_not_fit_is_cut(void)
{
    struct haq_cpuset s;
    char small[6];
    CU_ASSERT(haq_cpuset_parse_list(&s, "100-200,300-400"));
    haq_cpuset_text(small, sizeof small, &s);
    CU_ASSERT_STRING_EQUAL(small, "100-2");
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(lists_are_read),
                           HAQ_TEST(masks_are_read),
                           HAQ_TEST(other_texts_are_refused),
                           HAQ_TEST(sets_meet),
                           HAQ_TEST(a_text_that_does_not_fit_is_cut),
                           CU_TEST_INFO_NULL};
    return run_suite("hwprofiles/cpuset", tests);
}
