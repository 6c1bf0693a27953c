/* What is known as front.json has it (docs/front.md). */
#include "search/search_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "search/algo/hypervolume.h"
#include "search/pareto.h"

enum { INT8 = HAQ_WEIGHT_INT8, ID_DIGITS = 12, FAILURES_SHOWN = 20 };

/* Points closer than this in size are told apart by latency only. */
static const double size_step = 0.03;
/* Edges of the hypervolume beyond float. */
static const double reference_margin = 1.1;
/* Points, or percent of a loss, that one would give at most when not asked. */
static const double usual_drop = 2;

/* Candidates that may stand on the front, then those that do. */
struct choice {
    const struct haq_candidate **candidate;
    double *f, *violation;
    bool *keep;
    size_t n;
    bool
        feasible; /* false: nothing keeps to the limits, the nearest is shown */
};

static void choice_fini(struct choice *c)
{
    free(c->candidate);
    free(c->f);
    free(c->violation);
    free(c->keep);
}

/* ---- choosing -------------------------------------------------------------*/

/* Accuracy to be shown: of all samples when float was measured on them too. */
static const struct haq_accuracy *shown(const struct haq_search *s,
                                        const struct haq_candidate *c)
{
    return haq_candidate_whole(s, c) ? &c->whole : &c->slice;
}

static bool usable(const struct haq_search *s, const struct haq_candidate *c)
{
    return !c->failed && shown(s, c)->known && shown(s, s->base)->known &&
           (!haq_uses_latency(s) || haq_candidate_timing(c));
}

/* Once points were confirmed only those are shown. */
static bool any_confirmed(const struct haq_search *s)
{
    for (size_t i = 0; i < s->n_candidates && s->phase > HAQ_PHASE_EVOLVE; i++)
        if (haq_candidate_confirmed(s, s->candidate[i]) &&
            !s->candidate[i]->label && !s->candidate[i]->outside)
            return true;
    return false;
}

static bool choice_init(struct choice *c, const struct haq_search *s)
{
    size_t m = haq_objective_count(s), room = s->n_candidates + 1;
    bool strict = any_confirmed(s) || !haq_phases[s->phase].name;
    *c = (struct choice){.feasible = true};
    c->candidate = calloc(room, sizeof(const struct haq_candidate *));
    c->f = calloc(room, m * sizeof *c->f);
    c->violation = calloc(room, sizeof *c->violation);
    c->keep = calloc(room, sizeof *c->keep);
    if (!c->candidate || !c->f || !c->violation || !c->keep)
        return false;
    for (size_t i = 0; i < s->n_candidates; i++) {
        const struct haq_candidate *x = s->candidate[i];
        if (x->outside || x->dropped || !usable(s, x) ||
            (strict && !haq_candidate_confirmed(s, x)))
            continue;
        haq_candidate_judge(s, x, true, c->f + c->n * m, &c->violation[c->n]);
        c->candidate[c->n++] = x;
    }
    return true;
}

/* Keep the entries with keep[i], in order. */
static void choice_shrink(struct choice *c, size_t m)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!c->keep[i])
            continue;
        memmove(c->f + n * m, c->f + i * m, m * sizeof *c->f);
        c->violation[n] = c->violation[i];
        c->candidate[n++] = c->candidate[i];
    }
    c->n = n;
}

/* When nothing is allowed: the one that misses the limits by the least. */
static void keep_nearest(struct choice *c)
{
    size_t best = 0;
    for (size_t i = 1; i < c->n; i++)
        if (c->violation[i] < c->violation[best])
            best = i;
    for (size_t i = 0; i < c->n; i++)
        c->keep[i] = i == best;
    c->feasible = false;
}

/* Fewer bit operations, where they count. */
static bool less_work(const struct haq_search *s, const struct haq_candidate *a,
                      const struct haq_candidate *b)
{
    return s->config.objectives & HAQ_OBJ_BOPS &&
           b->bops < (1 - size_step) * a->bops;
}

/* Sizes or bit operations 3 % apart, or latency intervals that do not touch. */
static bool distinct(const struct haq_search *s, const struct haq_candidate *a,
                     const struct haq_candidate *b)
{
    double x = (double)a->size_bytes, y = (double)b->size_bytes;
    if (fabs(x - y) >= size_step * fmax(x, y) || less_work(s, a, b) ||
        less_work(s, b, a))
        return true;
    const struct haq_timing *t = haq_candidate_timing(a);
    const struct haq_timing *u = haq_candidate_timing(b);
    if (!t || !u)
        return false;
    struct haq_interval p = haq_candidate_ms(s, t), q = haq_candidate_ms(s, u);
    return p.low > q.high || q.low > p.high;
}

/* Is b, which is no more accurate, worth showing beside a?  Not when it cannot
 * be told apart, nor when it is larger and its latency is better by luck only.
 */
static bool adds(const struct haq_search *s, const struct haq_candidate *a,
                 const struct haq_candidate *b)
{
    const struct haq_timing *t = haq_candidate_timing(a);
    const struct haq_timing *u = haq_candidate_timing(b);
    if (!distinct(s, a, b))
        return false;
    if (b->size_bytes < a->size_bytes || less_work(s, a, b) ||
        !(s->config.objectives & HAQ_OBJ_SIZE) || !t || !u)
        return true;
    return haq_candidate_ms(s, u).high < haq_candidate_ms(s, t).low;
}

/* Is i to be preferred to j when they cannot be told apart? */
static bool prefer(const struct haq_search *s, const struct haq_candidate *a,
                   const struct haq_candidate *b)
{
    double x = haq_candidate_drop(s, a, haq_candidate_whole(s, a));
    double y = haq_candidate_drop(s, b, haq_candidate_whole(s, b));
    if (x != y)
        return x < y;
    if (a->size_bytes != b->size_bytes)
        return a->size_bytes < b->size_bytes;
    return strcmp(a->id, b->id) < 0;
}

/* Sort by preference, then let a point in when it adds to all that are in
 * already: what is left is pairwise distinct, and whatever was left out has a
 * neighbour that is at least as accurate. */
static void keep_distinct(const struct haq_search *s, struct choice *c)
{
    size_t m = haq_objective_count(s);
    for (size_t i = 1; i < c->n; i++)
        for (size_t j = i; j && prefer(s, c->candidate[j], c->candidate[j - 1]);
             j--) {
            const struct haq_candidate *t = c->candidate[j];
            c->candidate[j] = c->candidate[j - 1], c->candidate[j - 1] = t;
            for (size_t k = 0; k < m; k++) {
                double x = c->f[j * m + k];
                c->f[j * m + k] = c->f[(j - 1) * m + k];
                c->f[(j - 1) * m + k] = x;
            }
        }
    for (size_t i = 0; i < c->n; i++) {
        c->keep[i] = true;
        for (size_t j = 0; j < i && c->keep[i]; j++)
            c->keep[i] =
                !c->keep[j] || adds(s, c->candidate[j], c->candidate[i]);
    }
}

static bool choose(struct choice *c, const struct haq_search *s)
{
    size_t m = haq_objective_count(s);
    if (!choice_init(c, s))
        return false;
    if (!haq_nondominated(c->f, c->violation, c->n, m, c->keep) && c->n)
        keep_nearest(c);
    choice_shrink(c, m);
    if (c->feasible)
        keep_distinct(s, c);
    else if (c->n)
        c->keep[0] = true;
    choice_shrink(c, m);
    return true;
}

/* ---- JSON of one candidate ------------------------------------------------*/

static json_t *accuracy_json(const struct haq_accuracy *a)
{
    if (!a->known)
        return json_null();
    return json_pack("{s:o,s:o,s:o,s:I}", "value",
                     haq_json_real(a->value.value), "ci_low",
                     haq_json_real(a->value.low), "ci_high",
                     haq_json_real(a->value.high), "n", (json_int_t)a->n);
}

static json_t *latency_json(struct haq_interval ms, int64_t rounds)
{
    return json_pack("{s:o,s:o,s:o,s:I}", "median", haq_json_real(ms.value),
                     "ci_low", haq_json_real(ms.low), "ci_high",
                     haq_json_real(ms.high), "rounds", (json_int_t)rounds);
}

static double speedup_over(const struct haq_search *s,
                           const struct haq_candidate *from,
                           const struct haq_candidate *c)
{
    const struct haq_timing *a = haq_candidate_timing(from);
    const struct haq_timing *b = haq_candidate_timing(c);
    if (!a || !b)
        return NAN;
    return haq_candidate_ms(s, a).value / haq_candidate_ms(s, b).value;
}

static int add_latency(const struct haq_search *s,
                       const struct haq_candidate *c, json_t *o)
{
    const struct haq_timing *t = haq_candidate_timing(c);
    if (!t) /* json_null is immortal: no reference is lost */
        return json_object_set_new(o, "latency_verdict", json_null()) |
               json_object_set_new(o, "latency_ms", json_null()) |
               json_object_set_new(o, "speedup", json_null()) |
               json_object_set_new(o, "speedup_int8", json_null());
    return json_object_set_new(o, "predicted", json_boolean(t->predicted)) |
           json_object_set_new(o, "latency_verdict",
                               t->verdict && *t->verdict
                                   ? json_string(t->verdict)
                                   : json_null()) |
           json_object_set_new(
               o, "latency_ms",
               latency_json(haq_candidate_ms(s, t), t->rounds)) |
           json_object_set_new(o, "measured_ms",
                               latency_json(t->ms, t->rounds)) |
           json_object_set_new(o, "speedup",
                               haq_json_real(speedup_over(s, s->base, c))) |
           json_object_set_new(
               o, "speedup_int8",
               haq_json_real(speedup_over(s, s->uniform[INT8], c)));
}

/* {"average": bits per weight, "layers": ["8", "4g", ...],
 *  "activations": ["s", "d", "f", ...]} in the order of "layers" on top. */
static json_t *bits_json(const struct haq_search *s,
                         const struct haq_candidate *c)
{
    static const char *const act[HAQ_ACT_VALUES] = {"s", "d", "f"};
    json_t *words = json_array(), *acts = json_array();
    double bits = 0, weights = 0;
    int bad = !words || !acts;
    for (size_t l = 0; l < s->space.layers->n && !bad; l++) {
        const struct haq_layer *layer = &s->space.layers->layer[l];
        struct haq_choice x = c->choice[l];
        double n = (double)layer->channels * (double)layer->reduction;
        char text[HAQ_CHOICE_TEXT];
        haq_choice_text(x, text);
        bad = json_array_append_new(words, json_string(text)) |
              json_array_append_new(acts, json_string(act[x.act]));
        weights += n;
        bits += n * haq_choice_format(x)->bits;
    }
    if (bad) {
        json_decref(words);
        json_decref(acts);
        return NULL;
    }
    return json_pack("{s:o,s:o,s:o}", "average",
                     haq_json_real(weights > 0 ? bits / weights : NAN),
                     "layers", words, "activations", acts);
}

/* {"kept": is it tuned in order, "gain": what that is worth in the metric's
 * unit, positive is better, "finish": methods that trained it then, or null};
 * null: not tried. */
static json_t *refined_json(const struct haq_search *s,
                            const struct haq_candidate *c)
{
    if (!c->refined)
        return json_null();
    double gain = c->whole.value.value - c->alone.value.value;
    return json_pack(
        "{s:b,s:o,s:s?}", "kept", c->in_order, "gain",
        haq_json_real(s->config.higher_is_better ? gain : 0 - gain), "finish",
        s->config.finish);
}

static json_t *candidate_json(const struct haq_search *s,
                              const struct haq_candidate *c)
{
    double drop = haq_candidate_drop(s, c, haq_candidate_whole(s, c));
    double ratio = (double)s->base->size_bytes / (double)c->size_bytes;
    json_t *o = json_pack(
        "{s:s%,s:s?,s:o,s:o,s:I,s:o,s:o,s:b,s:o,s:o,s:o,s:o}", "id", c->id,
        ID_DIGITS, "label", c->label, "accuracy", accuracy_json(shown(s, c)),
        "drop", haq_json_real(drop), "size_bytes", (json_int_t)c->size_bytes,
        "bops", haq_json_real(c->bops), "compression", haq_json_real(ratio),
        "confirmed", haq_candidate_confirmed(s, c), "holdout",
        haq_holdout_json(s, c), "refined", refined_json(s, c), "bits",
        bits_json(s, c), "recipe_json", haq_recipe_to_json(&c->recipe));
    if (o && add_latency(s, c, o)) {
        json_decref(o);
        o = NULL;
    }
    return o;
}

/* ---- the rest -------------------------------------------------------------*/

/* Scale to the reference: 1 is its edge, so that volumes lie in 0 .. about 1
 * whatever the units. */
static struct haq_figures reference(const struct haq_search *s)
{
    return (struct haq_figures){
        .drop = fmax(haq_drop_limit(s, true), 1e-9),
        .ms = reference_margin * s->base_ms.value,
        .bytes = reference_margin * (double)s->base->size_bytes,
        .bops = reference_margin * s->base->bops,
    };
}

static void scaled(const struct haq_search *s, const struct haq_candidate *c,
                   struct haq_figures r, double *x)
{
    const struct haq_timing *t = haq_candidate_timing(c);
    double drop = haq_candidate_drop(s, c, haq_candidate_whole(s, c));
    const struct haq_figures parts = {
        .drop = isnan(drop) ? INFINITY : drop / r.drop,
        .ms = t && r.ms > 0 ? haq_candidate_ms(s, t).value / r.ms : INFINITY,
        .bytes = (double)c->size_bytes / r.bytes,
        .bops = c->bops / r.bops,
    };
    haq_objectives_pick(s->config.objectives, &parts, x);
}

static double volume_of(const struct haq_search *s,
                        const struct haq_candidate *const *c, size_t n)
{
    static const double edge[HAQ_MAX_OBJECTIVES] = {1, 1, 1, 1};
    size_t m = haq_objective_count(s);
    double *x = calloc(n + 1, m * sizeof *x), v = NAN;
    if (x) {
        for (size_t i = 0; i < n; i++)
            scaled(s, c[i], reference(s), x + i * m);
        v = haq_hypervolume(x, n, m, edge);
    }
    free(x);
    return v;
}

/* Usable and within the limits: what the front is compared with obeys the same
 * rules. */
static bool allowed(const struct haq_search *s, const struct haq_candidate *c)
{
    double f[HAQ_MAX_OBJECTIVES], violation;
    if (!usable(s, c))
        return false;
    haq_candidate_judge(s, c, true, f, &violation);
    return violation <= 0;
}

static json_t *hypervolume_json(const struct haq_search *s,
                                const struct choice *c)
{
    const struct haq_candidate *plain[HAQ_WEIGHT_FLOAT + 1];
    size_t n = 0;
    if (allowed(s, s->base))
        plain[n++] = s->base;
    for (int w = 0; w < HAQ_WEIGHT_FLOAT; w++)
        if (s->uniform[w] && allowed(s, s->uniform[w]))
            plain[n++] = s->uniform[w];
    if (!usable(s, s->base))
        return json_null();
    struct haq_figures r = reference(s);
    unsigned o = s->config.objectives;
    double base = shown(s, s->base)->value.value;
    double worst = s->config.points ? r.drop : r.drop / 100 * fabs(base);
    worst = s->config.higher_is_better ? base - worst : base + worst;
    return json_pack(
        "{s:o,s:o,s:{s:o,s:o,s:o,s:o}}", "value",
        haq_json_real(volume_of(s, c->candidate, c->n)), "uniform",
        haq_json_real(volume_of(s, plain, n)), "reference", "accuracy",
        haq_json_real(o & HAQ_OBJ_ACCURACY ? worst : NAN), "latency_ms",
        haq_json_real(o & HAQ_OBJ_LATENCY ? r.ms : NAN), "size_bytes",
        haq_json_real(o & HAQ_OBJ_SIZE ? r.bytes : NAN), "bops",
        haq_json_real(o & HAQ_OBJ_BOPS ? r.bops : NAN));
}

static json_t *uniform_json(const struct haq_search *s)
{
    json_t *list = json_array();
    int bad = !list;
    for (int w = INT8; w >= 0 && !bad; w--)
        if (s->uniform[w] && shown(s, s->uniform[w])->known)
            bad = json_array_append_new(list, candidate_json(s, s->uniform[w]));
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* Most accurate first. */
static json_t *points_json(const struct haq_search *s, const struct choice *c)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; i < c->n && !bad; i++)
        bad = json_array_append_new(list, candidate_json(s, c->candidate[i]));
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *layers_json(const struct haq_search *s)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t l = 0; l < s->space.layers->n && !bad; l++)
        bad = json_array_append_new(
            list, json_string(s->space.layers->layer[l].tensor));
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* Formats that some layer may have. */
static unsigned used_formats(const struct haq_search *s)
{
    unsigned mask = 0;
    for (int i = 0; i < s->space.weights; i++)
        mask |= 1u << s->space.weight[i];
    return mask;
}

static json_t *formats_json(const struct haq_search *s)
{
    char text[HAQ_FORMATS_TEXT];
    haq_space_formats_text(used_formats(s), text);
    return json_string(text);
}

/* What races saved: {"candidates", "dropped", "samples", "saved": times fewer};
 * null: there was none. */
static json_t *racing_json(const struct haq_search *s)
{
    double all = (double)s->raced * (double)haq_slice(s);
    if (!s->raced_samples)
        return json_null();
    return json_pack("{s:I,s:I,s:I,s:o}", "candidates", (json_int_t)s->raced,
                     "dropped", (json_int_t)s->dropped, "samples",
                     (json_int_t)s->raced_samples, "saved",
                     haq_json_real(all / (double)s->raced_samples));
}

static json_t *warnings_json(const struct haq_search *s)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; i < s->n_warnings && !bad; i++)
        bad = json_array_append_new(list, json_string(s->warning[i]));
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *failures_json(const struct haq_search *s)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; i < s->n_candidates && !bad; i++) {
        const struct haq_candidate *c = s->candidate[i];
        if (c->failed && json_array_size(list) < FAILURES_SHOWN)
            bad = json_array_append_new(list, json_pack("{s:s%,s:s}", "id",
                                                        c->id, ID_DIGITS,
                                                        "reason", c->failed));
    }
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static size_t failed(const struct haq_search *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_candidates; i++)
        n += s->candidate[i]->failed != NULL;
    return n;
}

/* A sum, so that it takes what either side lacks: NULL arguments fail. */
static int set(json_t *o, const char *key, json_t *value)
{
    return json_object_set_new(o, key, value);
}

static json_t *objectives_json(unsigned mask)
{
    json_t *list = json_array();
    int bad = !list;
    for (const struct haq_objective_row *r = haq_objective_rows;
         r->name && !bad; r++)
        if (mask & r->bit)
            bad = json_array_append_new(list, json_string(r->name));
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *limits_json(const struct haq_search_config *c)
{
    return json_pack("{s:o,s:o,s:o,s:o}", "max_drop",
                     haq_json_real(c->max_drop), "max_latency_ms",
                     haq_json_real(c->max_latency_ms), "max_size_bytes",
                     haq_json_real(c->max_size_bytes), "max_bops",
                     haq_json_real(c->max_bops > 0 ? c->max_bops : NAN));
}

/* The point that costs least, when the drop that is allowed, all of the float
 * model's time and all of its bytes cost one each.  The scales are the model's
 * and the user's, not the front's: the same point is the knee whichever others
 * a search has found. */
static json_t *knee_json(const struct haq_search *s, const struct choice *c)
{
    double x[HAQ_MAX_OBJECTIVES], least = INFINITY;
    const char *id = c->n ? c->candidate[0]->id : NULL;
    struct haq_figures r = reference(s);
    r.drop = isfinite(s->config.max_drop) ? r.drop : usual_drop;
    for (size_t i = 0; i < c->n; i++) {
        double sum = 0;
        scaled(s, c->candidate[i], r, x);
        for (size_t k = 0; k < haq_objective_count(s); k++)
            sum += fmax(x[k], 0); /* better than float is luck */
        if (sum < least)
            least = sum, id = c->candidate[i]->id;
    }
    return id ? json_stringn(id, ID_DIGITS) : json_null();
}

static int fill_front(const struct haq_search *s, const struct choice *c,
                      double elapsed_s, json_t *o)
{
    const struct haq_search_config *k = &s->config;
    char model[HAQ_HASH_HEX + 8] = "sha256:";
    strcat(model, s->space.layers->model_hash);
    return set(o, "front", json_integer(1)) |
           set(o, "model", json_string(s->space.layers->name)) |
           set(o, "model_hash", json_string(model)) |
           set(o, "metric", json_string(k->metric)) |
           set(o, "metric_higher_is_better",
               json_boolean(k->higher_is_better)) |
           set(o, "metric_points", json_boolean(k->points)) |
           set(o, "objectives", objectives_json(k->objectives)) |
           set(o, "limits", limits_json(k)) |
           set(o, "formats", formats_json(s)) |
           set(o, "warnings", warnings_json(s)) |
           set(o, "racing", racing_json(s)) |
           set(o, "latency_model", haq_predict_error_json(s)) |
           set(o, "winners_curse", haq_curse_json(s)) |
           set(o, "algorithm", json_string(s->algo->name)) |
           set(o, "baseline", candidate_json(s, s->base)) |
           set(o, "uniform_int8", candidate_json(s, s->uniform[INT8])) |
           set(o, "uniform", uniform_json(s)) |
           set(o, "layers", layers_json(s)) |
           set(o, "points", points_json(s, c)) |
           set(o, "feasible", json_boolean(c->feasible && c->n)) |
           set(o, "knee", knee_json(s, c)) |
           set(o, "hypervolume", hypervolume_json(s, c)) |
           set(o, "complete", json_boolean(s->over && !s->status)) |
           set(o, "evaluations",
               json_integer((json_int_t)haq_search_evaluations(s))) |
           set(o, "generations", json_integer((json_int_t)s->generation)) |
           set(o, "failed", json_integer((json_int_t)failed(s))) |
           set(o, "failures", failures_json(s)) |
           set(o, "slice", json_integer((json_int_t)haq_slice(s))) |
           set(o, "seconds", haq_json_real(elapsed_s)) |
           set(o, "seed", json_integer((json_int_t)k->seed));
}

json_t *haq_search_front(const struct haq_search *s, double elapsed_s)
{
    struct choice c = {0};
    json_t *o = json_object();
    if (!o || !choose(&c, s) || fill_front(s, &c, elapsed_s, o) ||
        (s->status && set(o, "error", json_string(s->diag.text)))) {
        json_decref(o);
        o = NULL;
    }
    choice_fini(&c);
    return o;
}
