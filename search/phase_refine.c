/* The last phase: what a search tunes layer by layer, each as if all others
 * were float, is tuned again in order for the points that are left, every layer
 * making up for those in front of it (worker/tune.h).  That costs two runs of
 * the calibration set per layer, which a candidate is not worth and a winner
 * is.  What turns out no better stays as it was.
 */
#include "search/search_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/pareto.h"

/* Points that are tried at most, and at the same time. */
enum { REFINE = 16, REFINE_BATCH = 2, REFINE_WISH = 4 };

/* Of a time budget, kept for it: without and with methods that train. */
static const double refine_share = 0.1, finish_share = 0.3;

/* Samples that tuning in order looks at, at most (worker/tune.c). */
enum { TUNING_SAMPLES = 1024 };

/* Training a network in blocks, in runs of samples (worker/train.c): 500 steps
 * of 32 samples forwards and backwards in float, until one was timed. */
enum { TRAINING_SAMPLES = 500 * 32 * 8 };

static double refine_cost(const struct haq_search *s)
{
    double whole = s->sample_s * (double)s->config.eval_samples;
    double tuning =
        2 * s->sample_s * TUNING_SAMPLES * (double)s->space.layers->n;
    if (s->config.finish)
        tuning += s->sample_s * TRAINING_SAMPLES;
    return s->refine_s > 0 ? s->refine_s : whole + tuning;
}

double haq_refine_reserve(const struct haq_search *s)
{
    bool any = s->config.has_calibration && strcmp(s->space.methods, "rtn");
    return any ? fmin(REFINE_WISH * refine_cost(s),
                      (s->config.finish ? finish_share : refine_share) *
                          s->config.time_s)
               : 0;
}

/* References stay what they are called. */
static bool refinable(const struct haq_search *s, const struct haq_candidate *c)
{
    return haq_candidate_confirmed(s, c) && !c->outside && !c->label &&
           s->config.has_calibration && haq_recipe_tunes_any(&c->recipe);
}

/* The confirmed front's points as members, in the order in which they cover
 * it. */
static bool choose_members(struct haq_search *s)
{
    size_t m = haq_objective_count(s), n = 0, kept = 0, room = s->n_candidates;
    struct haq_candidate **c = calloc(room, sizeof(struct haq_candidate *));
    double *f = calloc(room, m * sizeof *f);
    double *violation = calloc(room, sizeof *violation);
    size_t *index = calloc(room, sizeof *index);
    bool *keep = calloc(room, sizeof *keep);
    bool ok = c && f && violation && index && keep;
    for (size_t i = 0; ok && i < room; i++)
        if (haq_candidate_confirmed(s, s->candidate[i]) &&
            !s->candidate[i]->outside) {
            c[n] = s->candidate[i];
            haq_candidate_judge(s, c[n], true, f + n * m, &violation[n]);
            n++;
        }
    if (ok)
        haq_nondominated(f, violation, n, m, keep);
    for (size_t i = 0; ok && i < n; i++)
        if (keep[i] && refinable(s, c[i]))
            index[kept++] = i;
    ok = ok && haq_spread_order(f, m, index, kept) &&
         haq_members_reserve(s, kept);
    kept = kept < REFINE ? kept : REFINE;
    s->n_members = s->batch = 0;
    for (size_t i = 0; ok && i < kept; i++)
        s->member[s->n_members++] = c[index[i]];
    free(c);
    free(f);
    free(violation);
    free(index);
    free(keep);
    return ok;
}

static bool affordable(const struct haq_search *s)
{
    return !(s->config.time_s > 0) || s->replaying ||
           s->elapsed_s + refine_cost(s) <= s->config.time_s;
}

void haq_plan_refine(struct haq_search *s)
{
    if (!s->step && !choose_members(s)) {
        haq_search_fail(s, HAQ_NOMEM, "no memory for refining the front");
        return;
    }
    while (!s->status && !s->n_slots && s->batch < s->n_members &&
           affordable(s))
        for (size_t i = 0; i < REFINE_BATCH && s->batch < s->n_members; i++)
            haq_slot_add(s, HAQ_SLOT_ORDER, s->member[s->batch++], 0, 0);
}
