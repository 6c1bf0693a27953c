#include "cli/bench_results.h"

#include <math.h>
#include <string.h>

#include "tests/suite.h"

enum { N = 3, PAIRS = 3, ROUNDS = 4 };

/* Three contestants; b is faster than a, c the same as b. */
struct sample {
    struct haq_measured m;
    struct haq_latency latency[N];
    struct haq_pair pair[PAIRS];
    uint32_t disturbed[ROUNDS];
};

static void make(struct sample *s, const char *verdict, const char *reason)
{
    static const struct haq_interval twice = {2, 1.9, 2.1},
                                     half = {0.5, 0.48, 0.52},
                                     same = {1.001, 0.99, 1.01};
    memset(s, 0, sizeof *s);
    for (int i = 0; i < N; i++) {
        s->latency[i] = (struct haq_latency){.ms = {4, 3.9, 4.1},
                                             .ratio = {1, 1, 1},
                                             .mj = NAN,
                                             .rounds = 3,
                                             .verdict = verdict};
        snprintf(s->latency[i].reason, HAQ_REASON, "%s", reason);
    }
    bool believed = strcmp(verdict, "disturbed") != 0;
    s->pair[0] = (struct haq_pair){0, 1, twice, believed};
    s->pair[1] = (struct haq_pair){0, 2, half, believed};
    s->pair[2] = (struct haq_pair){1, 2, same, false};
    s->disturbed[2] = 1u << 2 | 1u << 3;
    s->m = (struct haq_measured){.n = N,
                                 .latency = s->latency,
                                 .pair = s->pair,
                                 .pairs = PAIRS,
                                 .missing = 1u << 5,
                                 .rounds = ROUNDS,
                                 .counted = 3,
                                 .disturbed = s->disturbed};
}

static const char *const names[N] = {"float", "a.json", "b.json"};
static const size_t bytes[N] = {400, 100, 50};
static const struct haq_bench_subject subject = {names, bytes, 2, 1};

static json_t *document(const struct sample *s)
{
    json_t *doc = json_object();
    CU_ASSERT_EQUAL(haq_bench_add(doc, &s->m, &subject, NULL), HAQ_OK);
    return doc;
}

static double end_of(const json_t *o, const char *key, size_t end)
{
    return json_number_value(json_array_get(json_object_get(o, key), end));
}

/* What programs have read from the beginning, and what came to it. */
static void rows_keep_their_keys(void)
{
    static const char *const keys[] = {
        "recipe",     "device",  "threads", "batch",  "latency_ms",  "speedup",
        "speedup_ci", "verdict", "reason",  "caches", "weight_bytes"};
    struct sample s;
    make(&s, "valid", "");
    json_t *doc = document(&s);
    const json_t *row = json_array_get(json_object_get(doc, "results"), 2);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        CU_ASSERT_PTR_NOT_NULL(json_object_get(row, keys[i]));
    CU_ASSERT(json_is_null(json_object_get(row, "energy_mj")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(row, "recipe")),
                           "b.json");
    json_decref(doc);
}

static void the_faster_of_a_pair_comes_first(void)
{
    struct sample s;
    make(&s, "valid", "");
    json_t *doc = document(&s), *pairs = json_object_get(doc, "comparisons");
    const json_t *p = json_array_get(pairs, 0), *q = json_array_get(pairs, 1);
    CU_ASSERT_EQUAL(json_array_size(pairs), PAIRS);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(p, "faster")),
                           "a.json");
    CU_ASSERT_DOUBLE_EQUAL(end_of(p, "percent_ci", 0), 90, 1e-9);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(q, "faster")),
                           "float");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(q, "slower")),
                           "b.json");
    CU_ASSERT_DOUBLE_EQUAL(end_of(q, "percent_ci", 0), 100 / 0.52 - 100, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(end_of(q, "percent_ci", 1), 100 / 0.48 - 100, 1e-9);
    CU_ASSERT(json_is_true(json_object_get(q, "different")));
    CU_ASSERT(
        json_is_false(json_object_get(json_array_get(pairs, 2), "different")));
    json_decref(doc);
}

static void witnesses_are_named(void)
{
    struct sample s;
    make(&s, "valid", "");
    json_t *doc = document(&s);
    const json_t *m = json_array_get(json_object_get(doc, "measured"), 0);
    const json_t *d = json_object_get(m, "disturbed");
    CU_ASSERT_EQUAL(json_object_size(d), 2);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(d, haq_witness_name(3))),
                    1);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_array_get(json_object_get(m, "missing"), 0)),
        haq_witness_name(5));
    json_decref(doc);
}

/* What haq_bench_print writes. */
static const char *printed(const json_t *doc)
{
    static char text[8192];
    fflush(stdout);
    int was = dup(1);
    FILE *f = tmpfile();
    CU_ASSERT_FATAL(f && dup2(fileno(f), 1) == 1);
    haq_bench_print(doc);
    fflush(stdout);
    dup2(was, 1);
    close(was);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return text;
}

static void sentences_say_which_differences_are_real(void)
{
    static const char *const sentences[] = {
        "real differences, at 95 % for all pairs together:\n",
        "  a.json is faster than float by 100.0 % [90.0, 110.0]\n",
        "  float is faster than b.json by 100.0 % [92.3, 108.3]\n",
        "  b.json and a.json: no difference shown [-1.0 %, 1.0 %]\n",
        "warm caches: 3 of 4 rounds count",
        "witnesses missing here: frequency",
    };
    struct sample s;
    make(&s, "valid", "");
    json_t *doc = document(&s);
    const char *text = printed(doc);
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        CU_ASSERT_PTR_NOT_NULL(strstr(text, sentences[i]));
    json_decref(doc);
}

static void of_a_busy_machine_nothing_is_said(void)
{
    struct sample s;
    make(&s, "disturbed", "3 of 4 rounds do not count; waited (3): long");
    json_t *doc = document(&s);
    const char *text = printed(doc);
    CU_ASSERT_PTR_NULL(strstr(text, "is faster than"));
    CU_ASSERT_PTR_NULL(strstr(text, "no difference"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "nothing can be said"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "disturbed: 3 of 4 rounds do not"));
    json_decref(doc);
}

static void cold_and_warm_stand_side_by_side(void)
{
    struct sample s;
    make(&s, "valid", "");
    json_t *doc = document(&s);
    s.m.cold = true;
    CU_ASSERT_EQUAL(haq_bench_add(doc, &s.m, &subject, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(doc, "results")), 2 * N);
    const char *text = printed(doc);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "[90.0, 110.0] (cold)\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "[90.0, 110.0]\n"));
    json_decref(doc);
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(rows_keep_their_keys),
                           HAQ_TEST(the_faster_of_a_pair_comes_first),
                           HAQ_TEST(witnesses_are_named),
                           HAQ_TEST(sentences_say_which_differences_are_real),
                           HAQ_TEST(of_a_busy_machine_nothing_is_said),
                           HAQ_TEST(cold_and_warm_stand_side_by_side),
                           CU_TEST_INFO_NULL};
    return run_suite("bench_results", tests);
}
