#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/thread.h"
#include "cli/bench_layers.h"
#include "cli/bench_load.h"
#include "cli/bench_results.h"
#include "cli/commands.h"
#include "cli/model_opts.h"
#include "cli/recipe_file.h"
#include "cli/uniform.h"

struct bench_args {
    struct haq_model_opts model;
    struct haq_opt_list recipes;
    const char *model_path, *calib, *data, *weights, *activations, *raw;
    size_t batch, budget_ms, threads;
    bool layers, cold;
    const char *load;
    struct haq_load_level level[HAQ_LOAD_LEVELS];
    size_t levels;
};

/* What is measured beside the float model. */
struct contest {
    struct haq_arena arena;
    const char **name; /* [1 + n] "float", file, or words of the formats */
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
    c->name = haq_arena_array(&c->arena, c->room + 1, sizeof(char *));
    c->recipe = haq_arena_array(&c->arena, c->room, sizeof *c->recipe);
    c->entry = haq_arena_array(&c->arena, c->room, sizeof(void *));
    if (!c->name || !c->recipe || !c->entry)
        return haq_fail(d, HAQ_NOMEM, "%zu recipes", c->room);
    c->name[0] = "float";
    return HAQ_OK;
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
    c->entry[c->n++] = r;
    c->name[c->n] = name;
    return r;
}

/* The words of --weights; "float" is measured in any case. */
static haq_status add_uniform(struct contest *c, const struct bench_args *a,
                              const struct haq_session *session,
                              struct haq_diag *d)
{
    const char *integers = a->calib ? "uint8" : "uint8:dynamic";
    haq_status s = HAQ_OK;
    for (const char *p = a->weights; p && *p && s == HAQ_OK;) {
        size_t n = strcspn(p, ",");
        const char *word = haq_arena_printf(&c->arena, "%.*s", (int)n, p);
        if (!word)
            return haq_fail(d, HAQ_NOMEM, "--weights");
        p += n + (p[n] == ',');
        if (!strcmp(word, "float") || !strcmp(word, "fp32"))
            continue;
        s = haq_uniform_recipe(next_entry(c, word), session, "--weights", word,
                               a->activations
                                   ? a->activations
                                   : haq_uniform_activations(word, integers),
                               "minmax", d);
    }
    return s;
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

/* One table of steps per contestant, put into the first rows of results. */
static haq_status add_steps(const struct bench_args *a, const struct contest *c,
                            struct haq_session *session, json_t *results,
                            struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (size_t i = 0; s == HAQ_OK && i <= c->n; i++) {
        json_t *steps = NULL;
        s = haq_bench_steps(&steps, session, i ? c->entry[i - 1] : NULL,
                            a->batch, d);
        if (s == HAQ_OK &&
            json_object_set_new(json_array_get(results, i), "steps", steps))
            s = haq_fail(d, HAQ_NOMEM, "results of the bench");
    }
    return s;
}

/* Warm or cold: results into doc, rounds into raw. */
static haq_status measure_once(const struct bench_args *a, struct contest *c,
                               struct haq_session *session, bool cold,
                               json_t *doc, json_t *raw, struct haq_diag *d)
{
    struct haq_compare_options opt = {.batch = a->batch,
                                      .budget_ms = a->budget_ms * (c->n + 1),
                                      .cold = cold};
    struct haq_measured m;
    size_t *bytes = haq_arena_array(&c->arena, c->n + 1, sizeof *bytes);
    struct haq_bench_subject subject = {c->name, bytes, a->threads, a->batch};
    if (!bytes)
        return haq_fail(d, HAQ_NOMEM, "results of the bench");
    haq_status s =
        haq_session_compare(session, c->entry, c->n, &opt, &m, bytes, d);
    if (s != HAQ_OK)
        return s;
    s = haq_bench_add(doc, &m, &subject, d);
    if (s == HAQ_OK &&
        json_object_set_new(raw, cold ? "cold" : "warm", haq_measured_raw(&m)))
        s = haq_fail(d, HAQ_NOMEM, "raw rounds of the bench");
    haq_measured_fini(&m);
    return s;
}

static haq_status write_raw(const struct bench_args *a, const struct contest *c,
                            json_t *raw, struct haq_diag *d)
{
    json_t *names = json_array();
    for (size_t i = 0; i <= c->n; i++)
        json_array_append_new(names, json_string(c->name[i]));
    if (json_object_set_new(raw, "contestants", names) ||
        json_object_set_new(raw, "model", json_string(a->model_path)))
        return haq_fail(d, HAQ_NOMEM, "%s", a->raw);
    return haq_json_write(a->raw, raw, d);
}

static haq_status add_load(const struct bench_args *a, const struct contest *c,
                           struct haq_session *session, json_t *doc,
                           struct haq_diag *d)
{
    json_t *rows;
    haq_status s = haq_bench_load(&rows, session, c->entry, c->n, c->name,
                                  a->level, a->levels, a->budget_ms, d);
    if (s == HAQ_OK && json_object_set_new(doc, "load", rows))
        s = haq_fail(d, HAQ_NOMEM, "results of the bench");
    return s;
}

static haq_status measure(const struct bench_args *a, struct contest *c,
                          struct haq_session *session, json_t *doc,
                          struct haq_diag *d)
{
    json_t *raw = json_object();
    haq_status s = measure_once(a, c, session, false, doc, raw, d);
    if (s == HAQ_OK && a->cold)
        s = measure_once(a, c, session, true, doc, raw, d);
    if (s == HAQ_OK && a->layers)
        s = add_steps(a, c, session, json_object_get(doc, "results"), d);
    if (s == HAQ_OK && a->raw)
        s = write_raw(a, c, raw, d);
    json_decref(raw);
    return s == HAQ_OK && a->levels ? add_load(a, c, session, doc, d) : s;
}

static haq_status bench(const struct bench_args *a, bool as_json,
                        struct haq_session *session, struct haq_diag *d)
{
    struct contest c;
    json_t *doc = json_pack("{s:s}", "model", a->model_path);
    haq_status s = contest_init(&c, a, d);

    if (s == HAQ_OK)
        s = add_uniform(&c, a, session, d);
    for (size_t i = 0; s == HAQ_OK && i < a->recipes.n; i++) {
        const char *path = a->recipes.item[i];
        s = haq_recipe_open(next_entry(&c, path), path,
                            haq_session_layers(session), d);
    }
    if (s == HAQ_OK)
        s = measure(a, &c, session, doc, d);
    if (s == HAQ_OK && as_json) {
        s = haq_print_json(json_incref(doc), d);
    } else if (s == HAQ_OK) {
        haq_bench_print(doc);
        haq_bench_print_load(json_object_get(doc, "load"));
        print_layers(json_object_get(doc, "results"));
    }
    json_decref(doc);
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
         "beside --weights (default: uint8 with --calib, else uint8:dynamic; "
         "float beside weights that are no integers)"},
        {"cold", 0, HAQ_OPT_FLAG, &a.cold, NULL,
         "measure with emptied caches, too"},
        {"raw", 0, HAQ_OPT_TEXT, &a.raw, "FILE",
         "write every round and what the witnesses read as JSON"},
        {"load", 0, HAQ_OPT_TEXT, &a.load, "LIST",
         "then throughput and percentiles with so many requests at once, one "
         "thread each: 1,2,4, or with batches: 2x8"},
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
    if (a.load)
        s = haq_bench_load_parse(a.level, &a.levels, a.load, a.batch, d);
    if (s != HAQ_OK)
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
