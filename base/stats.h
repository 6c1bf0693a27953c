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

/* The same at a rank of one's own: x(k) .. x(n+1-k), 1 <= k <= (n+1)/2; rank 0,
 * which stands for "too few to tell", gives the extremes. */
struct haq_interval haq_median_at(double *x, size_t n, size_t rank);

/* Looking at a median again and again while samples come in, and stopping when
 * its interval is narrow enough: 95 % intervals at every look would miss far
 * more often than 5 % of the time (14 % with five looks; Armitage, McPherson,
 * Rowe 1969).  Here every look spends a part of one allowance (Lan, DeMets
 * 1983), counted exactly and whatever the distribution of the samples:
 *
 * How many of n independent samples lie below their median is a walk of fair
 * coin tosses.  x(k) .. x(n+1-k) misses the median when that count is below k
 * or above n - k.  p[] is the distribution of the count over the walks on which
 * no look so far has missed; a look takes the largest k whose tails of p[]
 * still fit in the allowance, and cuts them off.
 */
enum { HAQ_LOOKS_MAX = 1024 }; /* samples */
struct haq_looks {
    double alpha;  /* probability that any of the looks misses, at most */
    double missed; /* spent so far, <= alpha */
    size_t n;      /* samples at the latest look */
    double p[HAQ_LOOKS_MAX + 1]; /* [n + 1] */
};
void haq_looks_init(struct haq_looks *l, double alpha);

/* Rank k for haq_median_at with n samples (more than at the look before, at
 * most HAQ_LOOKS_MAX), after which at most share * alpha is spent (0 < share <=
 * 1); 0: n is too small for that. */
size_t haq_looks_rank(struct haq_looks *l, size_t n, double share);

/* Wilson score interval of a proportion (Wilson 1927), n >= 1, 95 %. */
struct haq_interval haq_wilson(size_t successes, size_t n);

/* Difference of two proportions on the same n >= 1 samples, (lost - gained) /
 * n: `lost` were successes of the first alone, `gained` of the second alone.
 * Wald interval with half a sample added to each of the four cells, z standard
 * deviations wide (Agresti, Min 2005). */
struct haq_interval haq_paired_difference(size_t lost, size_t gained, size_t n,
                                          double z);

/* z with P(|Z| > z) = alpha for a standard normal Z; 0 < alpha < 1. */
double haq_normal_two_sided(double alpha);

/* Mean with the normal interval mean +- 1.96 s / sqrt(n); n >= 1. */
struct haq_interval haq_mean(const double *x, size_t n);

#endif
