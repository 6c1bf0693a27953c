/* quant/method/smooth.h - factors for input channels, taken by what stands in
 * front (fact sheet 4.7).
 *
 *     norm or layer -> [Mul, Relu, pooling ...] -> x -> layer, layer ...
 *          / s                                          * s
 *
 * Dividing channel j of what makes x by s_j > 0 and multiplying what all its
 * readers do with it by s_j changes no output.  In front may stand a layer
 * normalization (its scale and bias take 1/s), a layer of the recipe (its rows
 * and bias), and between them whatever passes factors on: Relu, pooling, one
 * side of a Mul (the gate of SwiGLU stays as it is).  Nobody else may read what
 * lies between.
 */
#ifndef HAQ_QUANT_METHOD_SMOOTH_H
#define HAQ_QUANT_METHOD_SMOOTH_H

#include "quant/method/prepare.h"

struct haq_smooth_group {
    int *reader; /* [readers] nodes, members */
    size_t readers, channels;
    struct haq_channels *weight;     /* [readers] */
    struct haq_channels front;       /* w NULL: a normalization */
    float *front_scale, *front_bias; /* [channels] of it, or NULL */
    /* [channels] of x */
    double *mean_abs;
    double *lo, *hi; /* widened to contain 0 */
};

/* Factors s ([channels]) for one alpha; what is no positive number (a channel
 * that is always next to zero, say) becomes 1, the others are divided by the
 * root of largest times least and kept within 2^-6 .. 2^6. */
typedef void haq_smooth_factors(double *s, const struct haq_smooth_group *g,
                                double alpha);

/* For every group of the graph, in network order, the alpha of 0, 0.05 .. 1
 * whose factors cost least, or no factors at all.  The cost is the mean squared
 * error of the readers' outputs, summed over their channels, when weights are
 * rounded to nearest and, where the recipe quantizes x, inputs as if their
 * errors were uniform and independent:
 *
 *     tr(D H D'), D = Q(W s) / s - W   +   step^2 / 12 |W s|^2
 *
 * step is that of the range of x / s.  No group is said in the log.  HAQ_NOMEM.
 */
haq_status haq_smooth(struct haq_prepare *p, haq_smooth_factors *factors,
                      struct haq_diag *d);

/* The largest weight that reads a channel. */
double haq_smooth_largest(const struct haq_smooth_group *g, size_t channel);

#endif
