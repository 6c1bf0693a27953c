/* Bias correction (Nagel et al. 2019, DFQ, section 4.2; fact sheet 4.3): what
 * rounding moved the mean of every output channel by is taken from its bias.
 *
 *     b += W E[f] - V E[q]
 *
 * with the means of the inputs before and after the layers in front were
 * quantized.  The layer is linear: means of its inputs are all that is needed.
 * "bias" has them from calibration data, "bnbias" from the batch normalization
 * in front (expected.h): f and q are the same there.
 */
#include "quant/method/method.h"

/* f, q: means of inputs, [parts][k]. */
static double moved(const struct haq_method_layer *l, size_t channel,
                    size_t parts, const double *f, const double *q)
{
    size_t k = l->q->k, part = channel / (l->q->n / parts);
    double sum = 0;
    for (size_t i = 0; i < k; i++) {
        size_t at = channel * k + i, mean = part * k + i;
        int code = l->q->codes
                       ? l->q->codes[at]
                       : haq_qweight_code(l->q, channel, i, (double)l->w[at]);
        sum += (double)l->w[at] * f[mean] -
               haq_qweight_value(l->q, channel, i, code) * q[mean];
    }
    return sum;
}

haq_status haq_method_bias(struct haq_method_layer *l, struct haq_diag *d)
{
    (void)d;
    for (size_t c = 0; l->bias && c < l->q->n; c++)
        l->bias[c] +=
            (float)moved(l, c, l->x->parts, l->x->mean_f, l->x->mean_q);
    return HAQ_OK;
}

haq_status haq_method_bn_bias(struct haq_method_layer *l, struct haq_diag *d)
{
    (void)d;
    for (size_t c = 0; l->bias && l->expected && c < l->q->n; c++)
        l->bias[c] += (float)moved(l, c, l->parts, l->expected, l->expected);
    return HAQ_OK;
}
