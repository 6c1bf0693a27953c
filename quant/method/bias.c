/* Bias correction (Nagel et al. 2019, DFQ, section 4.2; fact sheet 4.3): what
 * rounding moved the mean of every output channel by is taken from its bias.
 *
 *     b += W E[f] - V E[q]
 *
 * with the means of the inputs before and after the layers in front were
 * quantized.  The layer is linear: means of its inputs are all that is needed.
 */
#include "quant/method/method.h"

static double moved(const struct haq_method_layer *l, size_t channel)
{
    size_t k = l->q->k, part = channel / (l->q->n / l->x->parts);
    const double *f = l->x->mean_f + part * k, *q = l->x->mean_q + part * k;
    double sum = 0;
    for (size_t i = 0; i < k; i++) {
        size_t at = channel * k + i;
        int code = l->q->codes
                       ? l->q->codes[at]
                       : haq_qweight_code(l->q, channel, i, (double)l->w[at]);
        sum += (double)l->w[at] * f[i] -
               haq_qweight_value(l->q, channel, i, code) * q[i];
    }
    return sum;
}

haq_status haq_method_bias(struct haq_method_layer *l, struct haq_diag *d)
{
    (void)d;
    for (size_t c = 0; l->bias && c < l->q->n; c++)
        l->bias[c] += (float)moved(l, c);
    return HAQ_OK;
}
