#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/model_opts.h"
#include "cli/progress.h"
#include "cli/uniform.h"
#include "quant/calib_method.h"
#include "report/bars.h"
#include "worker/sensitivity.h"

enum { ADVICE = 120 };

struct sensitivity_args {
    struct haq_model_opts model;
    const char *model_path, *calib, *weights, *activations, *calibration,
        *chart, *rank;
    size_t samples, probes;
    bool one_out, gradients;
};

/* ---- order ----------------------------------------------------------------
 */

static double share_of(const struct haq_layer_damage *l)
{
    return l->share;
}
static double first_order_of(const struct haq_layer_damage *l)
{
    return l->cost.first_order;
}
static double fisher_of(const struct haq_layer_damage *l)
{
    return l->cost.fisher;
}
static double hessian_of(const struct haq_layer_damage *l)
{
    return l->cost.hessian;
}

struct measure {
    const char *name, *head;
    bool gradients;
    double (*of)(const struct haq_layer_damage *l);
};

static const struct measure measures[] = {
    {"share", ">share", false, share_of},
    {"fisher", ">Fisher", true, fisher_of},
    {"hessian", ">Hessian", true, hessian_of},
    {"first-order", ">1st order", true, first_order_of}};
enum { MEASURES = sizeof measures / sizeof *measures };

static const struct measure *find_measure(const char *name)
{
    for (size_t i = 0; i < MEASURES; i++)
        if (!strcmp(measures[i].name, name))
            return &measures[i];
    return NULL;
}

struct ranked {
    size_t layer;
    double value;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? 1 : -1;
    return (x->layer > y->layer) - (x->layer < y->layer);
}

/* Layers, the worst first, those without a value last; malloc'ed. */
static struct ranked *rank(const struct haq_sensitivity *s,
                           const struct measure *m)
{
    struct ranked *r = calloc(s->n + 1, sizeof *r);
    for (size_t i = 0; r && i < s->n; i++) {
        double v = m->of(&s->layer[i]);
        r[i] = (struct ranked){i, isnan(v) ? -INFINITY : v};
    }
    if (r)
        qsort(r, s->n, sizeof *r, by_value);
    return r;
}

/* ---- output ---------------------------------------------------------------
 */

static json_t *layer_json(const struct haq_sensitivity *s, size_t i,
                          const struct haq_recipe *recipe)
{
    const struct haq_layer_damage *l = &s->layer[i];
    char advice[ADVICE];
    haq_sensitivity_advice(s, i, &recipe->layer[i], advice, sizeof advice);
    json_t *to = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:s}",
        "layer", l->layer, "kl", haq_json_real(l->kl), "sqnr_db",
        haq_json_real(l->sqnr_db), "weights_only_db",
        haq_json_real(l->weights_only_db), "one_out_kl",
        haq_json_real(l->out_kl), "share", haq_json_real(l->share), "weight_db",
        haq_json_real(l->weight_db), "channel_db", haq_json_real(l->channel_db),
        "group32_db", haq_json_real(l->group_db), "worst_channel",
        (json_int_t)l->worst_channel, "worst_channel_db",
        haq_json_real(l->worst_db), "channel_range_ratio",
        haq_json_real(l->range_ratio), "advice", advice);
    if (s->gradients)
        json_object_update_new(
            to, json_pack("{s:o, s:o, s:o, s:o, s:o}", "first_order",
                          haq_json_real(l->cost.first_order), "fisher",
                          haq_json_real(l->cost.fisher), "hessian",
                          haq_json_real(l->cost.hessian), "hessian_trace",
                          haq_json_real(l->trace), "hessian_trace_error",
                          haq_json_real(l->trace_error)));
    return to;
}

static json_t *to_json(const struct haq_sensitivity *s,
                       const struct ranked *order,
                       const struct haq_recipe *recipe,
                       const struct sensitivity_args *a)
{
    json_t *layers = json_array();
    for (size_t i = 0; i < s->n; i++)
        json_array_append_new(layers, layer_json(s, order[i].layer, recipe));
    json_t *to =
        json_pack("{s:s, s:s, s:s, s:I, s:s, s:{s:o, s:o}, s:o}", "model",
                  a->model_path, "weights", a->weights, "activations",
                  a->activations, "samples", (json_int_t)s->samples, "rank",
                  a->rank, "all", "kl", haq_json_real(s->all_kl), "sqnr_db",
                  haq_json_real(s->all_sqnr_db), "layers", layers);
    if (s->gradients)
        json_object_set_new(to, "gradients",
                            json_pack("{s:s, s:I, s:o}", "labels",
                                      s->drawn ? "drawn" : "data", "probes",
                                      (json_int_t)s->probes, "loss",
                                      haq_json_real(s->loss)));
    return to;
}

static void db_cell(struct haq_table *t, double v)
{
    if (isfinite(v))
        haq_table_cell(t, "%.1f", v);
    else
        haq_table_cell(t, "%s", "exact");
}

static struct haq_table *new_table(bool gradients)
{
    const char *heads[8 + MEASURES] = {"layer"};
    static const char *const others[] = {
        ">SQNR dB",   ">weights dB", ">KL",   ">one out KL",
        ">weight dB", ">worst chan", "advice"};
    size_t n = 1;
    for (size_t i = 0; i < MEASURES; i++)
        if (gradients || !measures[i].gradients)
            heads[n++] = measures[i].head;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        heads[n++] = others[i];
    return haq_table_new(n, heads);
}

static void print_gradients(const struct haq_sensitivity *s)
{
    printf("Fisher, Hessian, 1st order: what the error of the weights costs "
           "by gradients, labels %s;\nHessian traces from %zu vectors; loss "
           "of the float model %.4g\n",
           s->drawn ? "drawn from the model" : "of the data", s->probes,
           s->loss);
}

static void print_table(const struct haq_sensitivity *s,
                        const struct ranked *order,
                        const struct haq_recipe *recipe,
                        const struct sensitivity_args *a)
{
    struct haq_table *t = new_table(s->gradients);
    for (size_t i = 0; i < s->n; i++) {
        size_t at = order[i].layer;
        const struct haq_layer_damage *l = &s->layer[at];
        char advice[ADVICE];
        haq_sensitivity_advice(s, at, &recipe->layer[at], advice,
                               sizeof advice);
        haq_table_cell(t, "%s", l->layer);
        haq_table_cell(t, "%.1f %%", 100 * l->share);
        for (size_t k = 0; s->gradients && k < MEASURES; k++)
            if (measures[k].gradients)
                haq_table_cell(t, "%.3g", measures[k].of(l));
        db_cell(t, l->sqnr_db);
        db_cell(t, l->weights_only_db);
        haq_table_cell(t, "%.3g", l->kl);
        if (isnan(l->out_kl))
            haq_table_cell(t, "%s", "");
        else
            haq_table_cell(t, "%.3g", l->out_kl);
        db_cell(t, l->weight_db);
        haq_table_cell(t, "%zu: %.1f", l->worst_channel, l->worst_db);
        haq_table_cell(t, "%s", advice);
    }
    haq_table_print(t, stdout);
    printf("\nall layers in %s, activations %s: KL %.4g, SQNR %.1f dB, over "
           "%zu samples\n"
           "share: of the noise that layers make one at a time; SQNR: of the "
           "outputs, with this layer alone;\nweights dB: the same with float "
           "activations; weight dB: of the weights themselves\n",
           a->weights, a->activations, s->all_kl, s->all_sqnr_db, s->samples);
    if (s->gradients)
        print_gradients(s);
}

static haq_status write_chart(const struct haq_sensitivity *s,
                              const struct ranked *order,
                              const struct sensitivity_args *a,
                              struct haq_diag *d)
{
    struct haq_bar *bars = calloc(s->n + 1, sizeof *bars);
    struct haq_buf b;
    char title[160];
    if (!bars)
        return haq_fail(d, HAQ_NOMEM, "%s", a->chart);
    for (size_t i = 0; i < s->n; i++) {
        const struct haq_layer_damage *l = &s->layer[order[i].layer];
        bars[i].name = l->layer;
        bars[i].value = l->share;
        snprintf(bars[i].note, sizeof bars[i].note, "%.1f %%, %.1f dB",
                 100 * l->share, l->sqnr_db);
    }
    snprintf(title, sizeof title,
             "Share of the noise by layer: weights %s, activations %s",
             a->weights, a->activations);
    haq_buf_init(&b);
    haq_bars_write(&b, title, bars, s->n);
    haq_status status = b.failed ? haq_fail(d, HAQ_NOMEM, "%s", a->chart)
                                 : haq_file_write(a->chart, b.data, b.len, d);
    haq_buf_fini(&b);
    free(bars);
    return status;
}

/* ---- the command ----------------------------------------------------------
 */

static haq_status show(const struct haq_sensitivity *s,
                       const struct haq_recipe *recipe,
                       const struct sensitivity_args *a, bool as_json,
                       struct haq_diag *d)
{
    struct ranked *order = rank(s, find_measure(a->rank));
    haq_status status = order ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "sensitivity");
    if (status == HAQ_OK && a->chart)
        status = write_chart(s, order, a, d);
    if (status == HAQ_OK && as_json)
        status = haq_print_json(to_json(s, order, recipe, a), d);
    else if (status == HAQ_OK)
        print_table(s, order, recipe, a);
    free(order);
    return status;
}

static haq_status run(const struct sensitivity_args *a,
                      const struct haq_common *common,
                      struct haq_session *session, struct haq_diag *d)
{
    struct haq_recipe recipe;
    struct haq_sensitivity out;
    struct haq_progress_count count;
    struct haq_sensitivity_options opt = {.samples = a->samples,
                                          .one_out = a->one_out,
                                          .gradients = a->gradients,
                                          .probes = a->probes,
                                          .progress = haq_count_draw,
                                          .arg = &count};
    haq_recipe_init(&recipe);
    haq_count_init(&count, "runs", common->quiet);
    haq_status s = haq_uniform_recipe(&recipe, session, "--weights", a->weights,
                                      a->activations, a->calibration, d);
    if (s == HAQ_OK)
        s = haq_session_sensitivity(session, &recipe, &opt, &out, d);
    haq_progress_end(&count.line);
    if (s == HAQ_OK) {
        s = show(&out, &recipe, a, common->json, d);
        haq_sensitivity_fini(&out);
    }
    haq_recipe_fini(&recipe);
    return s;
}

haq_status haq_cmd_sensitivity(const struct haq_command *self, int argc,
                               char **argv, struct haq_diag *d)
{
    struct haq_common common;
    struct sensitivity_args a = {
        .rank = "share", .weights = "int4:channel", .calibration = "minmax"};
    char calibrations[200];
    const struct haq_opt opts[] = {
        {"calib", 0, HAQ_OPT_TEXT, &a.calib, "C.npz", "calibration data"},
        {"weights", 0, HAQ_OPT_TEXT, &a.weights, "FORMAT[:GRANULARITY]",
         "what layers are quantized to (int4:channel)"},
        {"activations", 0, HAQ_OPT_TEXT, &a.activations, "FORMAT|float",
         "and their inputs (uint8; float if the weights are no integers)"},
        {"calibration", 0, HAQ_OPT_TEXT, &a.calibration, "METHOD",
         calibrations},
        {"samples", 0, HAQ_OPT_COUNT, &a.samples, "N",
         "of the calibration data (256)"},
        {"one-out", 0, HAQ_OPT_FLAG, &a.one_out, NULL,
         "also all layers but one"},
        {"gradients", 0, HAQ_OPT_FLAG, &a.gradients, NULL,
         "also what gradients of the loss say (runs the network backwards)"},
        {"probes", 0, HAQ_OPT_COUNT, &a.probes, "N",
         "random vectors for the Hessian's trace at most (32)"},
        {"rank", 0, HAQ_OPT_TEXT, &a.rank, "MEASURE",
         "share, fisher, hessian, first-order (share); others than share "
         "imply --gradients"},
        {"chart", 0, HAQ_OPT_TEXT, &a.chart, "FILE.svg", "draw the shares"},
        HAQ_DIM_OPT(&a.model)};
    struct haq_session_config config;
    struct haq_session *session = NULL;

    haq_calib_methods_text(calibrations, sizeof calibrations);
    haq_common_init(&common);
    haq_status s = haq_opts_parse(self, opts, sizeof opts / sizeof *opts,
                                  &common, argc, argv, &a.model_path, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    if (!a.calib)
        return haq_fail(d, HAQ_USAGE, "--calib is missing");
    const struct measure *measure = find_measure(a.rank);
    if (!measure)
        return haq_fail(d, HAQ_USAGE,
                        "--rank %s: not share, fisher, hessian or first-order",
                        a.rank);
    a.gradients = a.gradients || measure->gradients;
    if (!a.activations)
        a.activations = haq_uniform_activations(a.weights, "uint8");
    s = haq_model_config(&config, &a.model, &common, a.model_path, d);
    config.calib_path = a.calib;
    config.metric = "agreement";
    if (s == HAQ_OK)
        s = haq_session_open(&session, &config, d);
    if (s == HAQ_OK)
        s = run(&a, &common, session, d);
    haq_session_close(session);
    haq_arena_fini(&a.model.arena);
    return s;
}
