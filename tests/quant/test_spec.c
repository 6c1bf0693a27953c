#include <string.h>

#include "quant/spec.h"
#include "tests/suite.h"

static void words_for_weights_read_back_as_canonical_words(void)
{
    static const char *const pairs[][2] = {
        {"int4", "int4:channel"},
        {"int4:channel", "int4:channel"},
        {"int8:tensor", "int8:tensor"},
        {"int3:group32", "int3:group32"},
        {"uint4:group64", "uint4:group64"},
        {"int2:full", "int2:channel:full"},
        {"int2:group16:full", "int2:group16:full"},
        {"ternary", "ternary:channel"},
        {"ternary:tensor", "ternary:tensor"},
        {"binary:group128", "binary:group128"},
        {"int8:pow2", "int8:channel:pow2"},
        {"uint4:group32:pow2", "uint4:group32:pow2"},
        {"int2:group1048576:full:pow2", "int2:group1048576:full:pow2"},
        {"nf4", "nf4:group64"},
        {"nf4:channel", "nf4:channel"},
        {"fp8_e4m3", "fp8_e4m3:channel"},
        {"fp4_e2m1:group32", "fp4_e2m1:group32"},
        {"cb4", "cb4:tensor"},
        {"cb3:group64", "cb3:group64"},
        {"bf16", "bf16"},
        {"mxfp4", "mxfp4"},
        {"mxfp4:group32", "mxfp4"},
        {"nvfp4:group16", "nvfp4"},
        {"float", "float"},
        {"fp32", "float"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct haq_weight_spec s, again;
        char text[HAQ_SPEC_TEXT];
        CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&s, pairs[i][0], NULL),
                              HAQ_OK);
        haq_weight_spec_text(text, &s);
        CU_ASSERT_STRING_EQUAL(text, pairs[i][1]);
        CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&again, text, NULL),
                              HAQ_OK);
        CU_ASSERT_PTR_EQUAL(s.format, again.format);
        CU_ASSERT_EQUAL(s.granularity, again.granularity);
        CU_ASSERT_EQUAL(s.group, again.group);
        CU_ASSERT_EQUAL(s.full_range, again.full_range);
        CU_ASSERT_EQUAL(s.pow2, again.pow2);
    }
}

static void words_for_activations_default_to_static(void)
{
    static const char *const pairs[][2] = {
        {"uint8", "uint8:static"},          {"int8:static", "int8:static"},
        {"uint8:dynamic", "uint8:dynamic"}, {"float", "float"},
        {"uint4", "uint4:static"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct haq_act_spec s;
        char text[HAQ_SPEC_TEXT];
        CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&s, pairs[i][0], NULL),
                              HAQ_OK);
        haq_act_spec_text(text, &s);
        CU_ASSERT_STRING_EQUAL(text, pairs[i][1]);
    }
}

static void wrong_words_are_refused_with_what_there_is(void)
{
    static const char *const weights[] = {"int9",
                                          "",
                                          "int4:rows",
                                          "int4:group20",
                                          "int4:group0",
                                          "int4:group",
                                          "int4:group-32",
                                          "uint4:full",
                                          "float:channel",
                                          "int4:full:x",
                                          "int4:group9999999",
                                          "int4:tensor:x",
                                          "int4:group32x",
                                          "ternary:full",
                                          "binary:channel:full",
                                          "nf4:full",
                                          "nf4:pow2",
                                          "ternary:pow2",
                                          "int8:pow2:full",
                                          "bf16:channel",
                                          "mxfp4:group64",
                                          "nvfp4:channel",
                                          "cb7",
                                          "a:b:c:d:e:f"};
    struct haq_weight_spec w;
    struct haq_act_spec a;
    struct haq_diag d;
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
        CU_ASSERT_EQUAL(haq_weight_spec_parse(&w, weights[i], &d), HAQ_USAGE);
    haq_weight_spec_parse(&w, "int9", &d);
    CU_ASSERT(strstr(d.text, "int9") && strstr(d.text, "uint8"));
    CU_ASSERT_EQUAL(haq_act_spec_parse(&a, "uint8:later", &d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_act_spec_parse(&a, "int16", &d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_act_spec_parse(&a, "float:static", &d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_act_spec_parse(&a, "ternary", &d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_act_spec_parse(&a, "bf16", &d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_act_spec_parse(&a, "binary:dynamic", &d), HAQ_USAGE);
    CU_ASSERT(strstr(d.text, "weights alone") != NULL);
}

static void weights_are_narrow_unless_full_or_unsigned(void)
{
    static const struct {
        const char *text;
        int lo, hi;
    } want[] = {{"int2", -1, 1},     {"int2:full", -2, 1}, {"int4", -7, 7},
                {"int8", -127, 127}, {"uint4", 0, 15},     {"ternary", -1, 1},
                {"binary", -1, 1}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct haq_weight_spec s;
        int lo, hi;
        CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&s, want[i].text, NULL),
                              HAQ_OK);
        haq_weight_range(&s, &lo, &hi);
        CU_ASSERT_EQUAL(lo, want[i].lo);
        CU_ASSERT_EQUAL(hi, want[i].hi);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(words_for_weights_read_back_as_canonical_words),
        HAQ_TEST(words_for_activations_default_to_static),
        HAQ_TEST(wrong_words_are_refused_with_what_there_is),
        HAQ_TEST(weights_are_narrow_unless_full_or_unsigned),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/spec", tests);
}
