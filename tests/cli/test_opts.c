#include <string.h>

#include "cli/cli.h"
#include "graph/onnx_import.h"
#include "tests/suite.h"

static const struct haq_command self = {"test", "MODEL", "a test", "haq test",
                                        NULL};

struct parsed {
    struct haq_common common;
    bool flag;
    const char *text, *pos[2];
    struct haq_opt_list list;
    size_t count;
    double real, bytes, seconds;
    struct haq_diag d;
};

static haq_status parse(struct parsed *p, int argc, const char *const *words)
{
    const struct haq_opt opts[] = {
        {"flag", 'f', HAQ_OPT_FLAG, &p->flag, NULL, ""},
        {"text", 'x', HAQ_OPT_TEXT, &p->text, "T", ""},
        {"list", 0, HAQ_OPT_LIST, &p->list, "L", ""},
        {"count", 0, HAQ_OPT_COUNT, &p->count, "N", ""},
        {"real", 0, HAQ_OPT_REAL, &p->real, "R", ""},
        {"bytes", 0, HAQ_OPT_BYTES, &p->bytes, "B", ""},
        {"time", 0, HAQ_OPT_DURATION, &p->seconds, "D", ""}};
    char *argv[16];

    memset(p, 0, sizeof *p);
    haq_common_init(&p->common);
    for (int i = 0; i < argc; i++)
        argv[i] = strdup(words[i]);
    haq_status s = haq_opts_parse(&self, opts, sizeof opts / sizeof *opts,
                                  &p->common, argc, argv, p->pos, 1, 2, &p->d);
    if (p->pos[0])
        p->pos[0] = strcmp(p->pos[0], "m.onnx") ? "other" : "m.onnx";
    if (p->text)
        p->text = strcmp(p->text, "hello") ? "other" : "hello";
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return s;
}

#define PARSE(p, ...)                                                          \
    parse(p, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)),    \
          (const char *[]){__VA_ARGS__})

static void options_stand_anywhere_and_take_both_spellings(void)
{
    struct parsed p;
    CU_ASSERT_EQUAL(PARSE(&p, "test", "--count=3", "m.onnx", "-f", "-x",
                          "hello", "--list", "a", "--list", "b"),
                    HAQ_OK);
    CU_ASSERT(p.flag);
    CU_ASSERT_EQUAL(p.count, 3);
    CU_ASSERT_EQUAL(p.list.n, 2);
    CU_ASSERT_STRING_EQUAL(p.text, "hello");
    CU_ASSERT_STRING_EQUAL(p.pos[0], "m.onnx");
}

static void sizes_and_durations_have_suffixes(void)
{
    struct parsed p;
    CU_ASSERT_EQUAL(PARSE(&p, "test", "m.onnx", "--bytes", "1.5M", "--time",
                          "10m", "--real", "-0.5"),
                    HAQ_OK);
    CU_ASSERT_EQUAL(p.bytes, 1.5e6);
    CU_ASSERT_EQUAL(p.seconds, 600);
    CU_ASSERT_EQUAL(p.real, -0.5);
}

static void everything_else_is_refused_with_the_word_that_was_wrong(void)
{
    struct parsed p;
    CU_ASSERT_EQUAL(PARSE(&p, "test", "m.onnx", "--nope"), HAQ_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(p.d.text, "--nope"));
    CU_ASSERT_EQUAL(PARSE(&p, "test", "m.onnx", "--count", "-3"), HAQ_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(p.d.text, "-3"));
    CU_ASSERT_EQUAL(PARSE(&p, "test", "m.onnx", "--time", "10x"), HAQ_USAGE);
    CU_ASSERT_EQUAL(PARSE(&p, "test", "m.onnx", "--real", "nan"), HAQ_USAGE);
    CU_ASSERT_EQUAL(PARSE(&p, "test", "m.onnx", "--count"), HAQ_USAGE);
    CU_ASSERT_EQUAL(PARSE(&p, "test", "m.onnx", "--flag=1"), HAQ_USAGE);
    CU_ASSERT_EQUAL(PARSE(&p, "test"), HAQ_USAGE);
    CU_ASSERT_EQUAL(PARSE(&p, "test", "a", "b", "c"), HAQ_USAGE);
}

static void dimensions_are_named_numbers(void)
{
    struct haq_arena arena = {0};
    struct haq_dim_binding out[2];
    struct haq_opt_list good = {{"H=32", "seq len=128"}, 2};
    struct haq_opt_list bad = {{"H=0"}, 1}, worse = {{"=3"}, 1};

    CU_ASSERT_EQUAL(haq_parse_dims(out, &good, &arena, NULL), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(out[1].name, "seq len");
    CU_ASSERT_EQUAL(out[1].size, 128);
    CU_ASSERT_EQUAL(haq_parse_dims(out, &bad, &arena, NULL), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_parse_dims(out, &worse, &arena, NULL), HAQ_USAGE);
    haq_arena_fini(&arena);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(options_stand_anywhere_and_take_both_spellings),
        HAQ_TEST(sizes_and_durations_have_suffixes),
        HAQ_TEST(everything_else_is_refused_with_the_word_that_was_wrong),
        HAQ_TEST(dimensions_are_named_numbers), CU_TEST_INFO_NULL};
    return run_suite("cli/opts", tests);
}
