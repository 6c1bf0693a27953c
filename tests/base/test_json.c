#include "base/json.h"

#include <math.h>
#include <string.h>

#include "tests/suite.h"

static struct haq_diag d;

static json_t *parse(const char *text)
{
    json_t *v = NULL;
    haq_json_parse("text", text, strlen(text), &v, &d);
    return v;
}

static void expect_canonical(const char *in, const char *want)
{
    json_t *v = parse(in);
    size_t len;
    CU_ASSERT_PTR_NOT_NULL_FATAL(v);
    char *got = haq_json_canonical(v, &len);
    CU_ASSERT_STRING_EQUAL(got, want);
    CU_ASSERT_EQUAL(len, strlen(want));
    free(got);
    json_decref(v);
}

static void keys_are_sorted_and_space_is_dropped(void)
{
    expect_canonical("{ \"b\" : [ 1 , {} ],\n \"a\":{\"z\":null,\"Z\":true} }",
                     "{\"a\":{\"Z\":true,\"z\":null},\"b\":[1,{}]}");
    expect_canonical("[]", "[]");
    expect_canonical("{\"\\u20ac\":1,\"aa\":2,\"a\":3}",
                     "{\"a\":3,\"aa\":2,\"\xe2\x82\xac\":1}");
}

static void strings_escape_no_more_than_they_must(void)
{
    expect_canonical("[\"\\u00e9\\n\\u0001\\\"\\\\\\/\"]",
                     "[\"\xc3\xa9\\n\\u0001\\\"\\\\/\"]");
}

/* Digits from RFC 8785, appendix B; our notation keeps reals real. */
static void reals_use_the_fewest_digits(void)
{
    static const struct {
        uint64_t bits;
        const char *text;
    } rows[] = {
        {0x0000000000000000, "[0.0]"},
        {0x8000000000000000, "[-0.0]"},
        {0x0000000000000001, "[5e-324]"},
        {0x7fefffffffffffff, "[1.7976931348623157e+308]"},
        {0x4340000000000000, "[9007199254740992.0]"},
        {0x4430000000000000, "[2.9514790517935283e+20]"},
        {0x44b52d02c7e14af5, "[9.999999999999997e+22]"},
        {0x444b1ae4d6e2ef50, "[1e+21]"},
        {0x41b3de4355555553, "[333333333.3333332]"},
        {0x41b3de4355555556, "[333333333.3333334]"},
        {0x41b3de4355555557, "[333333333.33333343]"},
        {0xbecbf647612f3696, "[-3.3333333333333333e-06]"},
        {0x3fb999999999999a, "[0.1]"},
        {0x4024000000000000, "[10.0]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double v;
        memcpy(&v, &rows[i].bits, sizeof v);
        json_t *a = json_array();
        json_array_append_new(a, json_real(v));
        char *text = haq_json_canonical(a, NULL);
        if (strcmp(text, rows[i].text))
            printf("\n  %s\n", text);
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
        free(text);
        json_decref(a);
    }
}

static void canonical_text_is_a_fixed_point(void)
{
    uint64_t rng = 5;
    for (int i = 0; i < 2000; i++) {
        uint64_t bits = next_random(&rng);
        double v;
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        json_t *a = json_pack("[f]", v);
        char *text = haq_json_canonical(a, NULL);
        json_t *b = parse(text);
        CU_ASSERT(json_is_real(json_array_get(b, 0)));
        CU_ASSERT_EQUAL(json_real_value(json_array_get(b, 0)), v);
        expect_canonical(text, text);
        free(text);
        json_decref(a);
        json_decref(b);
    }
}

static void integers_are_kept_in_full(void)
{
    expect_canonical("[9223372036854775807,-9223372036854775808]",
                     "[9223372036854775807,-9223372036854775808]");
}

static void pretty_text_is_for_people(void)
{
    json_t *v = parse("{\"b\":[1,2.50],\"a\":{},\"c\":[]}");
    char *text = haq_json_pretty(v, NULL);
    CU_ASSERT_STRING_EQUAL(text,
                           "{\n  \"a\": {},\n  \"b\": [\n    1,\n    2.5\n"
                           "  ],\n  \"c\": []\n}\n");
    free(text);
    json_decref(v);
}

static void errors_name_the_place(void)
{
    json_t *v;
    CU_ASSERT_EQUAL(haq_json_parse("r.json", "{\"a\":1,\n\"b\":}", 13, &v, &d),
                    HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "r.json, line 2, column"));
    CU_ASSERT_PTR_NULL(parse("{\"a\":1,\"a\":2}"));
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "duplicate"));
    CU_ASSERT_PTR_NULL(parse("[1] behind"));
    CU_ASSERT_PTR_NULL(parse("[\"\xff\"]"));
    CU_ASSERT_PTR_NULL(parse("[1e999]"));
    CU_ASSERT_EQUAL(haq_json_read("/nonexistent.json", &v, &d), HAQ_INVALID);
}

static void members_are_fetched_with_their_type(void)
{
    json_t *o = parse("{\"s\":\"x\",\"i\":3,\"r\":1.5,\"a\":[],\"o\":{}}"), *v;
    const char *s;
    int64_t i;
    double r;

    CU_ASSERT_EQUAL(haq_json_get_str(o, "f", "s", &s, &d), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(s, "x");
    CU_ASSERT_EQUAL(haq_json_get_int(o, "f", "i", &i, &d), HAQ_OK);
    CU_ASSERT_EQUAL(i, 3);
    CU_ASSERT_EQUAL(haq_json_get_real(o, "f", "r", &r, &d), HAQ_OK);
    CU_ASSERT_EQUAL(r, 1.5);
    CU_ASSERT_EQUAL(haq_json_get_real(o, "f", "i", &r, &d), HAQ_OK);
    CU_ASSERT_EQUAL(r, 3);
    CU_ASSERT_EQUAL(haq_json_get_array(o, "f", "a", &v, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_json_get_object(o, "f", "o", &v, &d), HAQ_OK);

    CU_ASSERT_EQUAL(haq_json_get_int(o, "f", "r", &i, &d), HAQ_FORMAT);
    CU_ASSERT_STRING_EQUAL(d.text, "f: r: not an integer");
    CU_ASSERT_EQUAL(haq_json_get_str(o, "f", "no", &s, &d), HAQ_FORMAT);
    CU_ASSERT_STRING_EQUAL(d.text, "f: no: missing");
    CU_ASSERT_EQUAL(haq_json_get_object(o, "f", "a", &v, &d), HAQ_FORMAT);
    CU_ASSERT_EQUAL(haq_json_get_str(NULL, "f", "s", &s, &d), HAQ_FORMAT);
    json_decref(o);
}

static void numbers_that_json_lacks_become_null(void)
{
    json_t *v = json_pack("[o,o,o]", haq_json_real(NAN),
                          haq_json_real(INFINITY), haq_json_real(2));
    char *text = haq_json_canonical(v, NULL);
    CU_ASSERT_STRING_EQUAL(text, "[null,null,2.0]");
    free(text);
    json_decref(v);
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(keys_are_sorted_and_space_is_dropped),
                           HAQ_TEST(strings_escape_no_more_than_they_must),
                           HAQ_TEST(reals_use_the_fewest_digits),
                           HAQ_TEST(canonical_text_is_a_fixed_point),
                           HAQ_TEST(integers_are_kept_in_full),
                           HAQ_TEST(pretty_text_is_for_people),
                           HAQ_TEST(errors_name_the_place),
                           HAQ_TEST(members_are_fetched_with_their_type),
                           HAQ_TEST(numbers_that_json_lacks_become_null),
                           CU_TEST_INFO_NULL};
    return run_suite("json", tests);
}
