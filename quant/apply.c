#include "quant/apply.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "quant/flow.h"
#include "quant/layer_weight.h"
#include "quant/params.h"
#include "quant/qweight_cache.h"
#include "quant/range.h"

struct job {
    struct haq_qgraph *q;
    const struct haq_graph *g;
    const struct haq_recipe *r;
    const struct haq_calib *calib;
    const struct haq_params *params;
    struct haq_qweight_cache *cache;
    struct haq_map layers; /* tensor -> struct haq_recipe_layer */
};

/* The format of inputs that no layer owns. */
static struct haq_act_spec shared_spec(void)
{
    return (struct haq_act_spec){.format = haq_format_find("uint8")};
}

static bool is_static(const void *arg, const char *layer)
{
    const struct haq_map *layers = arg;
    const struct haq_recipe_layer *l = haq_map_get(layers, layer);
    return l && l->weight.format->integer && l->act.format->integer &&
           !l->act.dynamic;
}

static bool always_static(const void *arg, const char *layer)
{
    (void)arg, (void)layer;
    return true;
}

static haq_status quantize_input(struct job *j, int node, int input,
                                 const struct haq_act_spec *spec,
                                 struct haq_diag *d)
{
    struct haq_qinput *in = &j->q->node[node].in[input];
    float range[2] = {0, 0};
    in->quantized = true;
    in->dynamic = spec->dynamic;
    in->spec = *spec;
    if (!spec->dynamic) {
        int value = j->g->nodes[node].in[input];
        haq_status s = haq_range_find(range, j->g->values[value].source, spec,
                                      j->r, j->calib, j->params, d);
        if (s)
            return s;
    }
    in->params = haq_act_params_from_range(spec, range[0], range[1]);
    return HAQ_OK;
}

static haq_status use_tuned(struct job *j, int node,
                            const struct haq_recipe_layer *l,
                            struct haq_diag *d)
{
    struct haq_params_layer given;
    size_t rows, k;
    const struct haq_node *n = &j->g->nodes[node];
    haq_status s = haq_params_layer(&given, j->params, n->layer, d);
    if (!s && j->params && !given.scale && haq_recipe_tunes(l) &&
        haq_qweight_has_scales(&l->weight))
        return haq_fail(d, HAQ_INVALID,
                        "layer %s is tuned by \"%s\", but the params file has "
                        "nothing of it",
                        n->layer, l->methods);
    if (s || !given.bias)
        return s;
    haq_layer_weight_dims(j->g, n, &rows, &k);
    if (!haq_layer_has_bias(j->g, n))
        return haq_fail(d, HAQ_INVALID,
                        "parameter bias/%s: the layer has no bias", n->layer);
    if (given.bias->dtype != HAQ_F32 || given.bias->count != rows)
        return haq_fail(d, HAQ_INVALID,
                        "parameter bias/%s has %zu %s, the layer has %zu "
                        "channels",
                        n->layer, given.bias->count,
                        haq_dtype_info(given.bias->dtype)->name, rows);
    float *bias = haq_arena_array(&j->q->arena, rows, sizeof *bias);
    if (!bias)
        return haq_fail(d, HAQ_NOMEM, "bias of %s", n->layer);
    memcpy(bias, given.bias->data, rows * sizeof *bias);
    for (size_t i = 0; i < rows; i++)
        if (!isfinite(bias[i]))
            return haq_fail(d, HAQ_INVALID,
                            "parameter bias/%s[%zu] is not a number", n->layer,
                            i);
    j->q->node[node].bias = bias;
    return HAQ_OK;
}

static haq_status apply_layer(struct job *j, int node,
                              const struct haq_recipe_layer *l,
                              struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_qnode *q = &j->q->node[node];
    if (haq_format_quantizes(l->weight.format))
        s = haq_qweight_cache_get(&q->weight, &q->weight_key, j->cache, j->g,
                                  &j->g->nodes[node], &l->weight, j->params, d);
    if (!s)
        s = use_tuned(j, node, l, d);
    if (!s && l->act.format->integer)
        s = quantize_input(j, node, 0, &l->act, d);
    return s;
}

static haq_status apply_node(struct job *j, int node,
                             const struct haq_flow *flow, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    const struct haq_node *n = &j->g->nodes[node];
    const struct haq_act_spec spec = shared_spec();
    size_t n_in = (size_t)n->n_in;
    j->q->node[node].in =
        haq_arena_array(&j->q->arena, n_in, sizeof *j->q->node[node].in);
    if (!j->q->node[node].in)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (n->layer) {
        const struct haq_recipe_layer *l = haq_map_get(&j->layers, n->layer);
        return l ? apply_layer(j, node, l, d) : HAQ_OK;
    }
    for (int i = 0; !s && flow->quantized[node] && i < n->n_in; i++)
        if (n->in[i] != HAQ_NO_VALUE)
            s = quantize_input(j, node, i, &spec, d);
    return s;
}

/* Layers of the recipe by name; each must be in the graph, with formats that go
 * together. */
static haq_status index_layers(struct job *j, struct haq_diag *d)
{
    for (size_t i = 0; i < j->r->n; i++) {
        struct haq_recipe_layer *l = &j->r->layer[i];
        char words[HAQ_SPEC_TEXT];
        haq_weight_spec_text(words, &l->weight);
        if (haq_graph_find_layer(j->g, l->tensor) < 0)
            return haq_fail(d, HAQ_INVALID, "the model has no layer %s",
                            l->tensor);
        if (!l->weight.format->integer && l->act.format->integer)
            return haq_fail(d, HAQ_INVALID,
                            "layer %s: %s weights need float activations",
                            l->tensor, words);
        if (!haq_map_put(&j->layers, l->tensor, l))
            return haq_fail(d, HAQ_NOMEM, "%zu layers", j->r->n);
    }
    return HAQ_OK;
}

haq_status haq_apply(struct haq_qgraph *out, const struct haq_graph *g,
                     const struct haq_recipe *r, const struct haq_calib *calib,
                     const struct haq_params *params,
                     struct haq_qweight_cache *cache, struct haq_diag *d)
{
    struct haq_qgraph q = {.graph = g};
    struct haq_flow flow = {0};
    struct job j = {.q = &q,
                    .g = g,
                    .r = r,
                    .calib = calib,
                    .params = params,
                    .cache = cache};
    haq_arena_init(&q.arena);
    haq_map_init(&j.layers);
    haq_status s = index_layers(&j, d);
    if (!s)
        s = haq_flow_make(&flow, g, is_static, &j.layers, d);
    if (s)
        goto done;
    q.node = haq_arena_array(&q.arena, (size_t)g->n_nodes, sizeof *q.node);
    if (!q.node)
        s = haq_fail(d, HAQ_NOMEM, "%d nodes", g->n_nodes);
    for (int i = 0; !s && i < g->n_nodes; i++)
        s = apply_node(&j, i, &flow, d);
done:
    haq_flow_fini(&flow);
    haq_map_fini(&j.layers);
    if (s)
        haq_qgraph_fini(&q);
    else
        *out = q;
    return s;
}

void haq_qgraph_fini(struct haq_qgraph *q)
{
    haq_arena_fini(&q->arena);
    *q = (struct haq_qgraph){0};
}

static bool watch(struct haq_map *seen, const struct haq_graph *g, int value)
{
    return value == HAQ_NO_VALUE ||
           haq_map_put(seen, g->values[value].source, NULL);
}

haq_status haq_apply_tensors(const struct haq_graph *g, const char ***names,
                             size_t *n, struct haq_diag *d)
{
    struct haq_map seen;
    struct haq_flow flow = {0};
    bool ok = true;
    haq_map_init(&seen);
    haq_status s = haq_flow_make(&flow, g, always_static, NULL, d);
    if (s)
        goto done;
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *node = &g->nodes[i];
        if (node->layer)
            ok = ok && watch(&seen, g, node->in[0]);
        for (int k = 0; flow.quantized[i] && k < node->n_in; k++)
            ok = ok && watch(&seen, g, node->in[k]);
    }
    const char **list = malloc((seen.len + 1) * sizeof *list);
    if (!ok || !list) {
        free(list);
        s = haq_fail(d, HAQ_NOMEM, "%zu tensor names", seen.len);
        goto done;
    }
    for (size_t i = 0; i < seen.len; i++)
        list[i] = seen.entries[i].key;
    *names = list;
    *n = seen.len;
done:
    haq_flow_fini(&flow);
    haq_map_fini(&seen);
    return s;
}
