#include "worker/drift.h"

#include <math.h>
#include <string.h>

#include "base/stats.h"

static const double least_sd = 0.01;

void haq_drift_task_done(struct haq_drift *d)
{
    d->tasks++;
}

/* Median and the deviation from it that makes a normal distribution's sd. */
static void start_watching(struct haq_drift *d)
{
    double x[HAQ_DRIFT_LEARN];
    memcpy(x, d->learned, sizeof x);
    double mean = haq_median(x, HAQ_DRIFT_LEARN).value;
    for (size_t i = 0; i < HAQ_DRIFT_LEARN; i++)
        x[i] = fabs(d->learned[i] - mean);
    double sd = 1.4826 * haq_median(x, HAQ_DRIFT_LEARN).value;
    haq_cusum_init(&d->cusum, mean, fmax(sd, least_sd));
}

static void learn(struct haq_drift *d, double x)
{
    d->learned[d->n++] = x;
    if (d->n == HAQ_DRIFT_LEARN)
        start_watching(d);
}

bool haq_drift_renewed(struct haq_drift *d, size_t times, double ms,
                       struct haq_drift_alarm *out)
{
    size_t before = d->tasks - d->tasks_at_renewal;
    if (times == d->renewed)
        return false;
    d->renewed = times;
    d->tasks_at_renewal = d->tasks;
    if (!before)
        return false;
    double was = d->n == HAQ_DRIFT_LEARN ? d->cusum.mean
                 : d->n                  ? d->learned[d->n - 1]
                                         : log(ms);
    *out = (struct haq_drift_alarm){
        .expected_ms = exp(was), .reference_ms = ms, .again = before};
    d->n = 0;
    return true;
}

bool haq_drift_check(struct haq_drift *d, double ms,
                     struct haq_drift_alarm *out)
{
    double x = log(ms);
    d->tasks_at[d->checks++ % HAQ_DRIFT_MEMORY] = d->tasks;
    if (d->n < HAQ_DRIFT_LEARN) {
        learn(d, x);
        return false;
    }
    if (!haq_cusum_add(&d->cusum, x))
        return false;
    /* Check `checks - since - 1`, counted from 0, was the last good one; its
     * own task was done right after it was counted. */
    size_t since = haq_cusum_since(&d->cusum);
    since = since < HAQ_DRIFT_MEMORY - 1 ? since : HAQ_DRIFT_MEMORY - 1;
    since = since < d->checks ? since : d->checks - 1;
    size_t good = d->tasks_at[(d->checks - since - 1) % HAQ_DRIFT_MEMORY];
    *out = (struct haq_drift_alarm){.expected_ms = exp(d->cusum.mean),
                                    .reference_ms = ms,
                                    .again = d->tasks - good - 1};
    d->n = 0;
    learn(d, x);
    return true;
}
