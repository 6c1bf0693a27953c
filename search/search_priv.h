/* search/search_priv.h - the pieces of one running search.
 *
 *     phase (one row of haq_phases)
 *       stage: the wants that may be open at the same time, in a fixed order
 *         slot: one want -> one candidate, one field of it
 *
 * A stage is planned when the one before is closed (everything told), so what
 * is planned cannot depend on the order of tells.
 */
#ifndef HAQ_SEARCH_SEARCH_PRIV_H
#define HAQ_SEARCH_SEARCH_PRIV_H

#include "base/arena.h"
#include "search/algo/algo.h"
#include "search/search.h"
#include "search/seeds.h"
#include "search/space.h"

struct haq_accuracy {
    bool known;
    struct haq_interval value; /* in the metric's unit */
    size_t n;
    double kl; /* against float; NAN when not given */
};

/* Latency as the paired ratio to float, so that a device that drifts between
 * two measurements does not bend the front. */
struct haq_timing {
    bool known;
    struct haq_interval ms;      /* as measured */
    struct haq_interval speedup; /* over float, interleaved; NAN: not given */
    int64_t rounds;
    bool predicted;      /* by the table of layer times, not measured */
    const char *verdict; /* of the measurement (worker/task.h); "": not told */
    int tries;           /* results that were told */
};

struct haq_candidate {
    struct haq_choice *choice; /* [layers], in the arena */
    bool outside; /* no point of the space: a reference, or for measuring */
    const char *label; /* "float", "int8" ...: a baseline; else NULL */
    struct haq_recipe recipe;
    char id[HAQ_HASH_HEX];
    size_t size_bytes;
    double bops;
    struct haq_accuracy slice, whole; /* whole: of all samples */
    struct haq_accuracy alone;        /* whole as it was before refining */
    bool refined, in_order; /* tuned in order, too; and that is better: it is
                               what whole says */
    struct haq_timing quick, thorough;
    uint8_t *bits; /* of the samples 0 .. seen-1, set where it was right, in the
                      arena; NULL: the metric does not count */
    size_t seen;
    bool dropped;       /* lost its race: no more of it is wanted */
    const char *failed; /* why it cannot be used; NULL = fine */
};

enum { HAQ_WARNINGS = 64 }; /* more are not kept */

enum haq_slot_kind {
    HAQ_SLOT_SLICE,
    HAQ_SLOT_WHOLE,
    HAQ_SLOT_RUNG,   /* the slice's samples row .. row+column-1 */
    HAQ_SLOT_DAMAGE, /* sensitivity of one layer */
    HAQ_SLOT_PROFILE,
    HAQ_SLOT_ORDER, /* all samples, tuned in order */
    HAQ_SLOT_QUICK,
    HAQ_SLOT_THOROUGH,
    HAQ_SLOT_KINDS
};

struct haq_slot {
    enum haq_slot_kind kind;
    struct haq_candidate *candidate;
    size_t row, column; /* DAMAGE: layer, probe; PROFILE: class; RUNG */
    json_t *params;
    double seconds; /* that it took, as the result says; 0 unknown */
    size_t samples; /* of an evaluation, else 0 */
    bool issued, told;
};

/* A timing of an earlier phase, which may still be revised. */
struct haq_timed {
    uint64_t id;
    struct haq_slot slot; /* params NULL */
};

struct haq_line {
    double add, scale;
};

struct haq_search {
    struct haq_search_config config; /* strings in the arena */
    struct haq_arena arena;
    struct haq_space space;
    const struct haq_algo *algo;
    struct haq_algo_run *run;

    struct haq_candidate **candidate; /* [n_candidates], in order of making */
    size_t n_candidates, room;
    struct haq_candidate *base;  /* float */
    struct haq_interval base_ms; /* its latency, by all timings beside it */
    /* binary .. int8; NULL where the search may not use the format */
    struct haq_candidate *uniform[HAQ_WEIGHT_FLOAT];

    double *damage;               /* [layers][HAQ_PROBES], NAN = unknown */
    double *layer_ms;             /* [layers][HAQ_CLASSES], NAN = unknown */
    uint64_t *layer_kernel;       /* [layers][HAQ_CLASSES] what ran: equal
                                     numbers, equal times; 0 = unknown */
    double other_ms[HAQ_CLASSES]; /* outside layers, network all of a class */
    double float_ms[HAQ_CLASSES]; /* the float model in the same profile */
    bool profiled[HAQ_CLASSES];   /* asked for */
    struct haq_line line;         /* from the table to whole networks */

    size_t phase, step; /* row of haq_phases, stages of it planned so far */
    struct haq_slot *slot;
    size_t n_slots, slot_room, next_slot, open;
    uint64_t first_id;       /* of slot[0] */
    struct haq_timed *timed; /* [n_timed], ascending ids */
    size_t n_timed, timed_room;

    /* Generation being measured: id of the algorithm and candidate. */
    size_t *member_id;
    struct haq_candidate **member;
    size_t n_members, member_room, generation;
    bool racing_stage;       /* its race is on */
    bool timing_stage;       /* the generation's latencies come next */
    size_t confirmed, batch; /* members: timed up to, evaluated up to */

    size_t raced, dropped, raced_samples; /* of all races */

    double elapsed_s, stage_start_s, first_elapsed_s;
    bool started, replaying;
    double sample_s, quick_s; /* estimated wall time of one of each */
    double refine_s;          /* of tuning in order and evaluating; 0 unknown */
    size_t done_slots;        /* of this phase, for the progress bar */
    size_t population;

    const char *warning[HAQ_WARNINGS]; /* in the arena */
    size_t n_warnings;

    bool stopped, over;
    haq_status status; /* of the failure that ended it */
    struct haq_diag diag;
};

/* ---- candidates (candidate.c) ---------------------------------------------*/

/* The candidate of these genes or choices [layers], found or made; NULL when
 * memory is out, and then s->status is set. */
struct haq_candidate *haq_candidate_get(struct haq_search *s, const int *genes);
struct haq_candidate *haq_candidate_of(struct haq_search *s,
                                       const struct haq_choice *choice);

/* Scratch for one candidate: [layers].  NULL as above. */
struct haq_choice *haq_choices_new(struct haq_search *s);

/* Loss against float on the same samples: points, or percent of the float
 * value; positive is worse.  NAN when one of them is unknown. */
double haq_candidate_drop(const struct haq_search *s,
                          const struct haq_candidate *c, bool whole);

/* Best known accuracy is that of all samples? */
bool haq_candidate_whole(const struct haq_search *s,
                         const struct haq_candidate *c);

/* Best known timing, or NULL. */
const struct haq_timing *haq_candidate_timing(const struct haq_candidate *c);

/* Keep s->base_ms up to date after a long timing was told. */
void haq_search_base_ms(struct haq_search *s);

/* Disturbed or throttled: not to be believed. */
bool haq_timing_spoilt(const struct haq_timing *t);

/* Speed-up turned into milliseconds of the float baseline; as measured when the
 * measurement was not paired. */
struct haq_interval haq_candidate_ms(const struct haq_search *s,
                                     const struct haq_timing *t);

/* Measured on all samples and long enough to be published as final. */
bool haq_candidate_confirmed(const struct haq_search *s,
                             const struct haq_candidate *c);

/* Latency from the measured table: the times of layers add up
 * (search/predict.c).  False when a time is
 * missing. */
bool haq_predict_timing(const struct haq_search *s,
                        const struct haq_candidate *c, struct haq_timing *out);

/* By the table in milliseconds of the profile: a choice of a layer with its
 * share of what is outside layers (conversions, elementwise work), and all of
 * them.  NAN: unknown. */
double haq_predict_layer_ms(const struct haq_search *s, size_t layer,
                            struct haq_choice c);
double haq_predict_ms(const struct haq_search *s,
                      const struct haq_choice *choice);

/* Latency of haq_predict_timing for the fastest choice of every layer: no point
 * of the space is predicted to be faster.  NAN: unknown. */
double haq_predict_least_ms(const struct haq_search *s);

/* Fit the line from the table to whole networks, once the table is there. */
void haq_predict_fit(struct haq_search *s);

/* {"points", "mean_percent", "max_percent", "kendall_tau" (of their order),
 * "measured_within_percent"}: how far
 * predictions are from the long timings of candidates that were no part of the
 * fit, and half of the timings' own intervals; null: there are none. */
json_t *haq_predict_error_json(const struct haq_search *s);

bool haq_uses_latency(const struct haq_search *s);
size_t haq_objective_count(const struct haq_search *s);
size_t haq_slice(const struct haq_search *s);
bool haq_slice_is_whole(const struct haq_search *s);

/* Largest drop that is allowed; `final` is without the slack for the noise of a
 * slice.  Without --max-drop: half of the accuracy, or twice the loss; nobody
 * deploys less, and nobody looks at a front that is mostly chance level. */
double haq_drop_limit(const struct haq_search *s, bool final);

/* Objectives [haq_objective_count] and violation with what is known; a failed
 * candidate has violation INFINITY.  Latency that was not measured because the
 * accuracy is hopeless is INFINITY: among candidates that are not allowed only
 * the violation counts. */
void haq_candidate_judge(const struct haq_search *s,
                         const struct haq_candidate *c, bool final, double *f,
                         double *violation);

/* ---- warnings (warn.c) ----------------------------------------------------*/

void haq_search_warn(struct haq_search *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* What the space is, and what the measured table says, that a user should
 * know. */
void haq_warn_space(struct haq_search *s);
void haq_warn_profile(struct haq_search *s);

/* ---- slots (slot.c) -------------------------------------------------------*/

/* Samples for one one-in damage. */
size_t haq_damage_samples(const struct haq_search *s);

/* Add a want to the stage unless its answer is known; out of memory sets
 * s->status. */
void haq_slot_add(struct haq_search *s, enum haq_slot_kind kind,
                  struct haq_candidate *c, size_t row, size_t column);

/* The want of a slot, as haq_search_next gives it. */
void haq_slot_want(const struct haq_search *s, size_t index,
                   struct haq_want *want);

/* Read a result; NULL: it is in its place, else why not (static text). */
const char *haq_slot_read(struct haq_search *s, struct haq_slot *slot,
                          const json_t *result);

/* The want failed: what that means for its candidate. */
void haq_slot_fail(struct haq_search *s, struct haq_slot *slot,
                   const char *reason);

void haq_slots_clear(struct haq_search *s);

/* The told timing of that id, of this phase or an earlier one, or NULL. */
struct haq_slot *haq_slot_timed(struct haq_search *s, uint64_t id);

/* ---- races (racing.c), honesty (honesty.c) --------------------------------*/

/* Right or wrong is known sample by sample, and the slice is worth it. */
bool haq_race_possible(const struct haq_search *s);

/* Add the first want of a member, then those of all members that are still
 * alive; none added: the race is over. */
void haq_race_start(struct haq_search *s, struct haq_candidate *c);
void haq_race_next(struct haq_search *s);

/* {"method", "points", "samples", "measured"}: how much worse the points of a
 * front are on samples that did not choose them; null: cannot be told. */
json_t *haq_curse_json(const struct haq_search *s);

/* Accuracy on the samples that chose nothing, or null. */
json_t *haq_holdout_json(const struct haq_search *s,
                         const struct haq_candidate *c);

/* ---- what an agent sees (agent.c) -----------------------------------------*/

/* [genes][HAQ_AGENT_FEATURES], the caller's to free; NULL: no memory. */
enum { HAQ_AGENT_FEATURES = 8 };
double *haq_agent_features(const struct haq_search *s);

/* haq_algo_config.cost of a const struct haq_search *: predicted time, or bytes
 * where latency does not count. */
double haq_agent_cost(const void *search, const int *genes);

/* ---- phases (phase_*.c) ---------------------------------------------------*/

struct haq_phase {
    const char *name;
    /* Add the wants of the next stage; none added: the phase is over. */
    void (*plan)(struct haq_search *s);
    /* Wants that were not handed out are dropped after this share of the time
     * (0: the phase says when). */
    double latest;
};
extern const struct haq_phase haq_phases[]; /* ends with a NULL name */
enum { HAQ_PHASE_BASELINE, HAQ_PHASE_EVOLVE = 3, HAQ_PHASE_CONFIRM };

/* Makes s->base and s->uniform. */
void haq_name_baselines(struct haq_search *s);

void haq_plan_baseline(struct haq_search *s);
void haq_plan_sensitivity(struct haq_search *s);
void haq_plan_profile(struct haq_search *s);
void haq_plan_evolve(struct haq_search *s);
void haq_plan_confirm(struct haq_search *s);
void haq_plan_refine(struct haq_search *s);

/* Room for n members.  false: no memory. */
bool haq_members_reserve(struct haq_search *s, size_t n);

/* Seconds that a time budget keeps for refining. */
double haq_refine_reserve(const struct haq_search *s);

/* Distinct candidates evaluated (or failed) so far. */
size_t haq_search_evaluations(const struct haq_search *s);

/* Time is up for proposing: what is left is for confirming. */
bool haq_evolve_late(const struct haq_search *s);

/* Record the failure that ends the search. */
void haq_search_fail(struct haq_search *s, haq_status status, const char *text);

#endif
