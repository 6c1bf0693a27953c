/* runtime/evaluate.h - the outputs of a plan over samples, scored. */
#ifndef HAQ_RUNTIME_EVALUATE_H
#define HAQ_RUNTIME_EVALUATE_H

#include "graph/dataset.h"
#include "graph/metric.h"
#include "runtime/exec.h"

struct haq_evaluation {
    double *scores; /* [n] per-sample scores in the order of `index` */
    size_t n;
    size_t
        positions;  /* per sample: product of output dims but first and last */
    double kl;      /* mean KL(reference || this) per position in nats, from
                       soft-maxed outputs; NaN without a reference */
    double seconds; /* wall time of the runs, loading excluded */
};

void haq_evaluation_fini(struct haq_evaluation *e);

/* Run samples index[0..n) in throughput mode: every thread of the pool has its
 * own context and takes batches as it gets free; results do not depend on the
 * number of threads.  `reference` (may be NULL): the float model's outputs for
 * the whole data set, [data->n][positions][classes], for agreement and KL.
 * `outputs` (may be NULL): receives this plan's outputs,
 * [n][positions][classes].  `metric` may be NULL: all scores are then 0. */
haq_status haq_evaluate(struct haq_evaluation *out, const struct haq_plan *plan,
                        const struct haq_dataset *data, const size_t *index,
                        size_t n, const struct haq_metric *metric,
                        const float *reference, float *outputs,
                        struct haq_pool *pool, struct haq_diag *d);

#endif
