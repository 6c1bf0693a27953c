/* quant/method/quadratic.h - the error of a layer's output as a function of its
 * codes.
 *
 * With V what the codes stand for, H = E[q q'] and T the weights that do best
 * on the inputs as they are now,
 *
 *     E |W f - V q|^2 = tr((T - V) H (T - V)') + what no V can avoid,
 *     T = W + W (E[f q'] - H) H^-1
 *
 * (normal equations; f, q: quant/moments.h; T = W where they are the same).  H
 * gets a hundredth of its mean diagonal added, as in GPTQ (Frantar et al.
 * 2023): few samples make it singular.  Inputs that are always zero get a 1 on
 * the diagonal: their weights round to nearest.
 */
#ifndef HAQ_QUANT_METHOD_QUADRATIC_H
#define HAQ_QUANT_METHOD_QUADRATIC_H

#include "quant/method/method.h"

struct haq_quadratic {
    size_t k;
    size_t first, rows; /* output channels of this part */
    double *h;          /* [k][k] damped, symmetric */
    double *target;     /* [rows][k], within haq_method_layer.target */
};

/* Of one part of the layer; parts are asked for in order at first, and their
 * targets made.  HAQ_NOMEM, HAQ_INVALID as below.  On success the caller owes
 * fini. */
haq_status haq_quadratic_init(struct haq_quadratic *e,
                              struct haq_method_layer *l, size_t part,
                              struct haq_diag *d);
void haq_quadratic_fini(struct haq_quadratic *e);

/* Half the slope of the error in V, (V - T) H, and the error of every row.
 * diff, slope: [rows][k], diff holds V and then V - T; error: [rows]. */
struct haq_blas;
void haq_quadratic_slope(const struct haq_quadratic *e,
                         const struct haq_blas *blas, double *diff,
                         double *slope, double *error);

/* H^-1 in place of a symmetric positive definite matrix [k][k].  HAQ_INVALID:
 * it is not, in double precision. */
haq_status haq_spd_invert(const struct haq_blas *blas, double *h, size_t k,
                          const char *layer, struct haq_diag *d);

#endif
