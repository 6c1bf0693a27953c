#include "train/net.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant/layer_weight.h"
#include "train/ops.h"

enum { ALIGN = 16 }; /* floats: a cache line */

static size_t aligned(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* ---- slots ----------------------------------------------------------------
 */

static int add_slot(struct haq_net *net, size_t count, bool integer)
{
    struct haq_train_slot *s = &net->slot[net->slots];
    *s = (struct haq_train_slot){
        .count = count, .integer = integer, .at = net->values};
    net->values += aligned(integer ? 2 * count : count);
    return (int)net->slots++;
}

/* The slot of a value that a node reads. */
static int read_value(struct haq_net *net, int value)
{
    if (value == HAQ_NO_VALUE)
        return -1;
    const struct haq_value *v = &net->graph->values[value];
    if (net->slot_of[value] >= 0)
        return net->slot_of[value];
    assert(v->data || v->producer < 0);
    int slot = (int)net->slots;
    if (v->data)
        net->slot[net->slots++] =
            (struct haq_train_slot){.count = v->count, .constant = v->data};
    else
        add_slot(net, v->count, v->dtype != HAQ_F32);
    return net->slot_of[value] = slot;
}

/* ---- quantizers -----------------------------------------------------------
 */

struct copy {
    int from, to; /* slots */
    const char *source;
    struct haq_act_spec spec;
    size_t row; /* of a dynamic one */
};

struct builder {
    struct haq_net *net;
    const struct haq_qgraph *q;
    struct copy *copy; /* quantized tensors so far */
    size_t copies;
};

static bool same_spec(const struct haq_act_spec *a,
                      const struct haq_act_spec *b)
{
    return a->format == b->format && a->dynamic == b->dynamic;
}

/* The quantizer of a tensor by its name in recipes. */
static int find_act(struct haq_net *net, const char *source,
                    const struct haq_qinput *in)
{
    for (size_t i = 0; i < net->acts; i++)
        if (same_spec(&net->act[i].spec, &in->spec) &&
            !strcmp(net->act[i].source, source))
            return (int)i;
    struct haq_train_act *a = &net->act[net->acts];
    *a = (struct haq_train_act){.source = source,
                                .spec = in->spec,
                                .scale = in->params.scale,
                                .zero = in->params.zero,
                                .qlo = in->params.qlo,
                                .qhi = in->params.qhi,
                                .grad_at = net->sums++};
    return (int)net->acts++;
}

static bool step_grad(const struct haq_net *net, const struct haq_train_step *s)
{
    bool grad = s->layer >= 0 || s->act >= 0;
    for (int i = 0; i < s->n_in; i++)
        grad = grad || (s->in[i] >= 0 && net->slot[s->in[i]].grad);
    return grad;
}

static haq_status slots_of_step(struct haq_net *net, struct haq_train_step *s,
                                int n_in, int n_out, struct haq_diag *d)
{
    s->n_in = n_in;
    s->n_out = n_out;
    s->in = haq_arena_array(&net->arena, (size_t)n_in + 1, sizeof *s->in);
    s->out = haq_arena_array(&net->arena, (size_t)n_out + 1, sizeof *s->out);
    return s->in && s->out ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "a step");
}

/* A row with a scale of its own is all that one output position reads of a
 * matrix, and one sample of an image. */
static size_t dynamic_row(const struct haq_graph *g, const struct haq_node *n)
{
    const struct haq_shape *x = &g->values[n->in[0]].shape;
    size_t row = (size_t)x->dims[x->rank - 1];
    if (n->op->code == HAQ_OP_CONV)
        for (int i = 1; i < x->rank - 1; i++)
            row *= (size_t)x->dims[i];
    return row;
}

/* Put a quantizer in front of input i of a node, or find the one there is. */
static haq_status quantized(int *slot, struct builder *b, int node, int i,
                            struct haq_diag *d)
{
    struct haq_net *net = b->net;
    const struct haq_node *n = &net->graph->nodes[node];
    const struct haq_qinput *in = &b->q->node[node].in[i];
    struct copy c = {.from = *slot,
                     .source = net->graph->values[n->in[i]].source,
                     .spec = in->spec,
                     .row = in->dynamic ? dynamic_row(net->graph, n) : 0};
    for (size_t k = 0; k < b->copies; k++)
        if (b->copy[k].from == c.from && b->copy[k].row == c.row &&
            same_spec(&b->copy[k].spec, &c.spec) &&
            !strcmp(b->copy[k].source, c.source)) {
            *slot = b->copy[k].to;
            return HAQ_OK;
        }
    struct haq_train_step *s = &net->step[net->steps];
    *s = (struct haq_train_step){.node = -1, .layer = -1, .act = -1};
    haq_status status = slots_of_step(net, s, 1, 1, d);
    if (status)
        return status;
    if (!in->dynamic)
        s->act = find_act(net, c.source, in);
    c.to = add_slot(net, net->slot[c.from].count, false);
    s->in[0] = c.from;
    s->out[0] = c.to;
    net->slot[c.to].grad = step_grad(net, s);
    b->copy[b->copies++] = c;
    *slot = c.to;
    net->steps++;
    return haq_train_quantizer(net, s, &c.spec, c.row, d);
}

/* ---- layers ---------------------------------------------------------------
 */

static haq_status first_weight(struct haq_net *net, size_t layer,
                               const struct haq_qnode *q, struct haq_diag *d)
{
    struct haq_train_layer *l = &net->layer[layer];
    const struct haq_node *n = &net->graph->nodes[l->node];
    if (q && q->weight) {
        float *w = malloc((l->n * l->k + 1) * sizeof *w);
        if (!w)
            return haq_fail(d, HAQ_NOMEM, "layer %s", l->tensor);
        haq_qweight_dequantize(w, q->weight);
        haq_net_set_weight(net, layer, w);
        free(w);
        return HAQ_OK;
    }
    struct haq_layer_weight w;
    haq_status s = haq_layer_weight_get(&w, net->graph, n, d);
    if (s)
        return s;
    haq_net_set_weight(net, layer, w.w);
    haq_layer_weight_fini(&w);
    return HAQ_OK;
}

static haq_status add_layer(struct haq_net *net, int node,
                            const struct haq_qnode *q, struct haq_diag *d)
{
    const struct haq_node *n = &net->graph->nodes[node];
    struct haq_train_layer *l = &net->layer[net->layers++];
    l->tensor = n->layer;
    l->node = node;
    haq_layer_weight_dims(net->graph, n, &l->n, &l->k);
    l->w = haq_arena_array(&net->arena, l->n * l->k + 1, sizeof *l->w);
    l->grad_at = net->sums;
    net->sums += aligned(l->n * l->k);
    l->bias_at = net->sums;
    net->sums += aligned(l->n);
    if (!l->w)
        return haq_fail(d, HAQ_NOMEM, "layer %s", n->layer);
    if (!haq_layer_has_bias(net->graph, n))
        return HAQ_OK;
    const float *bias =
        q && q->bias ? q->bias : net->graph->values[n->in[2]].data;
    l->bias = haq_arena_copy(&net->arena, bias, l->n * sizeof *bias);
    return l->bias ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "layer %s", n->layer);
}

void haq_net_set_weight(struct haq_net *net, size_t layer, const float *w)
{
    struct haq_train_layer *l = &net->layer[layer];
    for (size_t i = 0; i < l->n * l->k; i++)
        l->w[i] = w[l->order ? (size_t)l->order[i] : i];
}

void haq_tape_layer_sums(const struct haq_tape *t, size_t layer, float *dw,
                         float *db)
{
    const struct haq_train_layer *l = &t->net->layer[layer];
    const float *sw = t->sums + l->grad_at, *sb = t->sums + l->bias_at;
    for (size_t i = 0; i < l->n * l->k; i++)
        dw[l->order ? (size_t)l->order[i] : i] += sw[i];
    for (size_t i = 0; l->bias && i < l->n; i++)
        db[i] += sb[i];
}

/* ---- steps ----------------------------------------------------------------
 */

static bool is_view(const struct haq_node *n)
{
    return n->op->flags & HAQ_OP_VIEW && n->n_out == 1;
}

static bool bounded(const struct haq_clamp *c)
{
    return c->lo > -INFINITY || c->hi < INFINITY;
}

static haq_status add_node(struct builder *b, int node, struct haq_diag *d)
{
    struct haq_net *net = b->net;
    const struct haq_graph *g = net->graph;
    const struct haq_node *n = &g->nodes[node];
    haq_train_prepare_fn *prepare = haq_train_op(n->op->code);
    struct haq_train_step s = {.node = node, .layer = -1, .act = -1};
    haq_status status = slots_of_step(net, &s, n->n_in, n->n_out, d);
    for (int i = 0; !status && i < n->n_in; i++) {
        s.in[i] = read_value(net, n->in[i]);
        if (b->q && b->q->node[node].in && b->q->node[node].in[i].quantized)
            status = quantized(&s.in[i], b, node, i, d);
    }
    if (status)
        return status;
    if (is_view(n) && !bounded(&n->clamp)) {
        net->slot_of[n->out[0]] = s.in[0];
        return HAQ_OK;
    }
    if (!prepare)
        return haq_train_refuse(net, &s, "cannot be trained", d);
    if (n->layer) {
        s.layer = (int)net->layers;
        status = add_layer(net, node, b->q ? &b->q->node[node] : NULL, d);
    }
    s.clamp = n->clamp;
    s.clamped = bounded(&s.clamp);
    bool grad = step_grad(net, &s);
    for (int i = 0; !status && i < n->n_out; i++) {
        const struct haq_value *v = &g->values[n->out[i]];
        s.out[i] = add_slot(net, v->count, v->dtype != HAQ_F32);
        net->slot[s.out[i]].grad = grad && v->dtype == HAQ_F32;
        net->slot_of[n->out[i]] = s.out[i];
    }
    struct haq_train_step *kept = &net->step[net->steps++];
    *kept = s;
    if (!status)
        status = prepare(net, kept, d);
    if (!status && s.layer >= 0)
        status = first_weight(net, (size_t)s.layer,
                              b->q ? &b->q->node[node] : NULL, d);
    net->scratch = net->scratch > kept->scratch ? net->scratch : kept->scratch;
    return status;
}

/* ---- the net --------------------------------------------------------------
 */

static haq_status allocate(struct builder *b, struct haq_diag *d)
{
    struct haq_net *net = b->net;
    const struct haq_graph *g = net->graph;
    size_t inputs = 0, nodes = (size_t)g->n_nodes, values = (size_t)g->n_values;
    for (int i = 0; i < g->n_nodes; i++)
        inputs += (size_t)g->nodes[i].n_in;
    net->slot =
        haq_arena_array(&net->arena, values + inputs + 1, sizeof *net->slot);
    net->step =
        haq_arena_array(&net->arena, nodes + inputs + 1, sizeof *net->step);
    net->layer = haq_arena_array(&net->arena, nodes + 1, sizeof *net->layer);
    net->act = haq_arena_array(&net->arena, inputs + 1, sizeof *net->act);
    net->slot_of =
        haq_arena_array(&net->arena, values + 1, sizeof *net->slot_of);
    b->copy = calloc(inputs + 1, sizeof *b->copy);
    if (!net->slot || !net->step || !net->layer || !net->act || !net->slot_of ||
        !b->copy)
        return haq_fail(d, HAQ_NOMEM, "a network of %d nodes", g->n_nodes);
    for (size_t i = 0; i < values; i++)
        net->slot_of[i] = -1;
    return HAQ_OK;
}

/* Losses work on log-probabilities; a softmax at the end is theirs. */
static int logits_slot(const struct haq_net *net)
{
    const struct haq_graph *g = net->graph;
    const struct haq_value *v = &g->values[g->outputs[0]];
    const struct haq_node *n = v->producer >= 0 ? &g->nodes[v->producer] : NULL;
    bool last =
        n &&
        (n->op->code == HAQ_OP_SOFTMAX || n->op->code == HAQ_OP_LOG_SOFTMAX) &&
        n->attr.axis == v->shape.rank - 1;
    return net->slot_of[last ? n->in[0] : g->outputs[0]];
}

/* Gradients lie as the tensors do, without those that have none. */
static void place_gradients(struct haq_net *net)
{
    for (size_t i = 0; i < net->slots; i++)
        net->slot[i].grad_at = net->slot[i].at;
    for (size_t i = 0; i < net->acts; i++)
        for (size_t k = 0; k < net->steps; k++)
            if (net->step[k].act == (int)i)
                net->act[i].count = net->slot[net->step[k].in[0]].count;
}

haq_status haq_net_new(struct haq_net **out, const struct haq_graph *g,
                       const struct haq_qgraph *q, struct haq_diag *d)
{
    struct haq_net *net = calloc(1, sizeof *net);
    struct builder b = {.net = net, .q = q};
    if (!net)
        return haq_fail(d, HAQ_NOMEM, "a network");
    haq_arena_init(&net->arena);
    net->graph = g;
    haq_status s = haq_blas_get(&net->blas, d);
    if (!s)
        s = allocate(&b, d);
    if (!s)
        net->input = read_value(net, g->inputs[0]);
    for (int i = 0; !s && i < g->n_nodes; i++)
        s = add_node(&b, i, d);
    free(b.copy);
    if (s) {
        haq_net_free(net);
        return s;
    }
    place_gradients(net);
    net->output = logits_slot(net);
    *out = net;
    return HAQ_OK;
}

void haq_net_free(struct haq_net *net)
{
    if (!net)
        return;
    haq_arena_fini(&net->arena);
    free(net);
}
