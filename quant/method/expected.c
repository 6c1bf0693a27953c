#include "quant/method/expected.h"

#include <math.h>
#include <stdlib.h>

#include "graph/op.h"
#include "quant/layer_weight.h"

static double density(double x)
{
    return isfinite(x) ? exp(-x * x / 2) / sqrt(2 * M_PI) : 0;
}

static double below(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

double haq_clamped_mean(double mean, double deviation,
                        const struct haq_clamp *c)
{
    double lo = (double)c->lo, hi = (double)c->hi;
    if (!(deviation > 0))
        return fmin(fmax(mean, lo), hi);
    double a = (lo - mean) / deviation, b = (hi - mean) / deviation;
    double sum =
        mean * (below(b) - below(a)) + deviation * (density(a) - density(b));
    /* An infinite bound has no weight. */
    sum += isfinite(lo) ? lo * below(a) : 0;
    sum += isfinite(hi) ? hi * below(-b) : 0;
    return sum;
}

haq_status haq_expected_inputs(double **out, const struct haq_graph *g,
                               const struct haq_node *layer, struct haq_diag *d)
{
    const struct haq_value *x = &g->values[layer->in[0]];
    const struct haq_node *front =
        x->producer < 0 ? NULL : &g->nodes[x->producer];
    bool conv = layer->op->code == HAQ_OP_CONV;
    size_t n, k, parts = conv ? (size_t)layer->attr.window.group : 1;
    *out = NULL;
    if (!front || !front->normal)
        return HAQ_OK;
    haq_layer_weight_dims(g, layer, &n, &k);
    size_t channels, reads;
    haq_layer_weight_dims(g, front, &channels, &reads);
    size_t taps = channels ? parts * k / channels : 0;
    if (!taps || taps * channels != parts * k)
        return HAQ_OK; /* not channel by channel */
    *out = malloc((parts * k + 1) * sizeof **out);
    if (!*out)
        return haq_fail(d, HAQ_NOMEM, "layer %s", layer->layer);
    for (size_t i = 0; i < parts * k; i++)
        (*out)[i] = haq_clamped_mean((double)front->normal[i / taps],
                                     (double)front->normal[channels + i / taps],
                                     &front->clamp);
    return HAQ_OK;
}
