/* Candidates of a generation race over growing parts of the slice:
 *
 *     samples   0 ... 64 .... 192 ... 576 ... 1024
 *     all       xxxxxx
 *     alive           xxxxxxx
 *     alive                  xxxxxxxx
 *     alive                          xxxxxxx
 *
 * One is out when the paired bets of race.h say that it loses more than is
 * allowed, or that a point of the front so far that costs no more in anything
 * is more accurate: at a level of 5 % over all looks and all points that it is
 * compared with.
 */
#include "search/search_priv.h"

#include <math.h>
#include <stdlib.h>

#include "search/pareto.h"
#include "search/race.h"

enum { FIRST = 64, GROWTH = 3 };

/* That a candidate is dropped although it does not deserve it. */
static const double alpha = 0.05;

bool haq_race_possible(const struct haq_search *s)
{
    return !s->config.no_racing && s->base->seen >= haq_slice(s) &&
           haq_slice(s) >= 2 * FIRST;
}

/* End of the part of the slice behind `seen` samples. */
static size_t next_end(const struct haq_search *s, size_t seen)
{
    size_t end = seen < FIRST ? FIRST : seen * GROWTH, slice = haq_slice(s);
    return end + 2 * FIRST > slice ? slice : end;
}

static double evidence(const struct haq_candidate *c,
                       const struct haq_candidate *other, double margin)
{
    return haq_race_evidence(haq_bits_only(other->bits, c->bits, 0, c->seen),
                             haq_bits_only(c->bits, other->bits, 0, c->seen),
                             c->seen, margin);
}

/* Does `a` cost no more than `c`, in whatever counts beside accuracy? */
static bool no_dearer(const struct haq_search *s, const struct haq_candidate *a,
                      const struct haq_candidate *c)
{
    struct haq_timing x, y;
    bool size = s->config.objectives & HAQ_OBJ_SIZE ||
                isfinite(s->config.max_size_bytes);
    if (size && a->size_bytes > c->size_bytes)
        return false;
    if ((s->config.objectives & HAQ_OBJ_BOPS || s->config.max_bops > 0) &&
        a->bops > c->bops)
        return false;
    if (!haq_uses_latency(s))
        return true;
    return haq_predict_timing(s, a, &x) && haq_predict_timing(s, c, &y) &&
           x.ms.value <= y.ms.value;
}

/* Candidates that nobody beats, all of the slice seen. */
struct incumbents {
    const struct haq_candidate **candidate; /* [n] */
    size_t n;
};

static bool find_incumbents(struct incumbents *x, const struct haq_search *s)
{
    size_t m = haq_objective_count(s), room = s->n_candidates, n = 0;
    double *f = calloc(room, m * sizeof *f);
    double *violation = calloc(room, sizeof *violation);
    bool *keep = calloc(room, sizeof *keep);
    x->candidate = calloc(room, sizeof(const struct haq_candidate *));
    bool ok = f && violation && keep && x->candidate;
    x->n = 0;
    for (size_t i = 0; ok && i < room; i++) {
        const struct haq_candidate *c = s->candidate[i];
        if (!c->slice.known || c->failed || c->dropped || c->outside ||
            c->seen < haq_slice(s))
            continue;
        haq_candidate_judge(s, c, false, f + n * m, &violation[n]);
        x->candidate[n++] = c;
    }
    if (ok)
        haq_nondominated(f, violation, n, m, keep);
    for (size_t i = 0; ok && i < n; i++)
        if (keep[i])
            x->candidate[x->n++] = x->candidate[i];
    free(f);
    free(violation);
    free(keep);
    return ok;
}

static bool hopeless(const struct haq_search *s, const struct incumbents *x,
                     const struct haq_candidate *c)
{
    double limit = haq_drop_limit(s, true) / 100;
    size_t rivals = 0;
    if (limit < 1 && evidence(c, s->base, limit) > log(2 / alpha))
        return true;
    if (!(s->config.objectives & HAQ_OBJ_ACCURACY))
        return false;
    for (size_t i = 0; i < x->n; i++)
        rivals += no_dearer(s, x->candidate[i], c);
    double enough = log(2 * (double)rivals / alpha);
    for (size_t i = 0; i < x->n; i++)
        if (no_dearer(s, x->candidate[i], c) &&
            evidence(c, x->candidate[i], 0) > enough)
            return true;
    return false;
}

/* What was seen stands for the slice. */
static void settle(struct haq_search *s, struct haq_candidate *c)
{
    struct haq_interval v =
        haq_wilson(haq_bits_count(c->bits, 0, c->seen), c->seen);
    c->slice = (struct haq_accuracy){
        .known = true,
        .value = {100 * v.value, 100 * v.low, 100 * v.high},
        .n = c->seen,
        .kl = NAN};
    if (haq_slice_is_whole(s) && !c->dropped)
        c->whole = c->slice;
}

void haq_race_start(struct haq_search *s, struct haq_candidate *c)
{
    if (c->slice.known)
        return;
    s->raced++;
    haq_slot_add(s, HAQ_SLOT_RUNG, c, c->seen, next_end(s, c->seen) - c->seen);
}

static void next_rung(struct haq_search *s, const struct incumbents *x,
                      struct haq_candidate *c)
{
    if (c->slice.known || c->failed || !c->seen)
        return;
    c->dropped = c->seen < haq_slice(s) && hopeless(s, x, c);
    s->dropped += c->dropped;
    if (c->dropped || c->seen >= haq_slice(s))
        settle(s, c);
    else
        haq_slot_add(s, HAQ_SLOT_RUNG, c, c->seen,
                     next_end(s, c->seen) - c->seen);
}

void haq_race_next(struct haq_search *s)
{
    struct incumbents x = {0};
    if (!find_incumbents(&x, s))
        haq_search_fail(s, HAQ_NOMEM, "no memory for a race");
    for (size_t i = 0; i < s->n_members && !s->status; i++)
        next_rung(s, &x, s->member[i]);
    free(x.candidate);
}
