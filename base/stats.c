#include "base/stats.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static const double z95 = 1.959963984540054; /* 97.5 % quantile of N(0,1) */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Largest rank k >= 1 with P(Binomial(n, 1/2) < k) <= 2.5 %: the interval
 * x(k) .. x(n+1-k) then covers the median with at least 95 % (David, Nagaraja,
 * Order Statistics, 7.1). */
static size_t lower_rank(size_t n)
{
    double log_p = -(double)n * log(2), cdf = exp(log_p);
    size_t k = 0;

    while (cdf <= 0.025 && k < n / 2) {
        log_p += log((double)(n - k) / (double)(k + 1));
        cdf += exp(log_p);
        k++;
    }
    return k ? k : 1;
}

struct haq_interval haq_median_at(double *x, size_t n, size_t rank)
{
    size_t k = rank ? rank : 1;
    assert(n && k <= (n + 1) / 2);
    qsort(x, n, sizeof *x, compare_doubles);
    return (struct haq_interval){(x[(n - 1) / 2] + x[n / 2]) / 2, x[k - 1],
                                 x[n - k]};
}

struct haq_interval haq_median(double *x, size_t n)
{
    return haq_median_at(x, n, lower_rank(n));
}

/* ---- several looks --------------------------------------------------------
 */

void haq_looks_init(struct haq_looks *l, double alpha)
{
    assert(alpha > 0 && alpha < 1);
    l->alpha = alpha;
    l->missed = 0;
    l->n = 0;
    l->p[0] = 1;
}

static void toss(struct haq_looks *l)
{
    l->n++;
    l->p[l->n] = l->p[l->n - 1] / 2;
    for (size_t i = l->n - 1; i > 0; i--)
        l->p[i] = (l->p[i] + l->p[i - 1]) / 2;
    l->p[0] /= 2;
}

size_t haq_looks_rank(struct haq_looks *l, size_t n, double share)
{
    size_t k = 0;
    double allowed = share * l->alpha;

    assert(n > l->n && n <= HAQ_LOOKS_MAX && share > 0 && share <= 1);
    while (l->n < n)
        toss(l);
    while (k < n / 2 && l->missed + l->p[k] + l->p[n - k] <= allowed) {
        l->missed += l->p[k] + l->p[n - k];
        l->p[k] = l->p[n - k] = 0;
        k++;
    }
    return k;
}

struct haq_interval haq_wilson(size_t successes, size_t n)
{
    assert(n && successes <= n);
    double m = (double)n, p = (double)successes / m, z2 = z95 * z95;
    double centre = (p + z2 / (2 * m)) / (1 + z2 / m);
    double half = z95 / (1 + z2 / m) * sqrt(p * (1 - p) / m + z2 / (4 * m * m));
    return (struct haq_interval){p, successes ? centre - half : 0,
                                 successes < n ? centre + half : 1};
}

struct haq_interval haq_mean(const double *x, size_t n)
{
    assert(n);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    double s = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    double half = z95 * s / sqrt((double)n);
    return (struct haq_interval){mean, mean - half, mean + half};
}

struct haq_interval haq_paired_difference(size_t lost, size_t gained, size_t n,
                                          double z)
{
    double b = (double)lost + 0.5, c = (double)gained + 0.5;
    double m = (double)n + 2, mean = (b - c) / m;
    double half = z / m * sqrt(b + c - (b - c) * (b - c) / m);
    double value = ((double)lost - (double)gained) / (double)n;
    return (struct haq_interval){value, fmin(value, fmax(-1, mean - half)),
                                 fmax(value, fmin(1, mean + half))};
}

double haq_normal_two_sided(double alpha)
{
    double low = 0, high = 40;
    while (high - low > 1e-12 * high) {
        double z = (low + high) / 2;
        if (erfc(z * M_SQRT1_2) > alpha)
            low = z;
        else
            high = z;
    }
    return high;
}
