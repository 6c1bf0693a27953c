/* search/search.h - a whole search as a pure state machine.
 *
 * It owns no model, no socket, no clock: it says what it wants measured, takes
 * the results, and says what is next.
 *
 *     wants -> [someone measures] -> tells -> wants -> ... -> done
 *
 * Phases: baseline (float and the uniform formats), sensitivity (each layer
 * alone), profile (per-layer latency table), evolve (NSGA-II seeded from both),
 * confirm (the front again, on the whole evaluation set and with long timings).
 *
 * Deterministic: given config and the results, whatever the order in which
 * they are told, the same wants come out in the same order.  Resuming is
 * starting anew and answering wants from the store.
 */
#ifndef HAQ_SEARCH_SEARCH_H
#define HAQ_SEARCH_SEARCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/stats.h"
#include "base/status.h"
#include "graph/layers.h"
#include "quant/recipe.h"
#include "search/objective.h"

struct haq_rules;
struct haq_list;

struct haq_search_config {
    unsigned objectives;   /* HAQ_OBJ_* mask, at least one */
    const char *algorithm; /* row of search/algo/algo.c, NULL: "auto" */
    double max_drop;       /* points (percent for perplexity); INFINITY */
    double max_latency_ms; /* INFINITY when unlimited */
    double max_size_bytes; /* INFINITY when unlimited */
    double max_bops;       /* 0 when unlimited */
    size_t trials;         /* candidates to evaluate; 0 = no limit */
    double time_s;         /* whole job; 0 = no limit (then trials > 0) */
    uint64_t seed;
    const char *metric;                    /* row name of graph/metric.h */
    bool higher_is_better, points;         /* of that metric */
    size_t eval_samples;                   /* in the evaluation set */
    const char *calib_hash, *calib_method; /* written into every recipe */
    const char *methods; /* of layers below 8 bits, "clip,gptq"; NULL = "rtn" */
    const char *finish;  /* more for the points that are left, NULL: none */
    bool has_calibration; /* false: no static activations in the space */
    unsigned formats;     /* of weights, search/space.h; 0 = the usual ones */
    /* Borrowed for haq_search_new; NULL: none. */
    const struct haq_rules *rules;       /* search/rules.h */
    const struct haq_list *capabilities; /* of the target; NULL: it can all */
    const char *target;                  /* its name, for sentences */
    size_t population; /* 0 = from the number of layers and the budget */
    size_t slice;      /* samples per candidate; 0 = 1024 for metrics in points,
                          else 96; at most eval_samples */
    bool no_racing;    /* every candidate sees the whole slice */
    size_t confirm;    /* most points measured again at the end; 0 = 40 */
};

/* One measurement that the search wants. Kinds and their JSON are documented in
 * worker/task.h. */
struct haq_want {
    uint64_t id;      /* to be given back to haq_search_tell */
    const char *kind; /* "evaluate", "sensitivity", "profile-layer",
                         "measure-latency" */
    const struct haq_recipe *recipe; /* NULL: the float model; borrowed until
                                        told */
    const json_t *params;            /* borrowed until told */
    bool exclusive;                  /* needs the device alone */
};

struct haq_search;

/* `layers` is borrowed and must outlive the search; the strings of the config
 * are copied.
 * HAQ_USAGE: an unknown algorithm or objective; limits that no candidate can
 * meet for certain (the bound is said); neither trials nor time.  What rules
 * that cannot be kept are: search/rules.h. */
haq_status haq_search_new(struct haq_search **out,
                          const struct haq_search_config *config,
                          const struct haq_layers *layers, struct haq_diag *d);
void haq_search_free(struct haq_search *s);

/* Next open want that was not handed out yet, or false when there is none at
 * the moment (tell some results, or the search is done).  elapsed_s is the time
 * used by the whole job so far, earlier runs included.  What comes next is
 * decided here: call it again after every tell, until haq_search_done. */
bool haq_search_next(struct haq_search *s, double elapsed_s,
                     struct haq_want *want);

/* The result of want `id`: JSON as worker/task.h says, or NULL when the task
 * failed for good (`reason` says why; the candidate is then infeasible).  A
 * result that lacks what was asked for, or holds a NaN, counts as failed.
 * HAQ_INVALID  `id` is not open
 * HAQ_FAILED   the float model itself could not be measured: nothing to compare
 *              with, the search is done
 * HAQ_NOMEM    the search is done; haq_search_front has what is known */
haq_status haq_search_tell(struct haq_search *s, uint64_t id,
                           const json_t *result, const char *reason,
                           struct haq_diag *d);

/* A timing that was told for `id` was in doubt (its device had drifted): this
 * is the new one, and it counts wherever that one did; what the search has
 * wanted since stays wanted.  Other ids, and a result that lacks what was asked
 * for, change nothing. */
void haq_search_revise(struct haq_search *s, uint64_t id, const json_t *result);

bool haq_search_done(const struct haq_search *s);

/* Stop proposing (Ctrl-C, out of time); what is open may still be told. */
void haq_search_stop(struct haq_search *s);

/* Sentences that a user should know, as they came up: a format that is no
 * faster, a limit that cannot be met.  Borrowed. */
size_t haq_search_warnings(const struct haq_search *s);
const char *haq_search_warning(const struct haq_search *s, size_t i);

struct haq_progress {
    const char *phase;  /* "baseline", "sensitivity", ... */
    size_t done, total; /* of this phase; total 0 = unknown */
    double fraction;    /* of the whole job, 0 .. 1, by time or trials */
    size_t evaluations; /* distinct candidates measured so far */
    char best[96];      /* one line: best accuracy within the limits, fastest */
};
void haq_search_progress(const struct haq_search *s, double elapsed_s,
                         struct haq_progress *out);

/* Everything that is known at this moment, as front.json has it
 * (docs/front.md): model, metric, baseline, uniform_int8, uniform[], points[],
 * knee, hypervolume{value, reference, uniform}, evaluations, seconds, seed, ...
 * plus per point the recipe as JSON under "recipe_json" (the caller writes
 * files and replaces it by a path).  New reference; NULL: no memory. */
json_t *haq_search_front(const struct haq_search *s, double elapsed_s);

#endif
