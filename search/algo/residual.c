#include "search/algo/residual.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/cholesky.h"

static const double lengths[] = {0.03, 0.1, 0.3}; /* of the movable genes */
static const double noises[] = {0.01, 0.1, 0.5};
enum {
    LENGTHS = sizeof lengths / sizeof *lengths,
    NOISES = sizeof noises / sizeof *noises
};

/* A residual of nothing still has some spread: models are never that good. */
static const double least_variance = 1e-8;

void haq_residual_fini(struct haq_residual *r)
{
    free(r->l);
    free(r->alpha);
    free(r->variance);
    free(r->k);
    *r = (struct haq_residual){0};
}

static double distance(const struct haq_residual *r, const int *x, const int *z)
{
    double sum = 0;
    for (size_t g = 0; g < r->genes; g++)
        if (x[g] != z[g])
            sum += abs(x[g] - z[g]) / (double)(r->cardinality[g] - 1);
    return sum;
}

/* l = factor of the covariance of all pairs at a distance `apart` [n][n]. */
static bool factor(const struct haq_residual *r, const double *apart, double *l,
                   double length, double noise)
{
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j <= i; j++)
            l[i * r->n + j] =
                exp(-apart[i * r->n + j] / length) + (i == j ? noise : 0);
    return haq_cholesky(l, r->n);
}

/* Logarithm of the likelihood of all targets up to a constant, with the
 * variance of each that makes it largest. */
static double likelihood(const struct haq_residual *r, const double *l,
                         const double *y, double *column)
{
    double half = 0, sum = 0, n = (double)r->n;
    for (size_t i = 0; i < r->n; i++)
        half += log(l[i * r->n + i]);
    for (size_t t = 0; t < r->targets; t++) {
        double square = 0;
        for (size_t i = 0; i < r->n; i++)
            column[i] = y[i * r->targets + t];
        haq_cholesky_forward(l, r->n, column);
        for (size_t i = 0; i < r->n; i++)
            square += column[i] * column[i];
        sum -= half + n / 2 * log(fmax(square / n, least_variance));
    }
    return sum;
}

/* alpha and variance under the factor that was chosen. */
static void solve(struct haq_residual *r, const double *y)
{
    for (size_t t = 0; t < r->targets; t++) {
        double *a = r->alpha + t * r->n, square = 0;
        for (size_t i = 0; i < r->n; i++)
            a[i] = y[i * r->targets + t];
        haq_cholesky_forward(r->l, r->n, a);
        for (size_t i = 0; i < r->n; i++)
            square += a[i] * a[i];
        r->variance[t] = fmax(square / (double)r->n, least_variance);
        haq_cholesky_back(r->l, r->n, a);
    }
}

/* The likeliest pair of the grid. */
static void choose(struct haq_residual *r, const double *apart, const double *y,
                   size_t movable, double *l)
{
    double best = -INFINITY;
    r->length = lengths[LENGTHS - 1] * (double)movable;
    r->noise = noises[NOISES - 1];
    for (size_t i = 0; i < LENGTHS; i++)
        for (size_t j = 0; j < NOISES; j++) {
            double length = lengths[i] * (double)movable;
            if (!factor(r, apart, l, length, noises[j]))
                continue;
            double now = likelihood(r, l, y, r->k);
            if (now > best)
                best = now, r->length = length, r->noise = noises[j];
        }
}

bool haq_residual_fit(struct haq_residual *r, const int *cardinality,
                      size_t genes, size_t targets, size_t movable,
                      const int *const *vector, const double *y, size_t n)
{
    *r = (struct haq_residual){.genes = genes,
                               .targets = targets,
                               .n = n,
                               .cardinality = cardinality,
                               .vector = vector};
    double *apart = calloc(n, n * sizeof *apart);
    r->l = calloc(n, n * sizeof *r->l);
    r->alpha = calloc(targets, n * sizeof *r->alpha);
    r->variance = calloc(targets, sizeof *r->variance);
    r->k = calloc(n, sizeof *r->k);
    bool ok = apart && r->l && r->alpha && r->variance && r->k;
    for (size_t i = 0; ok && i < n; i++)
        for (size_t j = 0; j < i; j++)
            apart[i * n + j] = distance(r, vector[i], vector[j]);
    if (ok) {
        choose(r, apart, y, movable, r->l);
        factor(r, apart, r->l, r->length, r->noise);
        solve(r, y);
    }
    free(apart);
    return ok;
}

void haq_residual_predict(struct haq_residual *r, const int *vector,
                          double *mean, double *sd)
{
    double explained = 0;
    for (size_t i = 0; i < r->n; i++)
        r->k[i] = exp(-distance(r, vector, r->vector[i]) / r->length);
    for (size_t t = 0; t < r->targets; t++) {
        mean[t] = 0;
        for (size_t i = 0; i < r->n; i++)
            mean[t] += r->alpha[t * r->n + i] * r->k[i];
    }
    haq_cholesky_forward(r->l, r->n, r->k);
    for (size_t i = 0; i < r->n; i++)
        explained += r->k[i] * r->k[i];
    for (size_t t = 0; t < r->targets; t++)
        sd[t] = sqrt(r->variance[t] * fmax(1 + r->noise - explained, 0));
}
