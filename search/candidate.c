#include "search/search_priv.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Share of samples on which a useful candidate and float disagree: what makes
 * the difference of two accuracies on one slice noisy. */
static const double discordant = 0.02;

static const double latency_step = 0.02;

enum { SLICE_COUNTING = 1024, SLICE_OTHER = 96 };

static struct haq_candidate *make(struct haq_search *s,
                                  const struct haq_choice *choice)
{
    if (s->n_candidates == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        struct haq_candidate **p =
            realloc(s->candidate, room * sizeof(struct haq_candidate *));
        if (!p)
            return NULL;
        s->candidate = p, s->room = room;
    }
    struct haq_candidate *c = haq_arena_alloc(&s->arena, sizeof *c);
    struct haq_choice *copy =
        haq_arena_copy(&s->arena, choice, s->space.layers->n * sizeof *copy);
    if (!c || !copy || haq_space_recipe(&s->space, choice, &c->recipe, NULL))
        return NULL;
    c->choice = copy;
    c->outside = !haq_space_holds(&s->space, choice);
    if (haq_recipe_assignment_id(&c->recipe, c->id, NULL)) {
        haq_recipe_fini(&c->recipe);
        return NULL;
    }
    c->bops = haq_space_bops(&s->space, choice);
    c->size_bytes = haq_recipe_size_bytes(&c->recipe, s->space.layers);
    s->candidate[s->n_candidates++] = c;
    return c;
}

struct haq_candidate *haq_candidate_of(struct haq_search *s,
                                       const struct haq_choice *choice)
{
    for (size_t i = 0; i < s->n_candidates; i++)
        if (!memcmp(s->candidate[i]->choice, choice,
                    s->space.layers->n * sizeof *choice))
            return s->candidate[i];
    struct haq_candidate *c = make(s, choice);
    if (!c)
        haq_search_fail(s, HAQ_NOMEM, "no memory for another candidate");
    return c;
}

struct haq_choice *haq_choices_new(struct haq_search *s)
{
    struct haq_choice *choice = calloc(s->space.layers->n, sizeof *choice);
    if (!choice)
        haq_search_fail(s, HAQ_NOMEM, "no memory for another candidate");
    return choice;
}

struct haq_candidate *haq_candidate_get(struct haq_search *s, const int *genes)
{
    struct haq_choice *choice = haq_choices_new(s);
    struct haq_candidate *c = NULL;
    if (choice) {
        haq_space_choices(&s->space, genes, choice);
        c = haq_candidate_of(s, choice);
    }
    free(choice);
    return c;
}

bool haq_uses_latency(const struct haq_search *s)
{
    return s->config.objectives & HAQ_OBJ_LATENCY ||
           isfinite(s->config.max_latency_ms);
}

size_t haq_objective_count(const struct haq_search *s)
{
    const struct haq_figures any = {0};
    double f[HAQ_MAX_OBJECTIVES];
    return haq_objectives_pick(s->config.objectives, &any, f);
}

size_t haq_slice(const struct haq_search *s)
{
    size_t n = s->config.slice;
    if (!n)
        n = s->config.points ? SLICE_COUNTING : SLICE_OTHER;
    return n < s->config.eval_samples ? n : s->config.eval_samples;
}

bool haq_slice_is_whole(const struct haq_search *s)
{
    return haq_slice(s) == s->config.eval_samples;
}

/* ---- accuracy -------------------------------------------------------------*/

static const struct haq_accuracy *accuracy(const struct haq_candidate *c,
                                           bool whole)
{
    return whole ? &c->whole : &c->slice;
}

double haq_candidate_drop(const struct haq_search *s,
                          const struct haq_candidate *c, bool whole)
{
    const struct haq_accuracy *a = accuracy(c, whole);
    const struct haq_accuracy *f = accuracy(s->base, whole);
    if (!a->known || !f->known)
        return NAN;
    double loss = a->value.value - f->value.value;
    if (s->config.higher_is_better)
        loss = -loss;
    double scale = fabs(f->value.value);
    return s->config.points || !(scale > 0) ? loss : 100 * loss / scale;
}

bool haq_candidate_whole(const struct haq_search *s,
                         const struct haq_candidate *c)
{
    return c->whole.known && s->base->whole.known;
}

double haq_drop_limit(const struct haq_search *s, bool final)
{
    const struct haq_search_config *k = &s->config;
    double base = s->base->whole.known ? s->base->whole.value.value
                                       : s->base->slice.value.value;
    if (isinf(k->max_drop))
        return k->points ? fabs(base) / 2 : 100;
    if (final || haq_slice_is_whole(s))
        return k->max_drop;
    double noise = k->points ? 100 * sqrt(discordant / (double)haq_slice(s))
                             : k->max_drop / 5;
    return k->max_drop + noise;
}

/* ---- latency --------------------------------------------------------------*/

const struct haq_timing *haq_candidate_timing(const struct haq_candidate *c)
{
    if (c->thorough.known)
        return &c->thorough;
    return c->quick.known ? &c->quick : NULL;
}

bool haq_timing_spoilt(const struct haq_timing *t)
{
    return !strcmp(t->verdict, "disturbed") || !strcmp(t->verdict, "throttled");
}

/* Every long timing contains the float model's: its own may have been taken at
 * a bad moment, the median of all was not. */
void haq_search_base_ms(struct haq_search *s)
{
    enum { ENOUGH = 6 };
    double *ms = malloc((s->n_candidates + 1) * sizeof *ms);
    size_t n = 0;
    s->base_ms = s->base->thorough.ms;
    for (size_t i = 0; ms && i < s->n_candidates; i++) {
        const struct haq_timing *t = &s->candidate[i]->thorough;
        if (t->known && !haq_timing_spoilt(t) && !isnan(t->speedup.value))
            ms[n++] = t->ms.value * t->speedup.value;
    }
    if (n >= ENOUGH)
        s->base_ms = haq_median(ms, n);
    free(ms);
}

struct haq_interval haq_candidate_ms(const struct haq_search *s,
                                     const struct haq_timing *t)
{
    struct haq_interval base = s->base_ms;
    if (isnan(t->speedup.value) || !s->base->thorough.known)
        return t->ms;
    return (struct haq_interval){base.value / t->speedup.value,
                                 base.low / t->speedup.high,
                                 base.high / t->speedup.low};
}

bool haq_candidate_confirmed(const struct haq_search *s,
                             const struct haq_candidate *c)
{
    return !c->failed && c->whole.known &&
           (!haq_uses_latency(s) || c->thorough.known);
}

/* ---- judgement ------------------------------------------------------------*/

/* Latency in steps of its usual noise: no candidate may survive because its
 * timing was lucky. */
static double coarse(double ms)
{
    return isfinite(ms) && ms > 0
               ? exp(round(log(ms) / latency_step) * latency_step)
               : ms;
}

static double excess(double value, double limit)
{
    return isfinite(limit) && value > limit
               ? (value - limit) / fmax(fabs(limit), 1e-9)
               : 0;
}

void haq_candidate_judge(const struct haq_search *s,
                         const struct haq_candidate *c, bool final, double *f,
                         double *violation)
{
    bool whole = final && haq_candidate_whole(s, c);
    double drop = haq_candidate_drop(s, c, whole);
    struct haq_timing guess;
    const struct haq_timing *t = haq_candidate_timing(c);
    if (!final && haq_predict_timing(s, c, &guess))
        t = &guess;
    double ms = t ? haq_candidate_ms(s, t).value : INFINITY;
    const struct haq_figures x = {
        .drop = isnan(drop) ? INFINITY : drop,
        .ms = final ? ms : coarse(ms),
        .bytes = (double)c->size_bytes,
        .bops = c->bops,
    };
    haq_objectives_pick(s->config.objectives, &x, f);

    double limit = haq_drop_limit(s, final && (whole || haq_slice_is_whole(s)));
    double bad = drop > limit ? (drop - limit) / fmax(limit, 1) : 0;
    if (t)
        bad += excess(ms, s->config.max_latency_ms);
    bad += excess((double)c->size_bytes, s->config.max_size_bytes);
    if (s->config.max_bops > 0)
        bad += excess(c->bops, s->config.max_bops);
    if (c->failed || isnan(drop) || (!t && haq_uses_latency(s) && !(bad > 0)))
        bad = INFINITY;
    *violation = bad;
}
