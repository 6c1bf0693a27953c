/* search/algo/hypervolume.h - how much a set of points covers.  Everything is
 * minimised; f is [n][m], 1 <= m <= HAQ_MAX_OBJECTIVES.
 */
#ifndef HAQ_SEARCH_ALGO_HYPERVOLUME_H
#define HAQ_SEARCH_ALGO_HYPERVOLUME_H

#include <stddef.h>

/* Exact volume between the points and `ref` [m] (Zitzler, Thiele 1998), by
 * slices: O(n log n) for two objectives, O(n^2) for three, O(n^3) for four.
 * Points that are not better than ref in every objective add nothing.  NAN: no
 * memory. */
double haq_hypervolume(const double *f, size_t n, size_t m, const double *ref);

/* What the volume grows by with `point` [m]: its own box less the part of it
 * that the points cover already (While, Bradstreet, Barone 2012).  0 when it
 * adds nothing; NAN: no memory. */
double haq_hypervolume_gain(const double *f, size_t n, size_t m,
                            const double *ref, const double *point);

#endif
