/* search/pareto.h - fronts as geometry: which points stay, in what order
 * they cover it; how much they cover is in search/algo/hypervolume.h.
 * Everything is minimised; f is [n][m].
 */
#ifndef HAQ_SEARCH_PARETO_H
#define HAQ_SEARCH_PARETO_H

#include <stdbool.h>
#include <stddef.h>

/* keep[i] = no allowed point dominates point i and it is allowed itself; of
 * equal points the first stays.  violation NULL: all are allowed.  Returns the
 * number kept. */
size_t haq_nondominated(const double *f, const double *violation, size_t n,
                        size_t m, bool *keep);

/* Put the points index[0..n-1] into the order in which they cover the front
 * best: whatever is cut off at the end, what is left is well spread.  (From the
 * whole set the most crowded point goes last, of the rest the most crowded one
 * goes before it, ...)  false: no memory. */
bool haq_spread_order(const double *f, size_t m, size_t *index, size_t n);

#endif
