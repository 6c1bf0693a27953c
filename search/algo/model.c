#include "search/algo/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/dominance.h"

/* Vectors behind the correction: its cost grows with their cube. */
enum { NEAR_MAX = 200 };

/* A tail counts as long when the range is so many times the distance from the
 * least to the median: a damaged network loses everything, a good one a
 * thousandth. */
static const double long_tail = 4;

void haq_model_fini(struct haq_model *m)
{
    haq_additive_fini(&m->additive);
    haq_residual_fini(&m->residual);
    free(m->vector);
    free(m->y);
    *m = (struct haq_model){0};
}

static double forward(const struct haq_scaling *s, double y)
{
    return s->knee > 0 ? log1p((y - s->low) / s->knee) : y - s->low;
}

double haq_model_value(const struct haq_model *m, size_t target, double z)
{
    const struct haq_scaling *s = &m->scaling[target];
    double g = z * s->sd + s->mean;
    return s->low + (s->knee > 0 ? s->knee * expm1(g) : g);
}

/* Scaling of one target, and its column standardised. */
static void standardise(struct haq_model *m, size_t t, struct haq_keyed *sorted)
{
    struct haq_scaling *s = &m->scaling[t];
    double n = (double)m->n, square = 0;
    for (size_t i = 0; i < m->n; i++)
        sorted[i] = (struct haq_keyed){m->y[i * m->targets + t], i};
    haq_keyed_sort(sorted, m->n);
    double low = sorted[0].key, half = sorted[m->n / 2].key - low;
    *s = (struct haq_scaling){.low = low};
    if (half > 0 && sorted[m->n - 1].key - low > long_tail * half)
        s->knee = half;
    for (size_t i = 0; i < m->n; i++)
        s->mean += forward(s, m->y[i * m->targets + t]) / n;
    for (size_t i = 0; i < m->n; i++) {
        double *y = &m->y[i * m->targets + t];
        *y = forward(s, *y) - s->mean;
        square += *y * *y / n;
    }
    s->sd = square > 0 ? sqrt(square) : 1;
    for (size_t i = 0; i < m->n; i++)
        m->y[i * m->targets + t] /= s->sd;
}

/* Results that can be modelled.  An objective that is infinite, because nobody
 * measured it, stands at the worst that was seen. */
static bool gather(struct haq_model *m, const struct haq_archive *a)
{
    double worst[HAQ_MAX_OBJECTIVES] = {0};
    m->vector = calloc(a->all.n + 1, sizeof *m->vector);
    m->y = calloc(a->all.n + 1, m->targets * sizeof *m->y);
    if (!m->vector || !m->y)
        return false;
    for (size_t k = 0; k < a->m; k++) {
        double most = -INFINITY;
        for (size_t i = 0; i < a->given; i++)
            if (a->told[i] && isfinite(haq_archive_objective(a, i)[k]))
                most = fmax(most, haq_archive_objective(a, i)[k]);
        worst[k] = isfinite(most) ? most : 0;
    }
    for (size_t i = 0; i < a->given; i++) {
        double *y = m->y + m->n * m->targets;
        if (!a->told[i] || !isfinite(a->violation[i]))
            continue;
        for (size_t k = 0; k < a->m; k++) {
            double v = haq_archive_objective(a, i)[k];
            y[k] = isfinite(v) ? v : worst[k];
        }
        y[a->m] = fmax(a->violation[i], 0);
        m->vector[m->n++] = haq_genomes_get(&a->all, i);
    }
    return true;
}

/* The front's vectors come first, then the newest; what is left out is left to
 * the additive part. */
static size_t choose_near(const struct haq_model *m,
                          const struct haq_archive *a, size_t *near)
{
    size_t n = 0;
    bool *taken = calloc(m->n, sizeof *taken);
    if (!taken)
        return 0;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = m->n; i-- > 0 && n < NEAR_MAX;) {
            bool front = pass;
            for (size_t k = 0; k < a->n_front && !front; k++)
                front = haq_genomes_get(&a->all, a->front[k]) == m->vector[i];
            if (!front || taken[i])
                continue;
            taken[i] = true;
            near[n++] = i;
        }
    free(taken);
    return n;
}

/* The correction's residuals, and its vectors to the front of m->vector. */
static bool fit_residual(struct haq_model *m, const struct haq_archive *a)
{
    size_t near[NEAR_MAX], n = choose_near(m, a, near), t = m->targets;
    const int **vector = calloc(n + 1, sizeof *vector);
    double *y = calloc(n + 1, t * sizeof *y);
    bool ok = n && vector && y;
    for (size_t i = 0; ok && i < n; i++) {
        vector[i] = m->vector[near[i]];
        for (size_t k = 0; k < t; k++)
            y[i * t + k] = m->y[near[i] * t + k] -
                           haq_additive_predict(&m->additive, k, vector[i]);
    }
    if (ok) {
        memcpy(m->vector, vector, n * sizeof *vector);
        ok = haq_residual_fit(&m->residual, a->all.cardinality, a->all.genes, t,
                              a->movable, m->vector, y, n);
    }
    free(vector);
    free(y);
    return ok;
}

bool haq_model_fit(struct haq_model *m, const struct haq_archive *a,
                   bool *usable)
{
    *m = (struct haq_model){.targets = a->m + 1};
    *usable = false;
    if (!gather(m, a))
        return false;
    if (!m->n)
        return true;
    struct haq_keyed *sorted = calloc(m->n, sizeof *sorted);
    bool ok = sorted;
    for (size_t t = 0; ok && t < m->targets; t++)
        standardise(m, t, sorted);
    free(sorted);
    ok = ok &&
         haq_additive_init(&m->additive, a->all.cardinality, a->all.genes,
                           m->targets) &&
         haq_additive_fit(&m->additive, m->vector, m->y, m->n) &&
         fit_residual(m, a);
    *usable = ok;
    return ok;
}

void haq_model_predict(struct haq_model *m, const int *vector, double *mean,
                       double *sd)
{
    haq_residual_predict(&m->residual, vector, mean, sd);
    for (size_t t = 0; t < m->targets; t++)
        mean[t] += haq_additive_predict(&m->additive, t, vector);
}
