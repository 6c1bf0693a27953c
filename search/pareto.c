#include "search/pareto.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/dominance.h"

static bool allowed(const double *violation, size_t i)
{
    return !violation || violation[i] <= 0;
}

static bool same(const double *a, const double *b, size_t m)
{
    for (size_t i = 0; i < m; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

size_t haq_nondominated(const double *f, const double *violation, size_t n,
                        size_t m, bool *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        const double *p = f + i * m;
        keep[i] = allowed(violation, i);
        for (size_t j = 0; j < n && keep[i]; j++) {
            const double *q = f + j * m;
            bool twin = j < i && same(p, q, m);
            if (allowed(violation, j) && (twin || haq_dominates(q, p, m)))
                keep[i] = false;
        }
        kept += keep[i];
    }
    return kept;
}

/* ---- hypervolume ----------------------------------------------------------*/

struct point {
    double x[3];
};

/* Area of points sorted by x[0]; only the first two coordinates count. */
static double area(const struct point *p, size_t n, const double *ref)
{
    double sum = 0, top = ref[1];
    for (size_t i = 0; i < n; i++) {
        if (p[i].x[1] >= top)
            continue;
        sum += (ref[0] - p[i].x[0]) * (top - p[i].x[1]);
        top = p[i].x[1];
    }
    return sum;
}

static int by_first(const void *a, const void *b)
{
    double x = ((const struct point *)a)->x[0];
    double y = ((const struct point *)b)->x[0];
    return (x > y) - (x < y);
}

static int by_third(const void *a, const void *b)
{
    double x = ((const struct point *)a)->x[2];
    double y = ((const struct point *)b)->x[2];
    return (x > y) - (x < y);
}

/* Put p[n] into its place among the sorted p[0..n-1]. */
static void insert_by_first(struct point *p, size_t n)
{
    struct point new = p[n];
    while (n && p[n - 1].x[0] > new.x[0])
        p[n] = p[n - 1], n--;
    p[n] = new;
}

/* Slices between neighbours in x[2]: each is as deep as the gap and as wide as
 * the area of all points in front of it. */
static double volume(struct point *p, size_t n, const double *ref)
{
    double sum = 0;
    qsort(p, n, sizeof *p, by_third);
    for (size_t i = 0; i < n; i++) {
        double depth = (i + 1 < n ? p[i + 1].x[2] : ref[2]) - p[i].x[2];
        insert_by_first(p, i);
        sum += depth > 0 ? depth * area(p, i + 1, ref) : 0;
    }
    return sum;
}

double haq_hypervolume(const double *f, size_t n, size_t m, const double *ref)
{
    assert(m >= 1 && m <= 3);
    /* One pair of unit edges more makes lower dimensions the same case. */
    double edge[3] = {1, 1, 1}, result = 0;
    memcpy(edge, ref, m * sizeof *ref);
    struct point *p = calloc(n + 1, sizeof *p);
    if (!p)
        return NAN;
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        bool inside = true;
        for (size_t k = 0; k < m; k++)
            inside &= f[i * m + k] < ref[k];
        if (!inside)
            continue;
        p[used] = (struct point){{0}};
        memcpy(p[used++].x, f + i * m, m * sizeof *f);
    }
    if (m == 3) {
        result = volume(p, used, edge);
    } else if (used) {
        qsort(p, used, sizeof *p, by_first);
        result = area(p, used, edge);
    }
    free(p);
    return result;
}

/* ---- choice ---------------------------------------------------------------*/

bool haq_spread_order(const double *f, size_t m, size_t *index, size_t n)
{
    double *crowd = calloc(n + 1, sizeof *crowd);
    struct haq_keyed *keyed = calloc(n + 1, sizeof *keyed);
    bool ok = crowd && keyed;
    for (; ok && n > 1; n--) {
        size_t worst = 0;
        haq_crowding(f, m, index, n, crowd, keyed);
        for (size_t i = 1; i < n; i++)
            if (crowd[i] < crowd[worst])
                worst = i;
        size_t gone = index[worst];
        memmove(index + worst, index + worst + 1,
                (n - worst - 1) * sizeof *index);
        index[n - 1] = gone;
    }
    free(crowd);
    free(keyed);
    return ok;
}
