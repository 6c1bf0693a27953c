/* train/weight.h - the weight of a layer in integers, on the way to better
 * ones.
 *
 * What is trained are real numbers behind the codes, in steps of the scale that
 * training starts with, and the logarithm of each scale:
 *
 *     q = clamp(round(u s0 / s)),  w = q s,  s = s0 e^t as it is stored
 *
 * with the zero point left as it is.  Gradients go straight through rounding,
 * and through clamping where they lead back inside; that of t is LSQ's (Esser
 * et al. 2020, equation 3).
 */
#ifndef HAQ_TRAIN_WEIGHT_H
#define HAQ_TRAIN_WEIGHT_H

#include "quant/qweight.h"

struct haq_train_weight {
    struct haq_qweight q; /* codes, scales as they are now; owned */
    size_t runs;          /* weights that share a scale */
    float *start;   /* [runs] scales that training started with; 0: nothing but
                       zeros, which stay */
    float *u, *t;   /* [n * k], [runs] */
    float *du, *dt; /* their gradients */
    bool scales;    /* t is trained: the format's scales are free numbers */
};

/* Begin at the codes of `from`, integers; w [n][k] are the real weights, which
 * are moved into the cells of these codes.  HAQ_NOMEM. */
haq_status haq_train_weight_init(struct haq_train_weight *t,
                                 const struct haq_qweight *from, const float *w,
                                 struct haq_diag *d);
void haq_train_weight_fini(struct haq_train_weight *t);

/* Codes and scales from u and t, and what they stand for in w [n][k]. */
void haq_train_weight_use(struct haq_train_weight *t, float *w);

/* du and dt from the gradient of what the codes stand for. */
void haq_train_weight_back(struct haq_train_weight *t, const float *dw);

#endif
