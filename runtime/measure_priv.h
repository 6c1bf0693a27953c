/* runtime/measure_priv.h - from rounds to results. */
#ifndef HAQ_RUNTIME_MEASURE_PRIV_H
#define HAQ_RUNTIME_MEASURE_PRIV_H

#include "runtime/measure.h"

/* How much of a result may be believed, while rounds come in. */
struct haq_judge {
    const struct haq_witnesses *witnesses;
    double target;      /* relative half-width */
    size_t least;       /* rounds that must count */
    size_t most;        /* at which it ends: the last planned look */
    size_t next;        /* rounds at the next look */
    size_t look, looks; /* of them, done and planned */
    struct haq_looks ratios, pairs;
    size_t rank, pair_rank; /* at the latest look */
    double *scratch;        /* [room] */
};

haq_status haq_judge_init(struct haq_judge *j, const struct haq_meter *meter,
                          const struct haq_measure_options *opt, size_t n,
                          struct haq_diag *d);
void haq_judge_fini(struct haq_judge *j);

/* After a round.  True: the ratios are as precise as was asked for, or all
 * rounds that were allowed are there. */
bool haq_judge_enough(struct haq_judge *j, struct haq_measured *m);

/* The last look, unless the latest saw the same rounds; then latencies, pairs,
 * verdicts and reasons. */
void haq_judge_conclude(struct haq_judge *j, struct haq_measured *m);

#endif
