/* base/stats.h - the few statistics that measurements need. */
#ifndef HAQ_BASE_STATS_H
#define HAQ_BASE_STATS_H

#include <stddef.h>

struct haq_interval {
    double value; /* the estimate */
    double low;   /* confidence limits, 95 % unless said otherwise */
    double high;
};

/* Median with the distribution-free interval from order statistics (binomial,
 * at least 95 %; the extremes when n is too small for that).  Sorts x in place;
 * n >= 1. */
struct haq_interval haq_median(double *x, size_t n);

/* Wilson score interval of a proportion (Wilson 1927), n >= 1, 95 %. */
struct haq_interval haq_wilson(size_t successes, size_t n);

/* Mean with the normal interval mean +- 1.96 s / sqrt(n); n >= 1. */
struct haq_interval haq_mean(const double *x, size_t n);

#endif
