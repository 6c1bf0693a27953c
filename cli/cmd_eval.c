#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/eval_groups.h"
#include "cli/eval_weight_only.h"
#include "cli/model_opts.h"
#include "cli/recipe_file.h"
#include "graph/metric.h"

struct eval_args {
    struct haq_model_opts model;
    const char *model_path, *data, *calib, *recipe, *metric, *groups;
    size_t samples;
    bool simulate;
};

static json_t *describe(const struct eval_args *a, const char *metric,
                        const json_t *r)
{
    json_t *out =
        json_pack("{s:s, s:s, s:O, s:O, s:b, s:{s:O, s:O, s:O, s:O}}", "model",
                  a->model_path, "metric", metric, "samples_per_second",
                  json_object_get(r, "samples_per_second"), "seconds",
                  json_object_get(r, "seconds"), "simulated", a->simulate,
                  "accuracy", "value", json_object_get(r, "value"), "ci_low",
                  json_object_get(r, "ci_low"), "ci_high",
                  json_object_get(r, "ci_high"), "n", json_object_get(r, "n"));
    json_t *correct = json_object_get(r, "correct");
    if (out && correct)
        json_object_set(out, "correct", correct);
    if (out && a->recipe)
        json_object_set_new(out, "recipe", json_string(a->recipe));
    return out;
}

static double real(const json_t *r, const char *key)
{
    return json_number_value(json_object_get(r, key));
}

static void print_result(const struct eval_args *a, const char *metric,
                         const json_t *r)
{
    const struct haq_metric *m = haq_metric_find(metric);
    const json_t *correct = json_object_get(r, "correct");
    int digits = m && m->points ? 2 : 4;

    printf("%s%s  %.*f%s  [%.*f, %.*f]", a->simulate ? "simulated " : "",
           metric, digits, real(r, "value"), m && m->points ? " %" : "", digits,
           real(r, "ci_low"), digits, real(r, "ci_high"));
    if (correct)
        printf("  %lld of %lld", (long long)json_integer_value(correct),
               (long long)real(r, "n"));
    else
        printf("  %lld samples", (long long)real(r, "n"));
    printf("  %.0f samples/s\n", real(r, "samples_per_second"));
}

static haq_status evaluate(const struct eval_args *a, bool as_json,
                           struct haq_session *session, struct haq_diag *d)
{
    struct haq_recipe recipe;
    json_t *params = json_pack("{s:I}", "count", (json_int_t)a->samples);
    json_t *result = NULL;
    haq_status s = HAQ_OK;

    haq_recipe_init(&recipe);
    if (a->recipe)
        s = haq_recipe_open(&recipe, a->recipe, haq_session_layers(session), d);
    if (s == HAQ_OK)
        s = haq_task_run(session, "evaluate", a->recipe ? &recipe : NULL,
                         params, &result, NULL, d);
    json_t *doc = NULL;
    if (s == HAQ_OK) {
        doc = describe(a, haq_session_metric(session), result);
        s = doc ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "result of an evaluation");
    }
    if (s == HAQ_OK)
        s = haq_eval_weight_only(doc, &recipe, d);
    if (s == HAQ_OK && a->groups)
        s = haq_eval_groups(doc, session, a->recipe ? &recipe : NULL, a->groups,
                            d);
    if (s == HAQ_OK && as_json) {
        s = haq_print_json(json_incref(doc), d);
    } else if (s == HAQ_OK) {
        print_result(a, haq_session_metric(session), result);
        haq_eval_print_weight_only(&recipe);
        haq_eval_print_groups(doc);
    }
    json_decref(doc);
    json_decref(result);
    json_decref(params);
    haq_recipe_fini(&recipe);
    return s;
}

haq_status haq_cmd_eval(const struct haq_command *self, int argc, char **argv,
                        struct haq_diag *d)
{
    struct haq_common common;
    struct eval_args a = {0};
    const struct haq_opt opts[] = {
        {"data", 0, HAQ_OPT_TEXT, &a.data, "D.npz", "samples and labels"},
        {"recipe", 0, HAQ_OPT_TEXT, &a.recipe, "R.json",
         "execute under this recipe (default: float)"},
        {"calib", 0, HAQ_OPT_TEXT, &a.calib, "C.npz",
         "calibration data, for recipes without a params file"},
        {"metric", 0, HAQ_OPT_TEXT, &a.metric, "M",
         "top1, top5, perplexity, mse, agreement (default: by the labels)"},
        {"samples", 0, HAQ_OPT_COUNT, &a.samples, "N",
         "a fixed random slice of N samples (default: all)"},
        {"groups", 0, HAQ_OPT_TEXT, &a.groups, "data|labels|G.npy",
         "accuracy of each group of samples, too: by the data's `group`, by "
         "label, or by an array of integers"},
        {"simulate", 0, HAQ_OPT_FLAG, &a.simulate, NULL,
         "fake-quantized float execution instead of integers"},
        HAQ_DIM_OPT(&a.model)};
    struct haq_session_config config;
    struct haq_session *session = NULL;

    haq_common_init(&common);
    haq_status s = haq_opts_parse(self, opts, sizeof opts / sizeof *opts,
                                  &common, argc, argv, &a.model_path, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    if (!a.data)
        return haq_fail(d, HAQ_USAGE, "--data is missing");
    if (a.groups && a.samples)
        return haq_fail(d, HAQ_USAGE,
                        "--groups is about all samples, --samples about some: "
                        "choose one");
    s = haq_model_config(&config, &a.model, &common, a.model_path, d);
    config.eval_path = a.data;
    config.calib_path = a.calib;
    config.metric = a.metric;
    config.simulate = a.simulate;
    if (s == HAQ_OK)
        s = haq_session_open(&session, &config, d);
    if (s == HAQ_OK)
        s = evaluate(&a, common.json, session, d);
    haq_session_close(session);
    haq_arena_fini(&a.model.arena);
    return s;
}
