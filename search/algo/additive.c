#include "search/algo/additive.h"

#include <stdlib.h>
#include <string.h>

#include "search/algo/cholesky.h"

/* Penalties in units of one observation of variance 1. */
static const double roughness = 0.1; /* per difference of neighbours */
static const double shrinkage = 1e-3;

bool haq_additive_init(struct haq_additive *m, const int *cardinality,
                       size_t genes, size_t targets)
{
    *m = (struct haq_additive){
        .genes = genes, .targets = targets, .cardinality = cardinality};
    m->first = calloc(genes + 1, sizeof *m->first);
    if (!m->first)
        return false;
    for (size_t g = 0; g < genes; g++) {
        int c = cardinality[g];
        m->first[g + 1] = m->first[g] + (size_t)(c > HAQ_KNOTS ? HAQ_KNOTS : c);
    }
    m->p = m->first[genes] + 1;
    m->coefficient = calloc(targets, m->p * sizeof *m->coefficient);
    return m->coefficient;
}

void haq_additive_fini(struct haq_additive *m)
{
    free(m->first);
    free(m->coefficient);
    *m = (struct haq_additive){0};
}

/* A value lies between the coefficients `at` and at + 1, `part` of the way. */
struct place {
    size_t at;
    double part;
};

static struct place place_of(const struct haq_additive *m, size_t gene,
                             int value)
{
    size_t knots = m->first[gene + 1] - m->first[gene];
    if (knots == 1)
        return (struct place){m->first[gene], 0};
    double at = (double)value * (double)(knots - 1) /
                (double)(m->cardinality[gene] - 1);
    size_t left = (size_t)at;
    left -= left == knots - 1;
    return (struct place){m->first[gene] + left, at - (double)left};
}

/* Sparse row of a vector: index and weight, two per gene and the constant. */
static size_t row_of(const struct haq_additive *m, const int *vector,
                     size_t *index, double *weight)
{
    size_t n = 0;
    for (size_t g = 0; g < m->genes; g++) {
        struct place s = place_of(m, g, vector[g]);
        if (s.part < 1)
            index[n] = s.at, weight[n++] = 1 - s.part;
        if (s.part > 0)
            index[n] = s.at + 1, weight[n++] = s.part;
    }
    index[n] = m->p - 1, weight[n++] = 1;
    return n;
}

static void penalise(const struct haq_additive *m, double *a)
{
    for (size_t i = 0; i < m->p; i++)
        a[i * m->p + i] += shrinkage;
    for (size_t g = 0; g < m->genes; g++)
        for (size_t i = m->first[g] + 1; i < m->first[g + 1]; i++) {
            a[i * m->p + i] += roughness;
            a[(i - 1) * m->p + i - 1] += roughness;
            a[i * m->p + i - 1] -= roughness;
        }
}

/* Normal equations: a is [p][p], lower half, b the coefficients. */
static void accumulate(struct haq_additive *m, double *a, const int *vector,
                       const double *y, size_t *index, double *weight)
{
    size_t n = row_of(m, vector, index, weight);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++)
            a[index[i] * m->p + index[j]] += weight[i] * weight[j];
        for (size_t t = 0; t < m->targets; t++)
            m->coefficient[t * m->p + index[i]] += weight[i] * y[t];
    }
}

bool haq_additive_fit(struct haq_additive *m, const int *const *vector,
                      const double *y, size_t n)
{
    size_t p = m->p;
    double *a = calloc(p, p * sizeof *a);
    size_t *index = calloc(2 * m->genes + 1, sizeof *index);
    double *weight = calloc(2 * m->genes + 1, sizeof *weight);
    bool ok = a && index && weight;
    if (ok) {
        memset(m->coefficient, 0, m->targets * p * sizeof *m->coefficient);
        for (size_t i = 0; i < n; i++)
            accumulate(m, a, vector[i], y + i * m->targets, index, weight);
        penalise(m, a);
        haq_cholesky(a, p); /* the penalties make it positive definite */
        for (size_t t = 0; t < m->targets; t++) {
            haq_cholesky_forward(a, p, m->coefficient + t * p);
            haq_cholesky_back(a, p, m->coefficient + t * p);
        }
    }
    free(a);
    free(index);
    free(weight);
    return ok;
}

double haq_additive_predict(const struct haq_additive *m, size_t target,
                            const int *vector)
{
    const double *c = m->coefficient + target * m->p;
    double sum = c[m->p - 1];
    for (size_t g = 0; g < m->genes; g++) {
        struct place s = place_of(m, g, vector[g]);
        sum += (1 - s.part) * c[s.at];
        sum += s.part > 0 ? s.part * c[s.at + 1] : 0;
    }
    return sum;
}
