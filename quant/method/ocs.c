/* Outlier channel splitting (Zhao et al. 2019, arXiv 1901.09504): input
 * channels with the largest weights are read twice, with half the weight, so
 * that the range of the codes shrinks.
 *
 * One channel in twenty, again and again the one that now holds the largest
 * weight.  Both halves round to the same code at first; gptq, refine and the
 * other methods behind make them differ.
 */
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "quant/layer_weight.h"
#include "quant/method/prepare.h"
#include "quant/split.h"

enum { SHARE = 20, MOST_TIMES = 16 };

/* The largest weight of each of n channels. */
static haq_status look(double *most, size_t n, const struct haq_graph *g,
                       const struct haq_node *layer, struct haq_diag *d)
{
    struct haq_layer_weight m;
    haq_status s = haq_layer_weight_get(&m, g, layer, d);
    if (s)
        return s;
    for (size_t i = 0; i < m.n * m.k; i++) {
        double *at = &most[i % m.k / (m.k / n)];
        *at = fmax(*at, fabs((double)m.w[i]));
    }
    haq_layer_weight_fini(&m);
    return HAQ_OK;
}

static void choose(size_t *times, const double *most, size_t n)
{
    for (size_t more = (n + SHARE - 1) / SHARE; more; more--) {
        size_t best = 0;
        for (size_t i = 1; i < n; i++)
            if (most[i] / (double)times[i] > most[best] / (double)times[best])
                best = i;
        if (times[best] < MOST_TIMES)
            times[best]++;
    }
}

static haq_status split(struct haq_prepare *p, int node, struct haq_params *to,
                        struct haq_diag *d)
{
    const struct haq_node *layer = &p->g->nodes[node];
    size_t n = haq_split_channels(p->g, layer), len = 0;
    if (!n)
        return HAQ_OK;
    double *most = calloc(n + 1, sizeof *most);
    size_t *times = malloc((n + 1) * sizeof *times);
    int64_t *list = malloc((2 * n + 1) * sizeof *list);
    haq_status s = most && times && list
                       ? look(most, n, p->g, layer, d)
                       : haq_fail(d, HAQ_NOMEM, "layer %s", layer->layer);
    for (size_t i = 0; !s && i < n; i++)
        times[i] = 1;
    if (!s)
        choose(times, most, n);
    for (size_t i = 0; !s && i < n; i++)
        for (size_t t = 0; t < times[i]; t++)
            list[len++] = (int64_t)i;
    if (!s)
        s = haq_split_put(to, layer->layer, list, len, NULL, 0, d);
    free(most);
    free(times);
    free(list);
    return s;
}

haq_status haq_method_ocs(struct haq_prepare *p, struct haq_params *to,
                          struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (int i = 0; !s && i < p->g->n_nodes; i++)
        if (p->member[i])
            s = split(p, i, to, d);
    if (!s)
        haq_log(HAQ_LOG_INFO,
                "method %s: one channel in %d is read twice, which the size of "
                "the recipe does not count",
                p->method, SHARE);
    return s;
}
