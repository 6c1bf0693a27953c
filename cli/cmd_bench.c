#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/thread.h"
#include "cli/bench_layers.h"
#include "cli/commands.h"
#include "cli/model_opts.h"
#include "cli/recipe_file.h"
#include "cli/uniform.h"

struct bench_args {
    struct haq_model_opts model;
    struct haq_opt_list recipes;
    const char *model_path, *calib, *data, *weights, *activations;
    size_t batch, budget_ms, threads;
    bool layers;
};

/* What is measured beside the float model. */
struct contest {
    struct haq_arena arena;
    const char **name;               /* [n] file, or words of the formats */
    struct haq_recipe *recipe;       /* [n] */
    const struct haq_recipe **entry; /* [n] &recipe[i] */
    size_t n, room;
};

static haq_status contest_init(struct contest *c, const struct bench_args *a,
                               struct haq_diag *d)
{
    *c = (struct contest){.room = a->recipes.n + 1};
    for (const char *p = a->weights; p && *p; p++)
        c->room += *p == ',';
    haq_arena_init(&c->arena);
    c->name = haq_arena_array(&c->arena, c->room, sizeof(char *));
    c->recipe = haq_arena_array(&c->arena, c->room, sizeof *c->recipe);
    c->entry = haq_arena_array(&c->arena, c->room, sizeof(void *));
    return c->name && c->recipe && c->entry
               ? HAQ_OK
               : haq_fail(d, HAQ_NOMEM, "%zu recipes", c->room);
}

static void contest_fini(struct contest *c)
{
    for (size_t i = 0; i < c->n; i++)
        haq_recipe_fini(&c->recipe[i]);
    haq_arena_fini(&c->arena);
}

static struct haq_recipe *next_entry(struct contest *c, const char *name)
{
    struct haq_recipe *r = &c->recipe[c->n];
    haq_recipe_init(r);
    c->name[c->n] = name;
    c->entry[c->n++] = r;
    return r;
}

/* The words of --weights; "float" is measured in any case. */
static haq_status add_uniform(struct contest *c, const struct bench_args *a,
                              const struct haq_session *session,
                              struct haq_diag *d)
{
    const char *acts = a->activations;
    haq_status s = HAQ_OK;
    if (!acts)
        acts = a->calib ? "uint8" : "uint8:dynamic";
    for (const char *p = a->weights; p && *p && s == HAQ_OK;) {
        size_t n = strcspn(p, ",");
        const char *word = haq_arena_printf(&c->arena, "%.*s", (int)n, p);
        if (!word)
            return haq_fail(d, HAQ_NOMEM, "--weights");
        p += n + (p[n] == ',');
        if (!strcmp(word, "float") || !strcmp(word, "fp32"))
            continue;
        s = haq_uniform_recipe(next_entry(c, word), session, "--weights", word,
                               acts, "minmax", d);
    }
    return s;
}

static double at(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static json_t *row_json(const struct bench_args *a, const char *name,
                        const struct haq_latency *l, size_t weight_bytes)
{
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:o, s:[o, o], s:s, s:s, s:{s:o, s:o, s:o, s:I}, "
        "s:I}",
        "recipe", name, "device", "cpu", "threads", (json_int_t)a->threads,
        "batch", (json_int_t)a->batch, "speedup", haq_json_real(l->ratio.value),
        "speedup_ci", haq_json_real(l->ratio.low), haq_json_real(l->ratio.high),
        "verdict", l->verdict, "reason", l->reason, "latency_ms", "median",
        haq_json_real(l->ms.value), "ci_low", haq_json_real(l->ms.low),
        "ci_high", haq_json_real(l->ms.high), "rounds", (json_int_t)l->rounds,
        "weight_bytes", (json_int_t)weight_bytes);
}

static void print_results(const json_t *results)
{
    const char *heads[] = {"recipe",    ">threads", ">batch",
                           ">ms",       "interval", ">speed",
                           "interval ", "verdict",  ">weights kB"};
    struct haq_table *t = haq_table_new(9, heads);

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
        haq_table_cell(t, "%.1f", at(r, "weight_bytes") / 1000);
    }
    haq_table_print(t, stdout);
}

static void print_layers(const json_t *results)
{
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *r = json_array_get(results, i);
        const json_t *steps = json_object_get(r, "steps");
        if (!steps)
            continue;
        printf("\n%s\n", json_string_value(json_object_get(r, "recipe")));
        haq_bench_print_steps(steps);
    }
}

/* Rows of all contestants, the float model first. */
static haq_status measure(const struct bench_args *a, struct contest *c,
                          struct haq_session *session, json_t *results,
                          struct haq_diag *d)
{
    struct haq_compare_options opt = {.batch = a->batch,
                                      .budget_ms = a->budget_ms * (c->n + 1)};
    struct haq_measured m;
    size_t *bytes = haq_arena_array(&c->arena, c->n + 1, sizeof *bytes);
    if (!bytes)
        return haq_fail(d, HAQ_NOMEM, "results of the bench");
    haq_status s =
        haq_session_compare(session, c->entry, c->n, &opt, &m, bytes, d);
    if (s != HAQ_OK)
        return s;
    for (size_t i = 0; s == HAQ_OK && i <= c->n; i++) {
        json_t *steps = NULL;
        json_t *row =
            row_json(a, i ? c->name[i - 1] : "float", &m.latency[i], bytes[i]);
        if (a->layers)
            s = haq_bench_steps(&steps, session, i ? c->entry[i - 1] : NULL,
                                a->batch, d);
        if (steps)
            json_object_set_new(row, "steps", steps);
        if (json_array_append_new(results, row) && s == HAQ_OK)
            s = haq_fail(d, HAQ_NOMEM, "results of the bench");
    }
    haq_measured_fini(&m);
    return s;
}

static haq_status bench(const struct bench_args *a, bool as_json,
                        struct haq_session *session, struct haq_diag *d)
{
    struct contest c;
    json_t *results = json_array();
    haq_status s = contest_init(&c, a, d);

    if (s == HAQ_OK)
        s = add_uniform(&c, a, session, d);
    for (size_t i = 0; s == HAQ_OK && i < a->recipes.n; i++) {
        const char *path = a->recipes.item[i];
        s = haq_recipe_open(next_entry(&c, path), path,
                            haq_session_layers(session), d);
    }
    if (s == HAQ_OK)
        s = measure(a, &c, session, results, d);
    if (s == HAQ_OK && as_json) {
        s = haq_print_json(
            json_pack("{s:s, s:O}", "model", a->model_path, "results", results),
            d);
    } else if (s == HAQ_OK) {
        print_results(results);
        print_layers(results);
    }
    json_decref(results);
    contest_fini(&c);
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
        {"weights", 0, HAQ_OPT_TEXT, &a.weights, "LIST",
         "measure these uniform formats too: int8,int4:group32,ternary"},
        {"activations", 0, HAQ_OPT_TEXT, &a.activations, "FORMAT|float",
         "beside --weights (default: uint8 with --calib, else uint8:dynamic)"},
        {"layers", 0, HAQ_OPT_FLAG, &a.layers, NULL,
         "then the time, kernel and weight bytes of every step"},
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
