/* runtime/measure.h - latency of several things, measured against each other.
 *
 * A round times every contestant twice, forwards and then backwards, so that
 * what drifts during a round falls on all alike; the next round starts with the
 * next one:
 *
 *     round 0   A B C C B A      round 1   B C A A C B     ...
 *
 * A sample is the mean of as many runs as last min_sample_ns, after one run
 * that is not timed (so the caches are its own); with cold caches it is one run
 * after the caches were emptied.  The witnesses are read between the rounds,
 * and rounds that one of them calls disturbed do not count.
 *
 * The result is the median over the rounds that count, for the latency and for
 * ratios within a round, with distribution-free intervals of 95 %.  Measuring
 * goes on until the intervals are narrow enough: they are looked at after 12,
 * 24, 48, ... rounds and at the end of the budget, with the level corrected for
 * that (base/stats.h, struct haq_looks), so that stopping early does not make
 * them miss more often than 5 % of the time.
 */
#ifndef HAQ_RUNTIME_MEASURE_H
#define HAQ_RUNTIME_MEASURE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/stats.h"
#include "runtime/exec.h"
#include "runtime/meter.h"

struct haq_contestant {
    void (*run)(void *arg);
    void *arg;
    void (*turn)(void *arg, size_t round); /* before each round; may be NULL */
};

/* A context of a plan as a contestant; inputs must have been written. */
struct haq_contestant haq_exec_contestant(struct haq_exec *e);

struct haq_measure_options {
    size_t min_rounds, max_rounds; /* that count; 0 = 6, 192 (at most 1024) */
    uint64_t min_sample_ns;        /* 0 = 1 ms, less when the budget is small */
    uint64_t budget_ns;            /* stop after this; 0 = 2 s */
    double target_half_width;      /* relative, of the ratios; 0 = 0.01 */
    bool cold;                     /* empty the caches before each run */
};

enum { HAQ_REASON = 240 };

struct haq_latency {
    struct haq_interval ms;    /* of one run */
    struct haq_interval ratio; /* time of contestant 0 / time of this one */
    double mj;     /* of the packages during one run; NAN: not available */
    size_t rounds; /* that it is made from */
    /* "valid"; "noisy": the interval is far wider than was asked for;
     * "throttled", "disturbed": the machine was not itself, do not believe the
     * number.  Static. */
    const char *verdict;
    char reason[HAQ_REASON]; /* in words; "" when nothing is to be said */
};

/* Two contestants: which is faster, at 95 % for all pairs together
 * (Bonferroni). */
struct haq_pair {
    size_t a, b;               /* a < b */
    struct haq_interval ratio; /* time of a / time of b */
    bool different;            /* the interval excludes 1, and is believed */
};

struct haq_measured {
    size_t n;                    /* contestants */
    struct haq_latency *latency; /* [n] */
    struct haq_pair *pair;       /* [pairs] */
    size_t pairs;
    bool settled; /* the warm-up came to rest */
    bool cold;
    uint32_t missing; /* mask of witnesses that could not be read */
    /* What it was made from. */
    size_t rounds, counted;
    size_t *runs;                /* [n] of one sample */
    double *ms;                  /* [rounds][n][2] forwards, backwards */
    struct haq_reading *reading; /* [rounds + 1] */
    uint32_t *disturbed;         /* [rounds] mask of witnesses; 0: it counts */
    size_t room;                 /* rounds there is memory for */
};

/* Time n >= 1 contestants on the calling thread (a pool may do the work).
 * HAQ_NOMEM.  On success the caller owes haq_measured_fini. */
haq_status haq_measure(struct haq_measured *out, struct haq_meter *meter,
                       const struct haq_contestant *contestant, size_t n,
                       const struct haq_measure_options *opt,
                       struct haq_diag *d);
void haq_measured_fini(struct haq_measured *m);

/* Names of the witnesses that could not be read; new reference, NULL: no
 * memory. */
json_t *haq_measured_missing(const struct haq_measured *m);

/* Everything the result was made from: {runs, rounds: [{ms: [[a, a], [b, b]],
 * disturbed: [names], witnesses: {name: reading after}}], start: {name:
 * reading}}.  New reference; NULL: no memory. */
json_t *haq_measured_raw(const struct haq_measured *m);

/* Exclusive use of this machine for timing among all haqfleet processes: an
 * flock on a file in the runtime folder.  Waits. */
haq_status haq_device_lock(int *fd, struct haq_diag *d);
void haq_device_unlock(int fd);

#endif
