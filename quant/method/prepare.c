#include "quant/method/prepare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "quant/constants.h"
#include "quant/layer_weight.h"

enum { WEIGHT = 1, BIAS = 2 };

haq_status haq_prepare_init(struct haq_prepare *p, struct haq_graph *g,
                            const struct haq_recipe *r, struct haq_diag *d)
{
    size_t nodes = (size_t)g->n_nodes + 1, values = (size_t)g->n_values + 1;
    *p = (struct haq_prepare){.g = g};
    p->layer = calloc(nodes, sizeof *p->layer);
    p->member = calloc(nodes, sizeof *p->member);
    p->x = calloc(nodes, sizeof *p->x);
    p->own = calloc(values, sizeof *p->own);
    p->before = calloc(values, sizeof *p->before);
    if (!p->layer || !p->member || !p->x || !p->own || !p->before)
        return haq_fail(d, HAQ_NOMEM, "%d nodes", g->n_nodes);
    for (size_t i = 0; i < r->n; i++) {
        int node = haq_graph_find_layer(g, r->layer[i].tensor);
        if (node >= 0)
            p->layer[node] = &r->layer[i];
    }
    return HAQ_OK;
}

void haq_prepare_forget(struct haq_prepare *p)
{
    for (int i = 0; p->x && i < p->g->n_nodes; i++)
        haq_moments_fini(&p->x[i]);
}

void haq_prepare_fini(struct haq_prepare *p)
{
    haq_prepare_forget(p);
    free(p->layer);
    free(p->member);
    free(p->x);
    free(p->own);
    free(p->before);
    *p = (struct haq_prepare){.g = NULL};
}

/* Do codes, or the bias beside them, stand for a constant? */
static bool has_codes(const struct haq_prepare *p, int value)
{
    for (int i = 0; i < p->g->n_nodes; i++) {
        const struct haq_node *n = &p->g->nodes[i];
        if (haq_prepare_quantized(p, i) &&
            (n->in[WEIGHT] == value ||
             (n->n_in > BIAS && n->in[BIAS] == value)))
            return true;
    }
    return false;
}

haq_status haq_prepare_keep(const struct haq_prepare *p, struct haq_params *to,
                            struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (int i = 0; !s && i < p->g->n_values; i++) {
        const struct haq_value *v = &p->g->values[i];
        if (p->own[i] && !has_codes(p, i) &&
            memcmp(p->own[i], p->before[i], v->count * sizeof(float)) != 0)
            s = haq_constants_put(to, p->g, i, d);
    }
    return s;
}

float *haq_prepare_own(struct haq_prepare *p, int value)
{
    struct haq_value *v = &p->g->values[value];
    if (v->dtype != HAQ_F32 || !v->data || v->uses != 1)
        return NULL;
    if (!p->own[value]) {
        float *copy = haq_arena_array(&p->g->arena, v->count + 1, sizeof *copy);
        if (!copy)
            return NULL;
        memcpy(copy, v->data, v->count * sizeof *copy);
        p->before[value] = v->data;
        v->data = p->own[value] = copy;
    }
    return p->own[value];
}

bool haq_prepare_quantized(const struct haq_prepare *p, int node)
{
    return p->layer[node] &&
           haq_format_quantizes(p->layer[node]->weight.format);
}

bool haq_prepare_homogeneous(const struct haq_node *n)
{
    bool low = n->clamp.lo == 0 || n->clamp.lo == -INFINITY;
    return low && n->clamp.hi == INFINITY;
}

bool haq_channels_open(struct haq_channels *c, struct haq_prepare *p, int node)
{
    const struct haq_node *n = &p->g->nodes[node];
    const struct haq_value *v = &p->g->values[n->in[WEIGHT]];
    const int64_t *dims = v->shape.dims;
    *c = (struct haq_channels){
        .w = haq_prepare_own(p, n->in[WEIGHT]), .taps = 1, .normal = n->normal};
    if (!c->w)
        return false;
    if (n->op->code == HAQ_OP_CONV) {
        c->out = (size_t)dims[0];
        c->in = (size_t)dims[1];
        c->taps = c->out && c->in ? v->count / c->out / c->in : 0;
        c->at_out = c->in * c->taps;
        c->at_in = c->taps;
        c->depthwise = c->in == 1 && n->attr.window.group == dims[0];
        return n->attr.window.group == 1 || c->depthwise;
    }
    if (v->shape.rank != 2)
        return false;
    bool rows = !haq_layer_weight_transposed(n);
    c->out = (size_t)dims[!rows];
    c->in = (size_t)dims[rows];
    c->at_out = rows ? c->in : 1;
    c->at_in = rows ? 1 : c->out;
    return true;
}

size_t haq_channels_read(const struct haq_channels *c)
{
    return c->depthwise ? c->out : c->in;
}

double haq_channels_largest(const struct haq_channels *c, bool as_input,
                            size_t channel)
{
    bool row = !as_input || c->depthwise;
    size_t n = row ? c->in : c->out;
    double max = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < c->taps; t++) {
            size_t at = row ? channel * c->at_out + i * c->at_in
                            : i * c->at_out + channel * c->at_in;
            max = fmax(max, fabs((double)c->w[at + t]));
        }
    return max;
}

void haq_channels_multiply(struct haq_channels *c, bool as_input,
                           size_t channel, double by)
{
    bool row = !as_input || c->depthwise;
    size_t n = row ? c->in : c->out;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < c->taps; t++) {
            size_t at = row ? channel * c->at_out + i * c->at_in
                            : i * c->at_out + channel * c->at_in;
            c->w[at + t] = (float)((double)c->w[at + t] * by);
        }
    for (size_t i = 0; c->normal && !as_input && i < 2; i++)
        c->normal[i * c->out + channel] *= (float)by;
}
