#include "report/report.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "tests/suite.h"

static json_t *point(const char *id, double accuracy, double ms, double bytes,
                     const char *word)
{
    return json_pack(
        "{s:s,s:{s:f,s:f,s:f,s:i},s:f,s:{s:f,s:f,s:f,s:i},s:f,s:f,s:f,s:f,s:b,"
        "s:{s:f,s:[s,s],s:[s,s]},s:{s:i}}",
        "id", id, "accuracy", "value", accuracy, "ci_low", accuracy - 0.5,
        "ci_high", accuracy + 0.5, "n", 10000, "drop", 92 - accuracy,
        "latency_ms", "median", ms, "ci_low", ms * 0.99, "ci_high", ms * 1.01,
        "rounds", 30, "speedup", 10 / ms, "speedup_int8", 3 / ms, "size_bytes",
        bytes, "compression", 1e6 / bytes, "confirmed", 1, "bits", "average",
        4.5, "layers", word, "f", "activations", "s", "f", "recipe_json",
        "recipe", 1);
}

static json_t *sample(const char *model)
{
    json_t *base = point("aaaaaaaaaaaa", 92, 10, 1e6, "f");
    json_t *int8 = point("bbbbbbbbbbbb", 91.5, 3, 260000, "8");
    json_object_set_new(base, "label", json_string("float"));
    json_object_set_new(int8, "label", json_string("int8"));
    json_t *o = json_pack(
        "{s:s,s:s,s:b,s:b,s:b,s:b,s:o,s:O,s:[O],s:[s,s],s:[O,o,o],s:s,"
        "s:{s:f,s:f},s:i,s:f,s:i}",
        "model", model, "metric", "top1", "metric_higher_is_better", 1,
        "metric_points", 1, "complete", 1, "feasible", 1, "baseline", base,
        "uniform_int8", int8, "uniform", int8, "layers", "conv1", "fc",
        "points", int8, point("cccccccccccc", 91.2, 3.4, 140000, "4g"),
        point("dddddddddddd", 85, 2.9, 90000, "2"), "knee", "cccccccccccc",
        "hypervolume", "value", 0.7, "uniform", 0.6, "evaluations", 100,
        "seconds", 12.5, "seed", 1);
    json_decref(int8);
    return o;
}

static char *page_of(const json_t *front)
{
    char *page = NULL;
    size_t len = 0;
    struct haq_diag d = {0};
    CU_ASSERT(!haq_report_html(front, NULL, &page, &len, &d));
    CU_ASSERT(page && strlen(page) == len);
    return page;
}

/* Tags open and close in order: what a browser does not have to guess. */
static bool balanced(const char *html)
{
    static const char *const empty[] = {"meta", "line", "circle", "path", "!"};
    char stack[64][16];
    int depth = 0;
    for (const char *p = strchr(html, '<'); p; p = strchr(p + 1, '<')) {
        bool close = p[1] == '/';
        char tag[16] = "";
        sscanf(p + 1 + close, "%15[a-z0-9!]", tag);
        const char *end = strchr(p, '>');
        bool alone = !end || end[-1] == '/';
        for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
            alone |= !strcmp(tag, empty[i]) || tag[0] == '!';
        if (alone)
            continue;
        if (close) {
            if (!depth || strcmp(stack[--depth], tag))
                return false;
        } else if (depth == 64) {
            return false;
        } else {
            strcpy(stack[depth++], tag);
        }
    }
    return !depth;
}

static void the_page_shows_points_charts_and_bits(void)
{
    json_t *f = sample("resnet20");
    char *page = page_of(f);
    CU_ASSERT(balanced(page));
    CU_ASSERT(strstr(page, "<title>resnet20 - haqfleet</title>") != NULL);
    CU_ASSERT(strstr(page, "Accuracy and latency") != NULL);
    CU_ASSERT(strstr(page, "Accuracy and size") != NULL);
    CU_ASSERT(strstr(page, "<td class=\"b4\">4g</td>") != NULL);
    CU_ASSERT(strstr(page, "<td class=\"bf af\">f</td>") != NULL);
    CU_ASSERT(strstr(page, "cccccccccccc</code><span class=\"tag\">knee") !=
              NULL);
    free(page);
    json_decref(f);
}

static void the_page_loads_nothing_from_outside(void)
{
    json_t *f = sample("resnet20");
    char *page = page_of(f);
    CU_ASSERT(!strstr(page, "http:") && !strstr(page, "https:"));
    CU_ASSERT(!strstr(page, "<script") && !strstr(page, "@import"));
    CU_ASSERT(!strstr(page, "url(") && !strstr(page, "src="));
    free(page);
    json_decref(f);
}

static void names_cannot_break_out_of_the_page(void)
{
    const char *evil = "\"><script>alert('x')</script>&";
    json_t *f = sample(evil);
    json_t *p = json_array_get(json_object_get(f, "points"), 1);
    json_object_set_new(p, "id", json_string(evil));
    json_object_set_new(p, "label", json_string(evil));
    json_object_set_new(f, "metric", json_string(evil));
    json_object_set_new(f, "device", json_string(evil));
    json_object_set_new(f, "error", json_string(evil));
    json_object_set_new(f, "layers", json_pack("[s,s]", evil, evil));
    json_object_set_new(json_object_get(p, "bits"), "layers",
                        json_pack("[s,s]", evil, evil));
    char *page = page_of(f);
    CU_ASSERT(!strstr(page, "<script"));
    CU_ASSERT(strstr(page, "&lt;script&gt;") != NULL);
    CU_ASSERT(balanced(page));
    free(page);
    json_decref(f);
}

static void whatever_is_missing_is_left_out(void)
{
    static const char *const keys[] = {
        "model",  "metric", "baseline", "uniform", "uniform_int8",
        "layers", "knee",   "seconds",  "seed",    "hypervolume"};
    char *text;
    size_t len;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        for (int wrong = 0; wrong < 3; wrong++) {
            json_t *f = sample("m");
            if (!wrong)
                json_object_del(f, keys[i]);
            else
                json_object_set_new(f, keys[i],
                                    wrong == 1 ? json_integer(7)
                                               : json_pack("[n,[]]"));
            char *page = page_of(f);
            CU_ASSERT(balanced(page));
            free(page);
            CU_ASSERT(!haq_report_text(f, true, &text, &len, NULL));
            free(text);
            json_decref(f);
        }
}

static void points_may_be_anything(void)
{
    static const char *const bad[] = {
        "{\"points\":[]}", "{\"points\":[1,null,{},[]]}",
        "{\"points\":[{\"accuracy\":{\"value\":1e308},\"size_bytes\":-1},"
        "{\"accuracy\":{\"value\":-1e308},\"size_bytes\":1e308}],"
        "\"baseline\":{\"accuracy\":{\"value\":0},\"size_bytes\":1e-300}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *f = NULL;
        CU_ASSERT_FATAL(!haq_json_parse("t", bad[i], strlen(bad[i]), &f, NULL));
        char *page = page_of(f), *text = NULL;
        size_t len;
        CU_ASSERT(balanced(page));
        CU_ASSERT(!haq_report_text(f, false, &text, &len, NULL));
        free(page);
        free(text);
        json_decref(f);
    }
    struct haq_diag d = {0};
    char *page = NULL;
    size_t len;
    json_t *f = json_object();
    CU_ASSERT(haq_report_html(f, NULL, &page, &len, &d) == HAQ_FORMAT);
    json_decref(f);
}

static void the_table_is_aligned_and_marks_the_knee(void)
{
    json_t *f = sample("m");
    char *text = NULL;
    size_t len = 0;
    CU_ASSERT(!haq_report_text(f, false, &text, &len, NULL));
    CU_ASSERT(strstr(text, "* 2  cccccccccccc") != NULL);
    CU_ASSERT(strstr(text, "91.20 +- 0.50") != NULL);
    CU_ASSERT(strstr(text, "2.94x") != NULL);
    for (const char *p = text; *p; p++)
        CU_ASSERT((unsigned char)*p < 128);
    /* The decimal points of one column stand below each other. */
    const char *a = strstr(text, "91.20 +-"), *b = strstr(text, "85.00 +-");
    while (a[-1] != '\n' && b[-1] != '\n')
        a--, b--;
    CU_ASSERT(a[-1] == '\n' && b[-1] == '\n');
    free(text);
    json_decref(f);
}

static void latencies_of_a_busy_machine_are_named(void)
{
    json_t *f = sample("m"), *points = json_object_get(f, "points");
    char *text = NULL;
    size_t len = 0;
    struct haq_diag d = {0};
    json_object_set_new(json_array_get(points, 1), "latency_verdict",
                        json_string("disturbed"));
    json_object_set_new(json_array_get(points, 2), "latency_verdict",
                        json_string("noisy"));
    json_object_set_new(json_object_get(f, "baseline"), "latency_verdict",
                        json_string("throttled"));
    CU_ASSERT_FATAL(!haq_report_text(f, false, &text, &len, &d));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "do not believe these latencies, the machine was busy or "
                     "slow: float (throttled), cccccccccccc (disturbed)\n"));
    free(text);
    json_decref(f);
}

static void luck_and_warnings_are_told(void)
{
    json_t *f = sample("resnet20");
    char *text = NULL;
    size_t len = 0;
    json_object_set_new(
        f, "winners_curse",
        json_pack("{s:s,s:f}", "method", "cross-fitted", "points", 0.5));
    json_object_set_new(f, "racing", json_pack("{s:f}", "saved", 2.5));
    json_object_set_new(f, "warnings", json_pack("[s]", "int2 <is> slow"));
    CU_ASSERT_FATAL(!haq_report_text(f, false, &text, &len, NULL));
    CU_ASSERT(strstr(text, "loses 0.50 points more (cross-fitted") != NULL);
    CU_ASSERT(strstr(text, "races took 2.50 times fewer samples") != NULL);
    free(text);
    char *page = page_of(f);
    CU_ASSERT(strstr(page, "int2 &lt;is&gt; slow") != NULL);
    free(page);
    json_decref(f);
}

static void unicode_is_only_for_those_who_ask(void)
{
    json_t *f = sample("m");
    char *text = NULL;
    size_t len = 0;
    CU_ASSERT(!haq_report_text(f, true, &text, &len, NULL));
    CU_ASSERT(strstr(text, "\u00b1") != NULL);
    free(text);
    json_decref(f);
}

static bool exists(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return haq_file_exists(path);
}

static void a_report_is_written_with_a_file_per_recipe(void)
{
    char dir[] = "/tmp/haq-report-XXXXXX", path[256];
    json_t *f = sample("m"), *back = NULL;
    struct haq_diag d = {0};
    CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
    CU_ASSERT(!haq_report_write(dir, f, NULL, &d));
    CU_ASSERT(exists(dir, "report.html"));
    CU_ASSERT(exists(dir, "recipes/cccccccccccc.json"));
    CU_ASSERT(exists(dir, "recipes/bbbbbbbbbbbb.json"));
    snprintf(path, sizeof path, "%s/front.json", dir);
    CU_ASSERT_FATAL(!haq_json_read(path, &back, &d));
    json_t *p = json_array_get(json_object_get(back, "points"), 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(p, "recipe")),
                           "recipes/cccccccccccc.json");
    CU_ASSERT(!json_object_get(p, "recipe_json"));
    /* The front in memory is as it was. */
    p = json_array_get(json_object_get(f, "points"), 1);
    CU_ASSERT(json_object_get(p, "recipe_json") != NULL);

    json_array_remove(json_object_get(f, "points"), 1);
    snprintf(path, sizeof path, "%s/recipes/notes.json", dir);
    CU_ASSERT(!haq_file_write(path, "{}", 2, &d));
    CU_ASSERT(!haq_report_write(dir, f, NULL, &d));
    CU_ASSERT(!exists(dir, "recipes/cccccccccccc.json"));
    CU_ASSERT(exists(dir, "recipes/dddddddddddd.json"));
    CU_ASSERT(exists(dir, "recipes/notes.json"));
    json_decref(back);
    json_decref(f);
    snprintf(path, sizeof path, "rm -r %s", dir);
    CU_ASSERT(!system(path));
}

static void an_id_cannot_leave_the_folder(void)
{
    char dir[] = "/tmp/haq-report-XXXXXX", path[256];
    json_t *f = sample("m");
    struct haq_diag d = {0};
    CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
    json_object_set_new(json_array_get(json_object_get(f, "points"), 1), "id",
                        json_string("../../evil"));
    CU_ASSERT(haq_report_write(dir, f, NULL, &d) == HAQ_FORMAT);
    CU_ASSERT(!exists(dir, "front.json"));
    json_decref(f);
    snprintf(path, sizeof path, "rm -r %s", dir);
    CU_ASSERT(!system(path));
}

static void a_folder_that_cannot_be_made_is_said(void)
{
    json_t *f = sample("m");
    struct haq_diag d = {0};
    CU_ASSERT(haq_report_write("/dev/null/x", f, NULL, &d) == HAQ_IO);
    CU_ASSERT(strstr(d.text, "/dev/null") != NULL);
    json_decref(f);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(the_page_shows_points_charts_and_bits),
        HAQ_TEST(the_page_loads_nothing_from_outside),
        HAQ_TEST(names_cannot_break_out_of_the_page),
        HAQ_TEST(whatever_is_missing_is_left_out),
        HAQ_TEST(points_may_be_anything),
        HAQ_TEST(the_table_is_aligned_and_marks_the_knee),
        HAQ_TEST(latencies_of_a_busy_machine_are_named),
        HAQ_TEST(luck_and_warnings_are_told),
        HAQ_TEST(unicode_is_only_for_those_who_ask),
        HAQ_TEST(a_report_is_written_with_a_file_per_recipe),
        HAQ_TEST(an_id_cannot_leave_the_folder),
        HAQ_TEST(a_folder_that_cannot_be_made_is_said),
        CU_TEST_INFO_NULL,
    };
    return run_suite("report", tests);
}
