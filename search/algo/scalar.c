#include "search/algo/scalar.h"

#include <math.h>

/* Of the sum beside the maximum: among points with equal maximum the better one
 * in the rest wins. */
static const double augmentation = 0.05;

/* More than any finite allowed point near the front can have. */
static const double not_allowed = 1e6;

static bool usable(const struct haq_archive *a, size_t number)
{
    bool good = a->told[number] && a->violation[number] <= 0;
    for (size_t k = 0; k < a->m; k++)
        good &= (bool)isfinite(haq_archive_objective(a, number)[k]);
    return good;
}

void haq_range_of(struct haq_range *r, const struct haq_archive *a,
                  const size_t *number, size_t n)
{
    for (size_t k = 0; k < a->m; k++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            if (!usable(a, number[i]))
                continue;
            low = fmin(low, haq_archive_objective(a, number[i])[k]);
            high = fmax(high, haq_archive_objective(a, number[i])[k]);
        }
        r->low[k] = isfinite(low) ? low : 0;
        r->span[k] = high > low ? high - low : 1;
    }
}

/* Fraction i of the van der Corput sequence in `base`. */
static double corput(size_t i, size_t base)
{
    double digit = 1, sum = 0;
    for (; i; i /= base) {
        digit /= (double)base;
        sum += digit * (double)(i % base);
    }
    return sum;
}

void haq_direction(size_t i, size_t m, double *w)
{
    static const size_t prime[HAQ_MAX_OBJECTIVES] = {2, 3, 5, 7};
    double sum = 0;
    for (size_t k = 0; k < m; k++) {
        if (i < m)
            w[k] = i == k;
        else if (i == m)
            w[k] = 1;
        else if (m == 2)
            w[k] = k ? 1 - corput(i - m, 2) : corput(i - m, 2);
        else /* exponentials, normalised, are uniform on the simplex */
            w[k] = -log(fmax(corput(i - m, prime[k]), 1e-9));
        sum += w[k];
    }
    for (size_t k = 0; k < m; k++)
        w[k] /= sum;
}

double haq_scalar(const struct haq_range *r, const struct haq_archive *a,
                  const double *w, size_t number)
{
    const double *f = haq_archive_objective(a, number);
    double most = -INFINITY, sum = 0;
    if (a->violation[number] > 0)
        return not_allowed * (1 + a->violation[number]);
    for (size_t k = 0; k < a->m; k++) {
        double x = (f[k] - r->low[k]) / r->span[k];
        if (!isfinite(x))
            return not_allowed;
        most = fmax(most, w[k] * x);
        sum += x;
    }
    return most + augmentation * sum / (double)a->m;
}
