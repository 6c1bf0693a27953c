/* The winner's curse: of many candidates those look best that were lucky on the
 * samples that chose them.
 *
 *     chosen on A, the same points on B: B's loss - A's loss, on the average
 *
 * With 2,000 samples or more A is the slice of the search and B the rest of the
 * set, which no candidate was chosen on.  With fewer the set is cut into two
 * folds, each chooses once, and the mean of both is taken (cross-fitting).
 */
#include "search/search_priv.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "search/pareto.h"
#include "search/race.h"

enum { ENOUGH = 2000 };

/* Samples first .. last-1. */
struct part {
    size_t first, last;
};

static bool seen_all(const struct haq_search *s, const struct haq_candidate *c)
{
    return c->seen >= s->config.eval_samples;
}

/* Loss against float in points. */
static double loss(const struct haq_search *s, const struct haq_candidate *c,
                   struct part p)
{
    double lost = (double)haq_bits_count(s->base->bits, p.first, p.last) -
                  (double)haq_bits_count(c->bits, p.first, p.last);
    return 100 * lost / (double)(p.last - p.first);
}

/* Sum over the front by A of what B says more; *points of them. */
static double excess(const struct haq_search *s, struct part a, struct part b,
                     size_t *points)
{
    size_t m = haq_objective_count(s), n = 0, room = s->n_candidates;
    const struct haq_candidate **c =
        calloc(room, sizeof(const struct haq_candidate *));
    double *f = calloc(room, m * sizeof *f), sum = 0;
    double *violation = calloc(room, sizeof *violation);
    bool *keep = calloc(room, sizeof *keep);
    bool ok = c && f && violation && keep;
    for (size_t i = 0; ok && i < room; i++) {
        const struct haq_candidate *x = s->candidate[i];
        if (x->outside || x == s->base || !haq_candidate_confirmed(s, x) ||
            !seen_all(s, x))
            continue;
        haq_candidate_judge(s, x, true, f + n * m, &violation[n]);
        f[n * m] = loss(s, x, a); /* accuracy is the first objective */
        c[n++] = x;
    }
    if (ok)
        haq_nondominated(f, violation, n, m, keep);
    for (size_t i = 0; ok && i < n; i++)
        if (keep[i])
            sum += loss(s, c[i], b) - loss(s, c[i], a), ++*points;
    free(c);
    free(f);
    free(violation);
    free(keep);
    return sum;
}

static bool disjoint(const struct haq_search *s)
{
    return s->config.eval_samples >= ENOUGH && !haq_slice_is_whole(s);
}

json_t *haq_curse_json(const struct haq_search *s)
{
    size_t all = s->config.eval_samples, points = 0;
    size_t cut = disjoint(s) ? haq_slice(s) : all / 2;
    const struct part front = {0, cut}, rest = {cut, all};
    if (!seen_all(s, s->base) || !cut ||
        !(s->config.objectives & HAQ_OBJ_ACCURACY))
        return json_null();
    double sum = excess(s, front, rest, &points);
    if (!disjoint(s))
        sum += excess(s, rest, front, &points);
    if (!points)
        return json_null();
    return json_pack("{s:s,s:o,s:I,s:I}", "method",
                     disjoint(s) ? "disjoint" : "cross-fitted", "points",
                     haq_json_real(sum / (double)points), "samples",
                     (json_int_t)(all - cut), "measured", (json_int_t)points);
}

json_t *haq_holdout_json(const struct haq_search *s,
                         const struct haq_candidate *c)
{
    size_t first = haq_slice(s), n = s->config.eval_samples - first;
    if (!disjoint(s) || !seen_all(s, c))
        return json_null();
    struct haq_interval v =
        haq_wilson(haq_bits_count(c->bits, first, first + n), n);
    return json_pack("{s:o,s:o,s:o,s:I}", "value", haq_json_real(100 * v.value),
                     "ci_low", haq_json_real(100 * v.low), "ci_high",
                     haq_json_real(100 * v.high), "n", (json_int_t)n);
}
