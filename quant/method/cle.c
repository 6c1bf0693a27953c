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
#include <string.h>

#include "graph/op.h"
#include "quant/layer_weight.h"
#include "quant/method/method.h"

enum { WEIGHT = 1, BIAS = 2, SWEEPS = 40 };
static const double settled = 1e-3;
/* Of the bias: a channel with smaller weights is dead. */
static const double dead = 0x1p-12;

/* A weight as outputs x inputs x taps, wherever its elements lie. */
struct block {
    float *w;
    size_t out, in, taps;
    size_t at_out, at_in; /* distances */
    bool depthwise;       /* in is 1: channel c reads channel c */
};

struct pair {
    struct block first, second;
    float *bias; /* of the first, or NULL */
};

struct job {
    struct haq_graph *g;
    const bool *member; /* [nodes] layers that may be changed */
    float **own;        /* [values] constants that are copies already */
};

/* A constant to be written, in the graph's arena; NULL: it is none. */
static float *own_constant(struct job *j, int value)
{
    struct haq_value *v = &j->g->values[value];
    if (v->dtype != HAQ_F32 || !v->data || v->uses != 1)
        return NULL;
    if (!j->own[value]) {
        float *copy = haq_arena_array(&j->g->arena, v->count, sizeof *copy);
        if (!copy)
            return NULL;
        memcpy(copy, v->data, v->count * sizeof *copy);
        v->data = j->own[value] = copy;
    }
    return j->own[value];
}

static bool open_block(struct block *b, struct job *j, const struct haq_node *n)
{
    const struct haq_value *v = &j->g->values[n->in[WEIGHT]];
    const int64_t *dims = v->shape.dims;
    *b = (struct block){.w = own_constant(j, n->in[WEIGHT]), .taps = 1};
    if (!b->w)
        return false;
    if (n->op->code == HAQ_OP_CONV) {
        b->out = (size_t)dims[0];
        b->in = (size_t)dims[1];
        b->taps = b->out && b->in ? v->count / b->out / b->in : 0;
        b->at_out = b->in * b->taps;
        b->at_in = b->taps;
        b->depthwise = b->in == 1 && n->attr.window.group == dims[0];
        return n->attr.window.group == 1 || b->depthwise;
    }
    if (v->shape.rank != 2)
        return false;
    bool rows = !haq_layer_weight_transposed(n);
    b->out = (size_t)dims[!rows];
    b->in = (size_t)dims[rows];
    b->at_out = rows ? b->in : 1;
    b->at_in = rows ? 1 : b->out;
    return true;
}

static double largest(const struct block *b, bool as_input, size_t channel)
{
    bool row = !as_input || b->depthwise;
    size_t n = row ? b->in : b->out;
    double max = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < b->taps; t++) {
            size_t at = row ? channel * b->at_out + i * b->at_in
                            : i * b->at_out + channel * b->at_in;
            max = fmax(max, fabs((double)b->w[at + t]));
        }
    return max;
}

static void multiply(struct block *b, bool as_input, size_t channel, double by)
{
    bool row = !as_input || b->depthwise;
    size_t n = row ? b->in : b->out;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < b->taps; t++) {
            size_t at = row ? channel * b->at_out + i * b->at_in
                            : i * b->at_out + channel * b->at_in;
            b->w[at + t] = (float)((double)b->w[at + t] * by);
        }
}

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
        double r1 = largest(&p->first, false, c);
        double r2 = largest(&p->second, true, c);
        if (!(r1 > 0) || !(r2 > 0) || is_dead(p, c, r1))
            continue;
        double s = sqrt(r1 / r2);
        multiply(&p->first, false, c, 1 / s);
        multiply(&p->second, true, c, s);
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

/* Scaling by s > 0 passes through: nothing, or a Relu. */
static bool homogeneous(const struct haq_node *n)
{
    bool low = n->clamp.lo == 0 || n->clamp.lo == -INFINITY;
    return low && n->clamp.hi == INFINITY;
}

static bool open_pair(struct pair *p, struct job *j, int node)
{
    const struct haq_node *n = &j->g->nodes[node];
    if (!j->member[node] || !homogeneous(n))
        return false;
    int next = reader(j->g, n->out[0]);
    if (next < 0 || !j->member[next] || j->g->nodes[next].in[0] != n->out[0])
        return false;
    *p = (struct pair){.bias = NULL};
    if (haq_layer_has_bias(j->g, n)) {
        p->bias = own_constant(j, n->in[BIAS]);
        if (!p->bias)
            return false;
    }
    if (!open_block(&p->first, j, n) ||
        !open_block(&p->second, j, &j->g->nodes[next]))
        return false;
    size_t reads = p->second.depthwise ? p->second.out : p->second.in;
    return reads == p->first.out;
}

haq_status haq_method_cle(struct haq_graph *g, const bool *member,
                          struct haq_diag *d)
{
    struct job j = {g, member, calloc((size_t)g->n_values + 1, sizeof *j.own)};
    struct pair *pair = calloc((size_t)g->n_nodes + 1, sizeof *pair);
    size_t n = 0;
    double moved = INFINITY;
    haq_status status =
        j.own && pair ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "pairs of layers");
    for (int i = 0; status == HAQ_OK && i < g->n_nodes; i++)
        n += open_pair(&pair[n], &j, i);
    for (int s = 0; s < SWEEPS && moved > settled; s++) {
        moved = 0;
        for (size_t i = 0; i < n; i++)
            moved = fmax(moved, equalize(&pair[i]));
    }
    free(j.own);
    free(pair);
    return status;
}
