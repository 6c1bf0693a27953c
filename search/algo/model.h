/* search/algo/model.h - what is expected of vectors that were not measured.
 *
 *     result -> logarithm where the tail is long -> standardised
 *            = additive over the genes + correction near measured vectors
 *
 * The last target is the violation; where nothing was ever violated it is 0.
 */
#ifndef HAQ_SEARCH_ALGO_MODEL_H
#define HAQ_SEARCH_ALGO_MODEL_H

#include "search/algo/additive.h"
#include "search/algo/archive.h"
#include "search/algo/residual.h"

enum { HAQ_MODEL_TARGETS = HAQ_MAX_OBJECTIVES + 1 };

/* From a result to what is modelled: (g(y - low) - mean) / sd, where g is
 * log(1 + . / knee), or nothing when knee is 0. */
struct haq_scaling {
    double low, knee, mean, sd;
};

struct haq_model {
    size_t targets; /* objectives + 1 */
    struct haq_scaling scaling[HAQ_MODEL_TARGETS];
    struct haq_additive additive;
    struct haq_residual residual;
    const int **vector; /* [n] that it was fitted to */
    double *y;          /* [n][targets] */
    size_t n;
};

/* Fit to all that the archive was told (and whose vectors must stay until
 * haq_model_fini, which is due in any case).  *usable: there was something to
 * fit to.  false: no memory. */
bool haq_model_fit(struct haq_model *m, const struct haq_archive *a,
                   bool *usable);
void haq_model_fini(struct haq_model *m);

/* Mean and standard deviation [targets], standardised. */
void haq_model_predict(struct haq_model *m, const int *vector, double *mean,
                       double *sd);

/* From standardised to the objective's unit. */
double haq_model_value(const struct haq_model *m, size_t target, double z);

#endif
