/* Outlier decomposition (LLM.int8(), Dettmers et al. 2022, arXiv 2208.07339;
 * fact sheet 4.10): the few input channels with very large numbers are computed
 * in float, so that all others can share a fine step.
 *
 * The paper takes channels with any number beyond 6, in networks whose hidden
 * states have about unit variance; here the bound is 6 times the root mean
 * square of all that the layer reads.  The channels are found once, on the
 * calibration set; at most an eighth of a layer's, the largest.
 */
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "quant/method/prepare.h"
#include "quant/split.h"

enum { MOST = 8 }; /* one channel of so many */
static const double bound = 6;

/* Of every channel of one layer. */
struct channel {
    double most; /* |x| */
    int64_t at;
};

static int by_size(const void *a, const void *b)
{
    const struct channel *x = a, *y = b;
    if (x->most != y->most)
        return x->most > y->most ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int by_place(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Channels and the root mean square of all. */
static double look(struct channel *c, size_t n, const struct haq_moments *x)
{
    size_t taps = x->k / n;
    double square = 0;
    for (size_t i = 0; i < x->k; i++) {
        struct channel *to = &c[i / taps];
        to->at = (int64_t)(i / taps);
        to->most = fmax(to->most, fmax((double)x->hi[i], -(double)x->lo[i]));
        square += x->qq[i * x->k + i] / (double)x->k;
    }
    return sqrt(square);
}

/* The first `kept` channels go their own way. */
static haq_status put(struct haq_params *to, const char *layer,
                      const struct channel *c, size_t n, size_t kept,
                      struct haq_diag *d)
{
    int64_t *list = malloc((n + 1) * sizeof *list);
    if (!list)
        return haq_fail(d, HAQ_NOMEM, "layer %s", layer);
    for (size_t i = 0; i < n; i++)
        list[i] = c[i].at;
    qsort(list, kept, sizeof *list, by_place);
    qsort(list + kept, n - kept, sizeof *list, by_place);
    haq_status s =
        haq_split_put(to, layer, list + kept, n - kept, list, kept, d);
    free(list);
    return s;
}

/* What went its own way in all layers. */
struct found {
    size_t channels, weights;
};

static haq_status decompose(struct haq_prepare *p, int node,
                            struct found *found, struct haq_params *to,
                            struct haq_diag *d)
{
    const struct haq_recipe_layer *l = p->layer[node];
    size_t n = haq_split_channels(p->g, &p->g->nodes[node]), kept = 0;
    if (n < 2 || !l->act.format->integer)
        return HAQ_OK;
    struct channel *c = calloc(n + 1, sizeof *c);
    if (!c)
        return haq_fail(d, HAQ_NOMEM, "layer %s", l->tensor);
    double rms = look(c, n, &p->x[node]);
    qsort(c, n, sizeof *c, by_size);
    while (kept < n / MOST && c[kept].most > bound * rms)
        kept++;
    haq_status s = kept ? put(to, l->tensor, c, n, kept, d) : HAQ_OK;
    found->channels += kept;
    found->weights += p->g->values[p->g->nodes[node].in[1]].count / n * kept;
    free(c);
    return s;
}

haq_status haq_method_outliers(struct haq_prepare *p, struct haq_params *to,
                               struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct found found = {.channels = 0};
    for (int i = 0; !s && i < p->g->n_nodes; i++)
        if (p->member[i])
            s = decompose(p, i, &found, to, d);
    if (!s && !found.channels)
        haq_log(HAQ_LOG_WARN,
                "method %s: no layer with integer activations reads a channel "
                "beyond %g times the root mean square",
                p->method, bound);
    else if (!s)
        haq_log(HAQ_LOG_INFO,
                "method %s: %zu channels stay float: %zu weights of 4 bytes, "
                "which the size of the recipe does not count",
                p->method, found.channels, found.weights);
    return s;
}
