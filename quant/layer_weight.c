#include "quant/layer_weight.h"

#include <assert.h>
#include <stdlib.h>

#include "graph/op.h"

enum { WEIGHT = 1, BIAS = 2 }; /* inputs of a layer */

/* Which layers keep the output channels in the last axis. */
static bool never(const struct haq_node *n)
{
    (void)n;
    return false;
}

static bool always(const struct haq_node *n)
{
    (void)n;
    return true;
}

static bool unless_trans_b(const struct haq_node *n)
{
    return !n->attr.trans_b;
}

bool haq_layer_weight_transposed(const struct haq_node *layer)
{
    static bool (*const rule[HAQ_OP_COUNT])(const struct haq_node *) = {
        [HAQ_OP_CONV] = never,
        [HAQ_OP_GEMM] = unless_trans_b,
        [HAQ_OP_MATMUL] = always,
    };
    assert(layer->layer && rule[layer->op->code]);
    return rule[layer->op->code](layer);
}

static const struct haq_value *weight_of(const struct haq_graph *g,
                                         const struct haq_node *layer)
{
    assert(layer->n_in > WEIGHT);
    const struct haq_value *v = &g->values[layer->in[WEIGHT]];
    assert(v->data && v->shape.rank >= 2);
    return v;
}

bool haq_layer_has_bias(const struct haq_graph *g, const struct haq_node *layer)
{
    return layer->n_in > BIAS && layer->in[BIAS] != HAQ_NO_VALUE &&
           g->values[layer->in[BIAS]].data;
}

void haq_layer_weight_dims(const struct haq_graph *g,
                           const struct haq_node *layer, size_t *n, size_t *k)
{
    const struct haq_value *v = weight_of(g, layer);
    int channels = haq_layer_weight_transposed(layer) ? v->shape.rank - 1 : 0;
    *n = (size_t)v->shape.dims[channels];
    *k = *n ? v->count / *n : 0;
}

static float element(const struct haq_value *v, size_t i)
{
    if (v->dtype == HAQ_F32)
        return ((const float *)v->data)[i];
    return (float)haq_dtype_get(v->dtype, v->data, i);
}

haq_status haq_layer_weight_get(struct haq_layer_weight *out,
                                const struct haq_graph *g,
                                const struct haq_node *layer,
                                struct haq_diag *d)
{
    const struct haq_value *v = weight_of(g, layer);
    struct haq_layer_weight m = {0};
    bool transposed = haq_layer_weight_transposed(layer);
    haq_layer_weight_dims(g, layer, &m.n, &m.k);
    if (!transposed && v->dtype == HAQ_F32) {
        m.w = v->data;
        *out = m;
        return HAQ_OK;
    }
    m.own = calloc(v->count + 1, sizeof *m.own);
    if (!m.own)
        return haq_fail(d, HAQ_NOMEM, "weight of layer %s", layer->layer);
    for (size_t r = 0; r < m.n; r++)
        for (size_t i = 0; i < m.k; i++)
            m.own[r * m.k + i] =
                element(v, transposed ? i * m.n + r : r * m.k + i);
    m.w = m.own;
    *out = m;
    return HAQ_OK;
}

void haq_layer_weight_fini(struct haq_layer_weight *w)
{
    free(w->own);
    *w = (struct haq_layer_weight){0};
}
