#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "cli/commands.h"
#include "cli/model_opts.h"
#include "cli/recipe_file.h"

struct bench_args {
    struct haq_model_opts model;
    struct haq_opt_list recipes;
    const char *model_path, *calib, *data;
    size_t batch, budget_ms, threads;
};

/* One row: the float model (path NULL) or a recipe. */
static haq_status measure(const struct bench_args *a, const char *path,
                          struct haq_session *session, json_t *results,
                          struct haq_diag *d)
{
    struct haq_recipe recipe;
    json_t *result = NULL, *params;
    haq_status s = HAQ_OK;

    haq_recipe_init(&recipe);
    params = json_pack("{s:I, s:I}", "batch", (json_int_t)a->batch, "budget_ms",
                       (json_int_t)a->budget_ms);
    if (path)
        s = haq_recipe_open(&recipe, path, haq_session_layers(session), d);
    if (s == HAQ_OK)
        s = haq_task_run(session, "measure-latency", path ? &recipe : NULL,
                         params, &result, NULL, d);
    if (s == HAQ_OK) {
        json_t *row = json_pack(
            "{s:s, s:s, s:I, s:I, s:O, s:[O, O], s:O, s:{s:O, s:O, s:O, s:O}}",
            "recipe", path ? path : "float", "device", "cpu", "threads",
            (json_int_t)a->threads, "batch", (json_int_t)a->batch, "speedup",
            json_object_get(result, "speedup"), "speedup_ci",
            json_object_get(result, "speedup_low"),
            json_object_get(result, "speedup_high"), "verdict",
            json_object_get(result, "verdict"), "latency_ms", "median",
            json_object_get(result, "median"), "ci_low",
            json_object_get(result, "ci_low"), "ci_high",
            json_object_get(result, "ci_high"), "rounds",
            json_object_get(result, "rounds"));
        if (json_array_append_new(results, row))
            s = haq_fail(d, HAQ_NOMEM, "results of the bench");
    }
    json_decref(params);
    json_decref(result);
    haq_recipe_fini(&recipe);
    return s;
}

static double at(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static void print_results(const json_t *results)
{
    const char *heads[] = {"recipe",   ">threads", ">batch",    ">ms",
                           "interval", ">speed",   "interval ", "verdict"};
    struct haq_table *t = haq_table_new(8, heads);

    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *r = json_array_get(results, i);
        const json_t *l = json_object_get(r, "latency_ms");
        const json_t *ci = json_object_get(r, "speedup_ci");
        haq_table_cell(t, "%s",
                       json_string_value(json_object_get(r, "recipe")));
        haq_table_cell(t, "%.0f", at(r, "threads"));
        haq_table_cell(t, "%.0f", at(r, "batch"));
        haq_table_cell(t, "%.4f", at(l, "median"));
        haq_table_cell(t, "[%.4f, %.4f]", at(l, "ci_low"), at(l, "ci_high"));
        haq_table_cell(t, "%.2fx", at(r, "speedup"));
        haq_table_cell(t, "[%.2f, %.2f]",
                       json_number_value(json_array_get(ci, 0)),
                       json_number_value(json_array_get(ci, 1)));
        haq_table_cell(t, "%s",
                       json_string_value(json_object_get(r, "verdict")));
    }
    haq_table_print(t, stdout);
}

static haq_status bench(struct bench_args *a, bool as_json,
                        struct haq_session *session, struct haq_diag *d)
{
    json_t *results = json_array();
    haq_status s = measure(a, NULL, session, results, d);

    for (size_t i = 0; s == HAQ_OK && i < a->recipes.n; i++)
        s = measure(a, a->recipes.item[i], session, results, d);
    if (s == HAQ_OK && as_json)
        s = haq_print_json(
            json_pack("{s:s, s:O}", "model", a->model_path, "results", results),
            d);
    else if (s == HAQ_OK)
        print_results(results);
    json_decref(results);
    return s;
}

haq_status haq_cmd_bench(const struct haq_command *self, int argc, char **argv,
                         struct haq_diag *d)
{
    struct haq_common common;
    struct bench_args a = {.batch = 1, .budget_ms = 2000};
    const struct haq_opt opts[] = {
        {"recipe", 0, HAQ_OPT_LIST, &a.recipes, "R.json",
         "measure this recipe too (may be given several times)"},
        {"calib", 0, HAQ_OPT_TEXT, &a.calib, "C.npz",
         "calibration data, for recipes without a params file"},
        {"data", 0, HAQ_OPT_TEXT, &a.data, "D.npz",
         "real samples to run on (default: zeros)"},
        {"batch", 0, HAQ_OPT_COUNT, &a.batch, "N", "samples per run (1)"},
        {"budget-ms", 0, HAQ_OPT_COUNT, &a.budget_ms, "MS",
         "longest time per row (2000)"},
        HAQ_DIM_OPT(&a.model)};
    struct haq_session_config config;
    struct haq_session *session = NULL;

    haq_common_init(&common);
    haq_status s = haq_opts_parse(self, opts, sizeof opts / sizeof *opts,
                                  &common, argc, argv, &a.model_path, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    s = haq_model_config(&config, &a.model, &common, a.model_path, d);
    config.calib_path = a.calib;
    config.eval_path = a.data;
    config.metric = "agreement"; /* latency needs no labels */
    a.threads = common.threads ? common.threads : haq_cores_allowed();
    if (s == HAQ_OK)
        s = haq_session_open(&session, &config, d);
    if (s == HAQ_OK)
        s = bench(&a, common.json, session, d);
    haq_session_close(session);
    haq_arena_fini(&a.model.arena);
    return s;
}
