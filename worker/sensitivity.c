#include "worker/sensitivity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant/layer_weight.h"
#include "worker/saliency.h"
#include "worker/session_priv.h"

enum { SAMPLES = 256, PROBES = 32 };

/* ---- outputs --------------------------------------------------------------
 */

/* Runs and what they have in common. */
struct probe {
    struct haq_session *s;
    const struct haq_recipe *recipe;
    size_t samples, done, of;
    const struct haq_sensitivity_options *opt;
    const struct haq_saliency *saliency; /* or NULL */
};

struct damage {
    double kl, sqnr_db;
};

static void tick(void *arg)
{
    struct probe *p = arg;
    p->done++;
    if (p->opt->progress)
        p->opt->progress(p->opt->arg, p->done, p->of);
}

static haq_status measure(struct probe *p, const struct haq_recipe *recipe,
                          struct damage *out, struct haq_diag *d)
{
    json_t *result = NULL,
           *params = json_pack("{s:I}", "count", (json_int_t)p->samples);
    if (!params)
        return haq_fail(d, HAQ_NOMEM, "sensitivity");
    haq_status s =
        haq_task_run(p->s, "sensitivity", recipe, params, &result, NULL, d);
    json_decref(params);
    if (s != HAQ_OK)
        return s;
    const json_t *db = json_object_get(result, "sqnr_db");
    *out =
        (struct damage){json_number_value(json_object_get(result, "kl")),
                        json_is_number(db) ? json_number_value(db) : INFINITY};
    json_decref(result);
    tick(p);
    return HAQ_OK;
}

/* One layer alone, or (others) all but that; float_act: activations stay float.
 */
static haq_status subset(struct probe *p, size_t layer, bool others,
                         bool float_act, struct damage *out, struct haq_diag *d)
{
    struct haq_recipe part = *p->recipe;
    struct haq_recipe_layer *list = calloc(p->recipe->n + 1, sizeof *list);
    struct haq_act_spec plain;
    if (!list)
        return haq_fail(d, HAQ_NOMEM, "sensitivity");
    haq_status s = haq_act_spec_parse(&plain, "float", d);
    part.layer = list;
    part.n = 0;
    part.params_file = NULL;
    for (size_t i = 0; i < p->recipe->n; i++) {
        if ((i == layer) == others)
            continue;
        list[part.n] = p->recipe->layer[i];
        if (float_act)
            list[part.n].act = plain;
        part.n++;
    }
    if (s == HAQ_OK)
        s = measure(p, &part, out, d);
    free(list);
    return s;
}

/* ---- weights --------------------------------------------------------------
 */

static double db(double signal, double noise)
{
    return noise > 0 ? 10 * log10(signal / noise) : INFINITY;
}

/* Signal and noise of one row. */
static void row_noise(const float *w, const float *q, size_t k, double *signal,
                      double *noise)
{
    *signal = *noise = 0;
    for (size_t i = 0; i < k; i++) {
        double diff = (double)w[i] - (double)q[i];
        *signal += (double)w[i] * (double)w[i];
        *noise += diff * diff;
    }
}

/* Codes of w under spec and back, [n][k]. */
static haq_status round_trip(float *q, const struct haq_layer_weight *w,
                             const struct haq_weight_spec *spec,
                             struct haq_diag *d)
{
    struct haq_qweight codes;
    haq_status s = haq_qweight_scales(&codes, w->w, w->n, w->k, spec, d);
    if (s != HAQ_OK)
        return s;
    s = haq_qweight_round(&codes, w->w, d);
    if (s == HAQ_OK)
        haq_qweight_dequantize(q, &codes);
    haq_qweight_fini(&codes);
    return s;
}

static double sum_db(const struct haq_layer_weight *w, const float *q)
{
    double signal, noise;
    row_noise(w->w, q, w->n * w->k, &signal, &noise);
    return db(signal, noise);
}

static void find_worst(struct haq_layer_damage *to,
                       const struct haq_layer_weight *w, const float *q)
{
    to->worst_db = INFINITY;
    for (size_t i = 0; i < w->n; i++) {
        double signal, noise;
        row_noise(w->w + i * w->k, q + i * w->k, w->k, &signal, &noise);
        double v = signal > 0 ? db(signal, noise) : INFINITY;
        if (v < to->worst_db)
            to->worst_channel = i, to->worst_db = v;
    }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* scratch is [n]. */
static double range_ratio(const struct haq_layer_weight *w, float *scratch)
{
    for (size_t i = 0; i < w->n; i++) {
        scratch[i] = 0;
        for (size_t k = 0; k < w->k; k++)
            scratch[i] = fmaxf(scratch[i], fabsf(w->w[i * w->k + k]));
    }
    qsort(scratch, w->n, sizeof *scratch, by_value);
    float median = scratch[w->n / 2];
    return median > 0 ? (double)(scratch[w->n - 1] / median) : INFINITY;
}

/* What gradients say about q in place of w. */
static void weigh(struct haq_layer_damage *to, const struct haq_saliency *s,
                  const struct haq_layer_weight *w, const float *q)
{
    const struct haq_saliency_layer *l =
        s ? haq_saliency_layer(s, to->layer) : NULL;
    to->cost = (struct haq_saliency_cost){NAN, NAN, NAN};
    to->trace = to->trace_error = NAN;
    if (!l)
        return;
    to->cost = haq_saliency_cost(l, w->w, q);
    to->trace = l->trace;
    to->trace_error = l->trace_error;
}

static haq_status look_at(struct haq_layer_damage *to,
                          const struct haq_saliency *saliency,
                          const struct haq_layer_weight *w,
                          const struct haq_weight_spec *spec,
                          struct haq_diag *d)
{
    struct haq_weight_spec channel = *spec, group = *spec;
    float *q = malloc(w->n * w->k * sizeof *q + 1);
    haq_status s = q ? round_trip(q, w, spec, d)
                     : haq_fail(d, HAQ_NOMEM, "weights of %s", to->layer);
    if (!haq_weight_spec_fixed(spec)) {
        channel.granularity = HAQ_PER_CHANNEL;
        channel.group = 0;
        group.granularity = HAQ_PER_GROUP;
        group.group = 32;
    }
    if (s == HAQ_OK) {
        to->weight_db = sum_db(w, q);
        find_worst(to, w, q);
        weigh(to, saliency, w, q);
        to->range_ratio = range_ratio(w, q);
        s = round_trip(q, w, &channel, d);
    }
    if (s == HAQ_OK) {
        to->channel_db = sum_db(w, q);
        s = round_trip(q, w, &group, d);
    }
    if (s == HAQ_OK)
        to->group_db = sum_db(w, q);
    free(q);
    return s;
}

static const struct haq_node *node_of(const struct haq_graph *g,
                                      const char *layer)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].layer && !strcmp(g->nodes[i].layer, layer))
            return &g->nodes[i];
    return NULL;
}

static haq_status look_at_weights(struct probe *p, struct haq_layer_damage *to,
                                  const struct haq_weight_spec *spec,
                                  struct haq_diag *d)
{
    struct haq_layer_weight w;
    const struct haq_node *n = node_of(p->s->bulk, to->layer);
    if (!n)
        return haq_fail(d, HAQ_INVALID, "layer %s: not in the model",
                        to->layer);
    haq_status s = haq_layer_weight_get(&w, p->s->bulk, n, d);
    if (s != HAQ_OK)
        return s;
    s = look_at(to, p->saliency, &w, spec, d);
    haq_layer_weight_fini(&w);
    return s;
}

/* ---- all of it -------------------------------------------------------------
 */

static haq_status one_layer(struct probe *p, size_t i,
                            struct haq_layer_damage *to, struct haq_diag *d)
{
    const struct haq_recipe_layer *l = &p->recipe->layer[i];
    struct damage both, weights, without = {NAN, NAN};
    haq_status s = subset(p, i, false, false, &both, d);
    if (s == HAQ_OK)
        s = subset(p, i, false, true, &weights, d);
    if (s == HAQ_OK && p->opt->one_out)
        s = subset(p, i, true, false, &without, d);
    if (s != HAQ_OK)
        return s;
    to->kl = both.kl;
    to->sqnr_db = both.sqnr_db;
    to->weights_only_db = weights.sqnr_db;
    to->out_kl = without.kl;
    return look_at_weights(p, to, &l->weight, d);
}

/* A run over the samples forwards and backwards counts as one run. */
static haq_status find_gradients(struct haq_sensitivity *out, struct probe *p,
                                 struct haq_saliency *s, struct haq_diag *d)
{
    struct haq_session_saliency how = {.samples = p->samples,
                                       .probes = p->opt->probes ? p->opt->probes
                                                                : PROBES,
                                       .progress = tick,
                                       .arg = p};
    size_t most = 1 + 2 * how.probes;
    p->of += most;
    haq_status status = haq_session_saliency(p->s, &how, s, d);
    if (status != HAQ_OK)
        return status;
    p->of -= most - (1 + 2 * s->probes);
    p->saliency = s;
    out->gradients = true;
    out->drawn = how.drawn;
    out->probes = s->probes;
    out->loss = s->loss;
    return HAQ_OK;
}

static double noise_of(const struct haq_layer_damage *l)
{
    return pow(10, -l->sqnr_db / 10);
}

static haq_status fill(struct haq_sensitivity *out, struct probe *p,
                       struct haq_diag *d)
{
    struct damage all;
    double noise = 0;
    haq_status s = measure(p, p->recipe, &all, d);
    if (s != HAQ_OK)
        return s;
    out->all_kl = all.kl;
    out->all_sqnr_db = all.sqnr_db;
    for (size_t i = 0; s == HAQ_OK && i < out->n; i++) {
        struct haq_layer_damage *l = &out->layer[i];
        l->layer = haq_arena_strdup(&out->arena, p->recipe->layer[i].tensor);
        s = l->layer ? one_layer(p, i, l, d)
                     : haq_fail(d, HAQ_NOMEM, "sensitivity");
        noise += s == HAQ_OK ? noise_of(l) : 0;
    }
    for (size_t i = 0; s == HAQ_OK && i < out->n; i++)
        out->layer[i].share = noise > 0 ? noise_of(&out->layer[i]) / noise : 0;
    return s;
}

haq_status haq_session_sensitivity(struct haq_session *s,
                                   const struct haq_recipe *recipe,
                                   const struct haq_sensitivity_options *opt,
                                   struct haq_sensitivity *out,
                                   struct haq_diag *d)
{
    size_t runs = opt->one_out ? 3 : 2;
    struct probe p = {.s = s,
                      .recipe = recipe,
                      .samples = opt->samples ? opt->samples : SAMPLES,
                      .of = 1 + runs * recipe->n,
                      .opt = opt};
    *out = (struct haq_sensitivity){.n = recipe->n, .samples = p.samples};
    haq_arena_init(&out->arena);
    if (!s->calib.present)
        return haq_fail(d, HAQ_USAGE, "sensitivity needs --calib");
    if (out->samples > s->calib.set.n)
        out->samples = s->calib.set.n;
    out->layer = haq_arena_array(&out->arena, out->n + 1, sizeof *out->layer);
    struct haq_saliency saliency = {0};
    haq_status status =
        out->layer ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "sensitivity");
    if (status == HAQ_OK && opt->gradients)
        status = find_gradients(out, &p, &saliency, d);
    if (status == HAQ_OK)
        status = fill(out, &p, d);
    haq_saliency_fini(&saliency);
    if (status != HAQ_OK)
        haq_sensitivity_fini(out);
    return status;
}

void haq_sensitivity_fini(struct haq_sensitivity *s)
{
    haq_arena_fini(&s->arena);
    *s = (struct haq_sensitivity){0};
}

/* ---- advice ----------------------------------------------------------------
 */

/* A layer counts when it makes more than its part of the noise. */
static bool matters(const struct haq_sensitivity *s,
                    const struct haq_layer_damage *l)
{
    return s->n < 2 || l->share > 1.0 / (double)s->n;
}

void haq_sensitivity_advice(const struct haq_sensitivity *s, size_t i,
                            const struct haq_recipe_layer *spec, char *out,
                            size_t size)
{
    const struct haq_layer_damage *l = &s->layer[i];
    static const double worth_db = 3;
    double channel = l->channel_db - l->weight_db;
    double group = l->group_db - l->weight_db;
    bool float_act = !spec->act.format->integer;
    bool by_weights = float_act || l->weights_only_db - l->sqnr_db < worth_db;
    bool tensor = spec->weight.granularity == HAQ_PER_TENSOR;
    bool grouped = spec->weight.granularity == HAQ_PER_GROUP;

    snprintf(out, size, "%s", "");
    if (!matters(s, l))
        return;
    if (!by_weights)
        snprintf(out, size,
                 "its input, not its weights: wider activations, or another "
                 "calibration");
    else if (tensor && channel >= worth_db)
        snprintf(out, size, "a scale per channel gains %.0f dB", channel);
    else if (!grouped && group >= worth_db)
        snprintf(out, size, "groups of 32 gain %.0f dB", group);
    else if (spec->weight.format->bits < 8)
        snprintf(out, size, "keep it at 8 bits");
    else
        snprintf(out, size, "keep it float");
}
