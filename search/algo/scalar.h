/* search/algo/scalar.h - several objectives as one number, by weights. */
#ifndef HAQ_SEARCH_ALGO_SCALAR_H
#define HAQ_SEARCH_ALGO_SCALAR_H

#include "search/algo/archive.h"

/* Where the told, allowed vectors lie: objectives are compared in units of
 * this range. */
struct haq_range {
    double low[HAQ_MAX_OBJECTIVES];
    double span[HAQ_MAX_OBJECTIVES]; /* > 0 */
};

/* Range of the vectors number[0..n-1], or of the front's alone, of those that
 * are allowed and finite; 0 .. 1 where there are none. */
void haq_range_of(struct haq_range *r, const struct haq_archive *a,
                  const size_t *number, size_t n);

/* Weights w[m] of direction i of n, spread over all mixes: the corners first,
 * then their mean, then a sequence of low discrepancy.  They sum up to 1. */
void haq_direction(size_t i, size_t m, double *w);

/* Augmented weighted Chebyshev distance from the range's lower corner (Steuer,
 * Choo 1983): unlike a weighted sum it finds points in hollows of a front, too.
 * What is not allowed costs more than whatever is. */
double haq_scalar(const struct haq_range *r, const struct haq_archive *a,
                  const double *w, size_t number);

#endif
