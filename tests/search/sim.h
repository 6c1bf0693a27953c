/* tests/search/sim.h - a network that exists only as formulas, and a driver
 * that answers a search's wants from them.
 *
 * Damage of a layer: sensitivity * 4^-bits (half of it in groups) plus that of
 * its activations; accuracy falls with the sum and saturates at chance.
 * Latency: MACs times a factor of the kernel class, and of the width where the
 * kernels of the simulated engine read packed codes.  Both carry noise that is
 * a function of the recipe, so that a run can be repeated.
 */
#ifndef HAQ_TESTS_SEARCH_SIM_H
#define HAQ_TESTS_SEARCH_SIM_H

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "search/search.h"
#include "tests/suite.h"

enum { SIM_LAYERS = 12, SIM_LOG = 20000 };

static const uint64_t sim_log_start = 0xcbf29ce484222325u;

struct sim {
    struct haq_layers layers;
    struct haq_layer layer[SIM_LAYERS];
    double sensitivity[SIM_LAYERS];
    uint64_t shuffle;      /* != 0: tell in random order */
    double noise;          /* of accuracies in points */
    double in_order;       /* share of the damage that tuning in order leaves */
    double seconds_each;   /* simulated duration of one timing and of 1,000
                              samples; 0 = no clock */
    double now_s;          /* simulated clock */
    bool bits;             /* evaluations say which samples were right */
    size_t fail_every;     /* every n-th evaluation of a candidate fails */
    size_t stop_after;     /* wants until haq_search_stop; 0 = never */
    const char *fail_kind; /* all wants of this kind fail */
    bool fail_float, nan_latency;
    double slow_start; /* factor on the timing of the float model, if not 0 */
    int64_t disturbed; /* so many timings of one thing, three times as long */
    int packed;      /* widths up to this many bits have a kernel of their own;
                        -1: the engine does not say which kernel ran */
    double fixed_ms; /* of a network, in no layer and in no profile */
    double drift;    /* share by which a profile may be slower than another */
    size_t profiles; /* runs of one network */
    size_t wants, evaluations;
    uint64_t log_hash; /* of everything that was wanted, in order */
};

static inline void sim_init(struct sim *m)
{
    static const char *const names[SIM_LAYERS] = {"conv1", "b1a", "b1b", "b2a",
                                                  "b2b",   "b3a", "b3b", "b4a",
                                                  "b4b",   "b5a", "b5b", "fc"};
    *m = (struct sim){.noise = 0.1, .log_hash = sim_log_start};
    haq_arena_init(&m->layers.arena);
    m->layers.layer = m->layer;
    m->layers.n = SIM_LAYERS;
    m->layers.name = "simulated";
    memset(m->layers.model_hash, 'a', HAQ_HASH_HEX - 1);
    m->layers.other_bytes = 256;
    for (int i = 0; i < SIM_LAYERS; i++) {
        int64_t channels = 16 << (i / 4), in = i ? channels : 3;
        m->layer[i] = (struct haq_layer){
            .tensor = names[i],
            .op = "Conv",
            .input = "x",
            .weight = names[i],
            .channels = channels,
            .reduction = in * 9,
            .group = 1,
            .kernel = {3, 3},
            .macs = channels * in * 9 * (1024 >> (i / 3)),
            .bias = true,
            .first = !i,
            .last = i == SIM_LAYERS - 1,
        };
        m->sensitivity[i] = (i % 5 == 0 ? 4.0 : 0.4) / (1 + i);
    }
}

/* Uniform in -1 .. 1 from the recipe and a word. */
static inline double sim_noise(const struct haq_recipe *r, const char *word)
{
    char id[HAQ_HASH_HEX] = "float", all[HAQ_HASH_HEX];
    struct haq_hasher h;
    if (r)
        haq_recipe_assignment_id(r, id, NULL);
    haq_hasher_init(&h);
    haq_hasher_add(&h, id, strlen(id));
    haq_hasher_add(&h, word, strlen(word));
    haq_hasher_end(&h, all);
    all[8] = 0;
    return (double)strtoul(all, NULL, 16) / 2147483648.0 - 1;
}

static inline const struct haq_recipe_layer *
sim_layer(const struct haq_recipe *r, const char *tensor)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (!strcmp(r->layer[i].tensor, tensor))
            return &r->layer[i];
    return NULL;
}

static inline double sim_damage(const struct sim *m, const struct haq_recipe *r)
{
    double sum = 0;
    for (int i = 0; i < SIM_LAYERS; i++) {
        const struct haq_recipe_layer *q = sim_layer(r, m->layer[i].tensor);
        if (!q)
            continue;
        double grain = q->weight.granularity == HAQ_PER_GROUP ? 0.5 : 1;
        sum += grain * m->sensitivity[i] * 4 * pow(4, -q->weight.format->bits);
        if (q->act.format->integer)
            sum += (q->act.dynamic ? 0.7 : 1) * 2e-4 * m->sensitivity[i];
    }
    return sum;
}

static inline double sim_layer_ms(const struct sim *m,
                                  const struct haq_recipe *r, int i)
{
    const struct haq_recipe_layer *q = sim_layer(r, m->layer[i].tensor);
    double factor = 1;
    if (q) {
        bool grouped = q->weight.granularity == HAQ_PER_GROUP;
        factor = !q->act.format->integer ? 0.95 : q->act.dynamic ? 0.4 : 0.3;
        factor *= grouped ? 1.15 : 1;
        if (q->weight.format->bits <= m->packed)
            factor *= 0.6 + q->weight.format->bits / 20.0;
    }
    return 1e-6 * (double)m->layer[i].macs * factor + 0.002;
}

static inline double sim_ms(const struct sim *m, const struct haq_recipe *r)
{
    double sum = 0.05;
    for (int i = 0; i < SIM_LAYERS; i++)
        sum += sim_layer_ms(m, r, i);
    return sum;
}

/* Sample i is as hard as a number between 0 and 100 that depends on i alone;
 * one in a hundred turns out otherwise, in a way of each recipe's own. */
static inline bool sim_right(const struct haq_recipe *r, const char *id,
                             double value, size_t i)
{
    uint64_t seed = 0x9e3779b97f4a7c15u * (i + 1), own = seed;
    double hard = (double)(next_random(&seed) % 10000) / 100;
    for (const char *p = id; *p; p++)
        own = (own ^ (uint64_t)*p) * 0x100000001b3u;
    bool odd = r && next_random(&own) % 100 == 0;
    return (hard < value) != odd;
}

static inline json_t *sim_bits(struct sim *m, const struct haq_recipe *r,
                               double value, const json_t *params)
{
    enum { ALL = 10000 };
    static char hex[ALL / 4 + 2];
    char id[HAQ_HASH_HEX] = "float";
    size_t first = (size_t)json_integer_value(json_object_get(params, "first"));
    size_t count = (size_t)json_integer_value(json_object_get(params, "count"));
    size_t n = count ? count : ALL - first, right = 0;
    if (r)
        haq_recipe_assignment_id(r, id, NULL);
    memset(hex, 0, sizeof hex);
    for (size_t i = 0; i < n; i += 4) {
        unsigned digit = 0;
        for (size_t k = 0; k < 4 && i + k < n; k++)
            digit |= (unsigned)sim_right(r, id, value, first + i + k) << k;
        right += (size_t)__builtin_popcount(digit);
        hex[i / 4] = "0123456789abcdef"[digit];
    }
    value = 100 * (double)right / (double)n;
    return json_pack("{s:f,s:f,s:f,s:f,s:f,s:s}", "value", value, "ci_low",
                     value - 0.5, "ci_high", value + 0.5, "n", (double)n,
                     "seconds", m->seconds_each * (double)n / 1000, "bits",
                     hex);
}

static inline json_t *sim_evaluate(struct sim *m, const struct haq_recipe *r,
                                   const json_t *params)
{
    int64_t count = json_integer_value(json_object_get(params, "count"));
    double n = count ? (double)count : 10000;
    double damage = sim_damage(m, r);
    if (json_object_get(params, "tune"))
        damage *= m->in_order; /* what tuning in order leaves of it */
    double value = 10 + 82 * exp(-2 * damage);
    value += m->noise * sim_noise(r, count ? "slice" : "whole") *
             (count ? 1 : 0.3) * (r ? 1 : 0);
    m->evaluations++;
    if (m->bits && json_object_get(params, "bits"))
        return sim_bits(m, r, value, params);
    return json_pack("{s:f,s:f,s:f,s:f,s:f,s:f}", "value", value, "ci_low",
                     value - 0.5, "ci_high", value + 0.5, "n", n, "kl", damage,
                     "seconds", m->seconds_each * n / 1000);
}

/* How long a want takes. */
static inline double sim_seconds(const struct sim *m, const json_t *result)
{
    const json_t *seconds = json_object_get(result, "seconds");
    return seconds ? json_number_value(seconds) : m->seconds_each;
}

static inline json_t *sim_latency(const struct sim *m,
                                  const struct haq_recipe *r,
                                  const json_t *params)
{
    double budget = json_number_value(json_object_get(params, "budget_ms"));
    double width = budget > 100 ? 0.004 : 0.02;
    double drift = 1 + 0.2 * sim_noise(r, "drift"); /* of the whole machine */
    double speedup = (sim_ms(m, NULL) + m->fixed_ms) /
                     (sim_ms(m, r) + m->fixed_ms) *
                     (1 + width / 2 * sim_noise(r, "paired"));
    double ms = sim_ms(m, r) * drift;
    bool disturbed =
        json_integer_value(json_object_get(params, "again")) < m->disturbed;
    if (m->nan_latency && r)
        return json_pack("{s:n}", "median");
    if (m->slow_start > 0 && !r)
        ms *= m->slow_start;
    if (disturbed)
        ms *= 3, speedup /= r ? 3 : 1;
    return json_pack("{s:s,s:f,s:f,s:f,s:i,s:f,s:f,s:f}", "verdict",
                     disturbed ? "disturbed" : "valid", "median", ms, "ci_low",
                     ms * (1 - width), "ci_high", ms * (1 + width), "rounds",
                     50, "speedup", speedup, "speedup_low",
                     speedup * (1 - width), "speedup_high",
                     speedup * (1 + width));
}

static inline json_t *sim_profile(struct sim *m, const struct haq_recipe *r)
{
    json_t *layers = json_object(), *kernels = json_object(),
           *bytes = json_object();
    double slow = 1 + m->drift * (1 + sim_noise(r, "profile"));
    for (int i = 0; i < SIM_LAYERS && m->packed >= 0; i++) {
        const struct haq_recipe_layer *q = sim_layer(r, m->layer[i].tensor);
        int bits = q ? q->weight.format->bits : 32;
        bits = q && bits > m->packed ? 8 : bits;
        json_object_set_new(kernels, m->layer[i].tensor,
                            json_string(q ? "gemm_u8_s8" : "gemm_f32"));
        json_object_set_new(
            bytes, m->layer[i].tensor,
            json_integer(bits * m->layer[i].channels * m->layer[i].reduction));
    }
    for (int i = 0; i < SIM_LAYERS; i++)
        json_object_set_new(layers, m->layer[i].tensor,
                            json_real(slow * sim_layer_ms(m, r, i)));
    m->profiles++;
    return json_pack("{s:f,s:o,s:f,s:f,s:o,s:o}", "total_ms",
                     slow * sim_ms(m, r), "layers", layers, "other_ms",
                     slow * 0.05, "float_ms", slow * sim_ms(m, NULL), "kernels",
                     kernels, "weight_bytes", bytes);
}

static inline json_t *sim_answer(struct sim *m, const struct haq_want *w)
{
    if (m->fail_kind && !strcmp(w->kind, m->fail_kind) &&
        (w->recipe || m->fail_float))
        return NULL;
    if (!strcmp(w->kind, "evaluate")) {
        if (m->fail_every && w->recipe && w->recipe->n == SIM_LAYERS &&
            m->evaluations > 20 && m->evaluations % m->fail_every == 0) {
            m->evaluations++;
            return NULL;
        }
        return sim_evaluate(m, w->recipe, w->params);
    }
    if (!strcmp(w->kind, "sensitivity"))
        return json_pack("{s:f,s:f,s:i}", "kl", sim_damage(m, w->recipe), "mse",
                         0.5, "n", 256);
    if (!strcmp(w->kind, "profile-layer"))
        return sim_profile(m, w->recipe);
    return sim_latency(m, w->recipe, w->params);
}

static inline void sim_log(struct sim *m, const struct haq_want *w)
{
    char id[HAQ_HASH_HEX] = "float";
    size_t len = 0;
    if (w->recipe)
        haq_recipe_assignment_id(w->recipe, id, NULL);
    char *params = haq_json_canonical(w->params, &len);
    const char *parts[] = {w->kind, id, params};
    for (int i = 0; i < 3; i++)
        for (const char *p = parts[i]; *p; p++)
            m->log_hash = (m->log_hash ^ (uint64_t)*p) * 0x100000001b3u;
    free(params);
}

struct sim_open {
    uint64_t id;
    json_t *result;
};

/* Run a search to its end (or until it is stopped): hand out whatever there is,
 * then tell everything, in order or shuffled. */
static inline void sim_drive(struct sim *m, struct haq_search *s)
{
    static struct sim_open open[SIM_LOG];
    while (!haq_search_done(s)) {
        size_t n = 0;
        struct haq_want w;
        while (n < SIM_LOG && haq_search_next(s, m->now_s, &w)) {
            sim_log(m, &w);
            open[n++] = (struct sim_open){w.id, sim_answer(m, &w)};
            m->now_s += sim_seconds(m, open[n - 1].result);
            if (++m->wants == m->stop_after)
                haq_search_stop(s);
            if (m->seconds_each > 0)
                break; /* one at a time, so that time passes between */
        }
        if (!n && !haq_search_done(s)) {
            CU_FAIL("the search neither wants nor ends");
            return;
        }
        for (size_t i = n; m->shuffle && i > 1; i--) {
            size_t j = (size_t)(next_random(&m->shuffle) % i);
            struct sim_open t = open[i - 1];
            open[i - 1] = open[j], open[j] = t;
        }
        for (size_t i = 0; i < n; i++) {
            haq_search_tell(s, open[i].id, open[i].result, "simulated failure",
                            NULL);
            json_decref(open[i].result);
        }
    }
}

static inline struct haq_search_config sim_config(void)
{
    return (struct haq_search_config){
        .objectives = HAQ_OBJ_ACCURACY | HAQ_OBJ_LATENCY | HAQ_OBJ_SIZE,
        .algorithm = "nsga2", /* thinks least */
        .max_drop = INFINITY,
        .max_latency_ms = INFINITY,
        .max_size_bytes = INFINITY,
        .trials = 400,
        .seed = 1,
        .metric = "top1",
        .higher_is_better = true,
        .points = true,
        .eval_samples = 10000,
        .calib_hash = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
                      "cccccccc",
        .calib_method = "minmax",
        .has_calibration = true,
    };
}

/* A whole search; the front is a new reference. */
static inline json_t *sim_run(struct sim *m, const struct haq_search_config *c)
{
    struct haq_search *s = NULL;
    struct haq_diag d = {0};
    if (haq_search_new(&s, c, &m->layers, &d)) {
        CU_FAIL("the search could not be made");
        printf("%s\n", d.text);
        return NULL;
    }
    sim_drive(m, s);
    json_t *front = haq_search_front(s, m->now_s);
    haq_search_free(s);
    return front;
}

static inline double sim_number(const json_t *o, const char *a, const char *b)
{
    const json_t *v = json_object_get(o, a);
    return json_number_value(b ? json_object_get(v, b) : v);
}

#endif
