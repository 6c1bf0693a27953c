#include "search/algo/hypervolume.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/algo.h"

struct point {
    double x[HAQ_MAX_OBJECTIVES];
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

static int by_fourth(const void *a, const void *b)
{
    double x = ((const struct point *)a)->x[3];
    double y = ((const struct point *)b)->x[3];
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

static double flat(struct point *p, size_t n, const double *ref,
                   struct point *scratch)
{
    (void)scratch;
    if (n)
        qsort(p, n, sizeof *p, by_first);
    return area(p, n, ref);
}

/* Depth of slice i: from its point to the next one in objective k. */
static double depth(const struct point *p, size_t n, size_t i, size_t k,
                    const double *ref)
{
    return (i + 1 < n ? p[i + 1].x[k] : ref[k]) - p[i].x[k];
}

/* Slices between neighbours in x[2]: each is as deep as the gap and as wide as
 * the area of all points in front of it. */
static double solid(struct point *p, size_t n, const double *ref,
                    struct point *scratch)
{
    double sum = 0;
    (void)scratch;
    if (n)
        qsort(p, n, sizeof *p, by_third);
    for (size_t i = 0; i < n; i++) {
        double deep = depth(p, n, i, 2, ref);
        insert_by_first(p, i);
        sum += deep > 0 ? deep * area(p, i + 1, ref) : 0;
    }
    return sum;
}

/* The same one dimension up; `scratch` is [n]. */
static double hyper(struct point *p, size_t n, const double *ref,
                    struct point *scratch)
{
    double sum = 0;
    if (n)
        qsort(p, n, sizeof *p, by_fourth);
    for (size_t i = 0; i < n; i++) {
        double deep = depth(p, n, i, 3, ref);
        if (!(deep > 0))
            continue;
        memcpy(scratch, p, (i + 1) * sizeof *p);
        sum += deep * solid(scratch, i + 1, ref, NULL);
    }
    return sum;
}

/* By number of objectives; one is two with an edge of 1. */
static double (*const measure[])(struct point *p, size_t n, const double *ref,
                                 struct point *scratch) = {
    [1] = flat, [2] = flat, [3] = solid, [4] = hyper};

/* Volume of the points, each moved to `floor` (NULL: not moved) in the
 * objectives where it is better. */
static double clipped(const double *f, size_t n, size_t m, const double *ref,
                      const double *floor)
{
    assert(m >= 1 && m <= HAQ_MAX_OBJECTIVES);
    double edge[HAQ_MAX_OBJECTIVES] = {1, 1, 1, 1};
    memcpy(edge, ref, m * sizeof *ref);
    struct point *p = calloc(2 * n + 1, sizeof *p);
    if (!p)
        return NAN;
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        bool inside = true;
        p[used] = (struct point){{0}};
        for (size_t k = 0; k < m; k++) {
            double v = f[i * m + k];
            p[used].x[k] = floor ? fmax(v, floor[k]) : v;
            inside &= p[used].x[k] < ref[k];
        }
        used += inside;
    }
    double result = measure[m](p, used, edge, p + n);
    free(p);
    return result;
}

double haq_hypervolume(const double *f, size_t n, size_t m, const double *ref)
{
    return clipped(f, n, m, ref, NULL);
}

double haq_hypervolume_gain(const double *f, size_t n, size_t m,
                            const double *ref, const double *point)
{
    double box = 1;
    for (size_t k = 0; k < m; k++)
        box *= fmax(ref[k] - point[k], 0);
    if (!(box > 0))
        return 0;
    double gain = box - clipped(f, n, m, ref, point);
    return isnan(gain) ? gain : fmax(gain, 0);
}
