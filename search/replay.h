/* search/replay.h - a search algorithm run on a table of results instead of on
 * a machine: every vector of the space was measured once, so that thousands of
 * searches take seconds and the best front is known.
 *
 * Objectives are scaled so that 0 is the best of the table's own front and 1
 * its worst; the reference point of hypervolumes is HAQ_REPLAY_REFERENCE in
 * each.
 */
#ifndef HAQ_SEARCH_REPLAY_H
#define HAQ_SEARCH_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "search/algo/algo.h"

#define HAQ_REPLAY_REFERENCE 1.1

/* What was measured; all borrowed. */
struct haq_replay_table {
    size_t genes, m, points;
    const int *cardinality; /* [genes], their product is `points` */
    const double *f;        /* [points][m] all minimised, the last gene runs
                               fastest; NAN: the measurement failed */
    double limit[HAQ_MAX_OBJECTIVES]; /* at most; INFINITY: none */
};

struct haq_replay {
    const struct haq_replay_table *table;
    double low[HAQ_MAX_OBJECTIVES], span[HAQ_MAX_OBJECTIVES]; /* of its front */
    double *front; /* [n_front][m] the table's own, scaled */
    size_t n_front;
    double volume; /* of that front */
};

/* Find the table's own front.  HAQ_INVALID: no point is within the limits;
 * HAQ_NOMEM.  haq_replay_fini is due in any case. */
haq_status haq_replay_init(struct haq_replay *r,
                           const struct haq_replay_table *t,
                           struct haq_diag *d);
void haq_replay_fini(struct haq_replay *r);

/* How one search went. */
struct haq_replay_run {
    double *share; /* [evaluations] hypervolume after each evaluation, as a part
                      of the table's; room by the caller */
    size_t evaluations;
    double *front; /* [n_front][m] at the end, scaled; malloc'ed */
    size_t n_front;
    double igd_plus; /* at the end, from the table's front */
};

/* Search with `algo` until `evaluations` vectors (at most all) are told, in
 * the order in which they were asked for.  HAQ_NOMEM.  run->front is the
 * caller's to free. */
haq_status haq_replay_search(const struct haq_replay *r,
                             const struct haq_algo *algo, size_t population,
                             uint64_t seed, struct haq_replay_run *run,
                             struct haq_diag *d);

/* First evaluation, from 1, after which `share` is reached; 0: never. */
size_t haq_replay_reached(const struct haq_replay_run *run, double share);

#endif
