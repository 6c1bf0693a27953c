/* search/algo/additive.h - numbers of a vector as sums over its genes.
 *
 *     y(x) = c + sum over genes g of effect_g(x_g)
 *
 * effect_g is piecewise linear through at most HAQ_KNOTS points, one per value
 * where there are no more than that.  Fitted by least squares with a penalty on
 * the difference of neighbouring points (Eilers, Marx 1996), so that a value
 * that was never tried lies between its neighbours.
 */
#ifndef HAQ_SEARCH_ALGO_ADDITIVE_H
#define HAQ_SEARCH_ALGO_ADDITIVE_H

#include <stdbool.h>
#include <stddef.h>

enum { HAQ_KNOTS = 12 };

struct haq_additive {
    size_t genes, targets;
    const int *cardinality; /* [genes] borrowed */
    size_t *first;          /* [genes + 1] first coefficient of a gene */
    size_t p;               /* coefficients, the constant last */
    double *coefficient;    /* [targets][p] */
};

/* false: no memory; haq_additive_fini is due in any case. */
bool haq_additive_init(struct haq_additive *m, const int *cardinality,
                       size_t genes, size_t targets);
void haq_additive_fini(struct haq_additive *m);

/* Fit to n vectors and their targets y[n][targets], finite and of a scale of
 * about 1.  false: no memory. */
bool haq_additive_fit(struct haq_additive *m, const int *const *vector,
                      const double *y, size_t n);

double haq_additive_predict(const struct haq_additive *m, size_t target,
                            const int *vector);

#endif
