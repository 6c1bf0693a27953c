/* search/indicator.h - how good fronts are, beside their hypervolume
 * (search/algo/hypervolume.h).  Everything is minimised; fronts are [n][m].
 */
#ifndef HAQ_SEARCH_INDICATOR_H
#define HAQ_SEARCH_INDICATOR_H

#include <stdbool.h>
#include <stddef.h>

/* IGD+ (Ishibuchi, Masuda, Tanigaki, Nojima 2015): how far the front f[n][m] is
 * from covering z[n_z][m], n_z >= 1, on the average over z, counting only the
 * objectives in which it is worse.  0 when f covers all of z, INFINITY when f
 * is empty.  Objectives are taken as they are: scale them first. */
double haq_igd_plus(const double *f, size_t n, const double *z, size_t n_z,
                    size_t m);

/* Fronts of several runs of one algorithm, one after the other. */
struct haq_fronts {
    const double *f;   /* [end[runs-1]][m] */
    const size_t *end; /* [runs] first point of the next run, ascending */
    size_t runs;
    size_t m;
};

/* The empirical attainment function (Grunert da Fonseca, Fonseca, Hall 2001):
 * how many of the runs have a point that is nowhere worse than x[m]. */
size_t haq_attained(const struct haq_fronts *r, const double *x);

/* The border of what at least `level` (1 .. runs) of the runs attain, for two
 * objectives: its corners by ascending first objective.
 *
 *   out  [end[runs-1]][2]
 *   n    corners; 0 when nothing is attained so often
 * false: no memory. */
bool haq_attainment_surface(const struct haq_fronts *r, size_t level,
                            double *out, size_t *n);

#endif
