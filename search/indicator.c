#include "search/indicator.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "search/algo/dominance.h"

static double distance_plus(const double *f, const double *z, size_t m)
{
    double sum = 0;
    for (size_t k = 0; k < m; k++) {
        double worse = fmax(f[k] - z[k], 0);
        sum += worse * worse;
    }
    return sqrt(sum);
}

double haq_igd_plus(const double *f, size_t n, const double *z, size_t n_z,
                    size_t m)
{
    double sum = 0;
    assert(n_z);
    for (size_t j = 0; j < n_z; j++) {
        double nearest = INFINITY;
        for (size_t i = 0; i < n; i++)
            nearest = fmin(nearest, distance_plus(f + i * m, z + j * m, m));
        sum += nearest;
    }
    return sum / (double)n_z;
}

static bool covers(const double *f, const double *x, size_t m)
{
    for (size_t k = 0; k < m; k++)
        if (f[k] > x[k])
            return false;
    return true;
}

size_t haq_attained(const struct haq_fronts *r, const double *x)
{
    size_t count = 0, i = 0;
    for (size_t run = 0; run < r->runs; run++) {
        bool covered = false;
        for (; i < r->end[run]; i++)
            covered |= covers(r->f + i * r->m, x, r->m);
        count += covered;
    }
    return count;
}

/* The run that point i is of. */
static size_t run_of(const struct haq_fronts *r, size_t i)
{
    size_t run = 0;
    while (r->end[run] <= i)
        run++;
    return run;
}

/* Lowest second objective that `level` of the runs have reached. */
static double reached(const double *best, size_t runs, size_t level,
                      struct haq_keyed *scratch)
{
    for (size_t i = 0; i < runs; i++)
        scratch[i] = (struct haq_keyed){best[i], i};
    haq_keyed_sort(scratch, runs);
    return scratch[level - 1].key;
}

/* Walking along the first objective, each run's best second one only falls, and
 * so does the level's: every fall is a corner. */
bool haq_attainment_surface(const struct haq_fronts *r, size_t level,
                            double *out, size_t *n)
{
    assert(r->m == 2 && level >= 1 && level <= r->runs);
    size_t points = r->end[r->runs - 1];
    struct haq_keyed *order = calloc(points + 1, sizeof *order);
    struct haq_keyed *scratch = calloc(r->runs, sizeof *scratch);
    double *best = calloc(r->runs, sizeof *best), lowest = INFINITY;
    bool ok = order && scratch && best;
    *n = 0;
    for (size_t i = 0; ok && i < r->runs; i++)
        best[i] = INFINITY;
    for (size_t i = 0; ok && i < points; i++)
        order[i] = (struct haq_keyed){r->f[2 * i], i};
    if (ok)
        haq_keyed_sort(order, points);
    for (size_t i = 0; ok && i < points; i++) {
        size_t run = run_of(r, order[i].index);
        best[run] = fmin(best[run], r->f[2 * order[i].index + 1]);
        if (i + 1 < points && order[i + 1].key <= order[i].key)
            continue; /* the next one stands as far left */
        double now = reached(best, r->runs, level, scratch);
        if (now < lowest) {
            lowest = now;
            out[2 * *n] = order[i].key;
            out[2 * (*n)++ + 1] = now;
        }
    }
    free(order);
    free(scratch);
    free(best);
    return ok;
}
