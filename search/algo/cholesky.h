/* search/algo/cholesky.h - symmetric positive definite systems, n x n, dense,
 * row-major; only the lower triangle is looked at. */
#ifndef HAQ_SEARCH_ALGO_CHOLESKY_H
#define HAQ_SEARCH_ALGO_CHOLESKY_H

#include <stdbool.h>
#include <stddef.h>

/* a = L L', in place.  false: not positive definite (in floating point). */
bool haq_cholesky(double *a, size_t n);

/* x = L^-1 x, then (back) x = L'^-1 x: both together solve a x = b. */
void haq_cholesky_forward(const double *l, size_t n, double *x);
void haq_cholesky_back(const double *l, size_t n, double *x);

#endif
