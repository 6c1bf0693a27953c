/* Cross-layer equalization (Nagel et al. 2019, "Data-Free Quantization Through
 * Weight Equalization and Bias Correction"; fact sheet 4.2).
 *
 * Between two layers stands a channel that nobody else reads, with nothing or a
 * Relu in between.  Dividing what the first layer makes by s > 0 and
 * multiplying what the second reads by s changes no output.  With
 *
 *     s = sqrt(r1 / r2),  r1, r2 the largest weights of the channel
 *
 * both then use the same range.  Dead channels (training leaves weights of
 * 1e-30) are left alone: their bias, which is all that they pass on, would be
 * multiplied beyond all measure.  Pairs are gone through again and again until
 * nothing moves, which also settles chains (convolution, depthwise,
 * convolution).
 */
#include <math.h>
#include <stdlib.h>

#include "quant/layer_weight.h"
#include "quant/method/prepare.h"

enum { BIAS = 2, SWEEPS = 40 };
static const double settled = 1e-3;
/* Of the bias: a channel with smaller weights is dead. */
static const double dead = 0x1p-12;

struct pair {
    struct haq_channels first, second;
    float *bias; /* of the first, or NULL */
};

/* Its weights are next to nothing beside its bias, whatever it was multiplied
 * with. */
static bool is_dead(const struct pair *p, size_t channel, double largest_weight)
{
    double b = p->bias ? fabs((double)p->bias[channel]) : 0;
    return largest_weight <= dead * b;
}

/* How far the furthest factor was from 1. */
static double equalize(struct pair *p)
{
    double moved = 0;
    for (size_t c = 0; c < p->first.out; c++) {
        double r1 = haq_channels_largest(&p->first, false, c);
        double r2 = haq_channels_largest(&p->second, true, c);
        if (!(r1 > 0) || !(r2 > 0) || is_dead(p, c, r1))
            continue;
        double s = sqrt(r1 / r2);
        haq_channels_multiply(&p->first, false, c, 1 / s);
        haq_channels_multiply(&p->second, true, c, s);
        if (p->bias)
            p->bias[c] = (float)((double)p->bias[c] / s);
        moved = fmax(moved, fabs(log(s)));
    }
    return moved;
}

/* ---- which layers form pairs ----------------------------------------------
 */

/* The one node that reads a value; -1: there are others, or a graph output. */
static int reader(const struct haq_graph *g, int value)
{
    if (g->values[value].uses != 1)
        return -1;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == value)
                return i;
    return -1;
}

static bool open_pair(struct pair *pair, struct haq_prepare *p, int node)
{
    const struct haq_node *n = &p->g->nodes[node];
    if (!p->member[node] || !haq_prepare_homogeneous(n))
        return false;
    int next = reader(p->g, n->out[0]);
    if (next < 0 || !p->member[next] || p->g->nodes[next].in[0] != n->out[0])
        return false;
    *pair = (struct pair){.bias = NULL};
    if (haq_layer_has_bias(p->g, n)) {
        pair->bias = haq_prepare_own(p, n->in[BIAS]);
        if (!pair->bias)
            return false;
    }
    if (!haq_channels_open(&pair->first, p, node) ||
        !haq_channels_open(&pair->second, p, next))
        return false;
    return haq_channels_read(&pair->second) == pair->first.out;
}

haq_status haq_method_cle(struct haq_prepare *p, struct haq_diag *d)
{
    struct pair *pair = calloc((size_t)p->g->n_nodes + 1, sizeof *pair);
    size_t n = 0;
    double moved = INFINITY;
    if (!pair)
        return haq_fail(d, HAQ_NOMEM, "pairs of layers");
    for (int i = 0; i < p->g->n_nodes; i++)
        n += open_pair(&pair[n], p, i);
    for (int s = 0; s < SWEEPS && moved > settled; s++) {
        moved = 0;
        for (size_t i = 0; i < n; i++)
            moved = fmax(moved, equalize(&pair[i]));
    }
    free(pair);
    return HAQ_OK;
}
