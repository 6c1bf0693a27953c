#include "worker/doubts.h"

#include "base/log.h"
#include "quant/layer_weight.h"

void haq_doubt_ranges(const struct haq_graph *g, const struct haq_calib *c)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        const struct haq_tensor_stats *t =
            n->layer ? haq_calib_find(c, g->values[n->in[0]].source) : NULL;
        if (t && t->count && t->min >= t->max)
            haq_log(HAQ_LOG_WARN,
                    "layer %s reads nothing but %g on the calibration samples: "
                    "other inputs will be clipped to that",
                    n->layer, (double)t->min);
    }
}

static bool is_zero(const float *w, size_t k)
{
    for (size_t i = 0; i < k; i++)
        if (w[i] != 0)
            return false;
    return true;
}

static void doubt_channels(const char *layer, const struct haq_layer_weight *w)
{
    size_t zero = 0, first = 0;
    for (size_t i = 0; i < w->n; i++)
        if (is_zero(w->w + i * w->k, w->k) && !zero++)
            first = i;
    if (zero)
        haq_log(HAQ_LOG_WARN,
                "layer %s: the weights of %zu of %zu output channels are all "
                "0, channel %zu first",
                layer, zero, w->n, first);
}

haq_status haq_doubt_weights(const struct haq_graph *g, struct haq_diag *d)
{
    for (int i = 0; i < g->n_nodes; i++) {
        struct haq_layer_weight w;
        if (!g->nodes[i].layer)
            continue;
        haq_status s = haq_layer_weight_get(&w, g, &g->nodes[i], d);
        if (s != HAQ_OK)
            return s;
        doubt_channels(g->nodes[i].layer, &w);
        haq_layer_weight_fini(&w);
    }
    return HAQ_OK;
}

void haq_doubt_moments(const char *layer, const struct haq_moments *x)
{
    if (x->rows < x->k)
        haq_log(HAQ_LOG_WARN,
                "layer %s: %zu rows of input on the calibration samples for "
                "%zu weights per channel: methods tune more than they see, "
                "more samples help",
                layer, x->rows, x->k);
}
