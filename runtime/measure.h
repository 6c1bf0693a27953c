/* runtime/measure.h - latency of plans, measured in pairs.
 *
 * Every round times each plan once, in an order that alternates (ABBA); a
 * sample is the mean of enough runs to last min_sample_ns.  The result is the
 * median over rounds with its distribution-free interval, for the latency and
 * for the ratio to plan 0 (the reference) within the same round.
 */
#ifndef HAQ_RUNTIME_MEASURE_H
#define HAQ_RUNTIME_MEASURE_H

#include <stdbool.h>

#include "base/stats.h"
#include "runtime/exec.h"

struct haq_measure_options {
    size_t min_rounds, max_rounds; /* 0 = 11, 101 */
    uint64_t min_sample_ns;        /* 0 = 1 ms */
    uint64_t budget_ns;            /* stop after this; 0 = 2 s */
    double target_half_width;      /* relative; 0 = 0.01 */
};

struct haq_latency {
    struct haq_interval ms;    /* of one run */
    struct haq_interval ratio; /* time of plan 0 / time of this plan */
    size_t rounds;
    const char *verdict; /* "valid", "noisy", "disturbed"; static */
};

/* Time n >= 1 contexts against each other on the calling thread (their pools
 * do the work).  out is [n].  Inputs must have been written. */
haq_status haq_measure(struct haq_latency *out, struct haq_exec *const *exec,
                       size_t n, const struct haq_measure_options *opt,
                       struct haq_diag *d);

/* Exclusive use of this machine for timing among all haqfleet processes: an
 * flock on a file in the runtime folder.  Waits. */
haq_status haq_device_lock(int *fd, struct haq_diag *d);
void haq_device_unlock(int fd);

#endif
