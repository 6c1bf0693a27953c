/* quant/moments.h - what the inputs of one layer are like: their second
 * moments, and how they changed since the layers before it were quantized.
 *
 * A row of input x is what one row of the weight is multiplied with (quant/
 * layer_weight.h): of a convolution the k values under its window, in the order
 * of the weight.  Grouped convolutions have `parts` groups, each with inputs of
 * its own; output channel r belongs to part r / (n / parts).
 *
 * f is the input in the float model, q that in the network as far as it is
 * quantized, or f again.  Everything that a method needs to know of a layer's
 * output error follows from these means: E |(W - V) x|^2 = tr((W - V) E[x x']
 * (W - V)').
 */
#ifndef HAQ_QUANT_MOMENTS_H
#define HAQ_QUANT_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct haq_blas;

struct haq_moments {
    const struct haq_blas *blas;
    size_t parts, k;
    size_t rows;             /* of one part */
    double *qq;              /* [parts][k][k] E[q q'] */
    double *fq;              /* E[f q']; NULL: f is q */
    double *mean_q, *mean_f; /* [parts][k] */
    double *mean_abs;        /* [parts][k] E |q| */
    float *lo, *hi;          /* [parts][k] range of q, widened to contain 0 */
    double *scratch;         /* [2][HAQ_MOMENT_ROWS][k] */
};

enum { HAQ_MOMENT_ROWS = 256 };

/* All zero; `moved`: q is not f.  HAQ_NOMEM; HAQ_UNSUPPORTED (quant/blas.h). On
 * success the caller owes haq_moments_fini. */
haq_status haq_moments_init(struct haq_moments *m, size_t parts, size_t k,
                            bool moved, struct haq_diag *d);
void haq_moments_fini(struct haq_moments *m);

/* Add rows of one part, n <= HAQ_MOMENT_ROWS; f and q are [n][k]. */
void haq_moments_add(struct haq_moments *m, size_t part, const float *f,
                     const float *q, size_t n);

/* Sums become means; nothing may be added any more. */
void haq_moments_finish(struct haq_moments *m);

#endif
