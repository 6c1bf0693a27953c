/* search/algo/residual.h - what an additive model missed, from the nearest
 * vectors that were measured: a Gaussian process (Rasmussen, Williams 2006,
 * algorithm 2.1) whose covariance falls with the distance of two vectors,
 *
 *     k(x, z) = exp(-sum over genes of |x_g - z_g| / (c_g - 1) / length)
 *
 * Length and noise are those of a small grid under which the data are
 * likeliest.
 */
#ifndef HAQ_SEARCH_ALGO_RESIDUAL_H
#define HAQ_SEARCH_ALGO_RESIDUAL_H

#include <stdbool.h>
#include <stddef.h>

struct haq_residual {
    size_t genes, targets, n;
    const int *cardinality;   /* [genes] borrowed */
    const int *const *vector; /* [n] borrowed */
    double length, noise;     /* noise as part of the variance */
    double *l;                /* [n][n] Cholesky factor */
    double *alpha;            /* [targets][n] */
    double *variance;         /* [targets] of the residuals */
    double *k;                /* [n] scratch */
};

/* Fit to residuals y[n][targets] of n >= 1 vectors, which must stay.  `movable`
 * is the number of genes that have a choice: the unit of length.  false: no
 * memory; haq_residual_fini is due in any case. */
bool haq_residual_fit(struct haq_residual *r, const int *cardinality,
                      size_t genes, size_t targets, size_t movable,
                      const int *const *vector, const double *y, size_t n);
void haq_residual_fini(struct haq_residual *r);

/* mean[targets] and standard deviation sd[targets] at a vector. */
void haq_residual_predict(struct haq_residual *r, const int *vector,
                          double *mean, double *sd);

#endif
