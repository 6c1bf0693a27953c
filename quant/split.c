#include "quant/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "graph/op.h"
#include "quant/layer_weight.h"

enum { DATA, WEIGHT, BIAS }; /* inputs of a layer */

static const char prefix[] = "split/", suffix[] = "/inputs";

/* A list of channels of one layer. */
struct list {
    const int64_t *at;
    size_t n;
};

/* ---- the params file -------------------------------------------------------
 */

/* The layer that a name speaks of: its length, or 0. */
static size_t layer_of(const char *name, const char **layer)
{
    size_t len = strlen(name), around = sizeof prefix + sizeof suffix - 2;
    if (len <= around || strncmp(name, prefix, sizeof prefix - 1) != 0 ||
        strcmp(name + len - (sizeof suffix - 1), suffix) != 0)
        return 0;
    *layer = name + sizeof prefix - 1;
    return len - around;
}

bool haq_split_present(const struct haq_params *p)
{
    const char *name, *layer;
    for (size_t i = 0; p && (name = haq_params_name(p, i)); i++)
        if (layer_of(name, &layer))
            return true;
    return false;
}

static haq_status put(struct haq_params *p, const char *layer, const char *what,
                      const int64_t *list, size_t n, struct haq_diag *d)
{
    struct haq_buf name;
    struct haq_array a = {
        .dtype = HAQ_I64, .rank = 1, .dims = {(int64_t)n}, .count = n};
    memcpy(&a.data, &list, sizeof a.data); /* read only */
    haq_buf_init(&name);
    haq_buf_printf(&name, "%s%s/%s", prefix, layer, what);
    haq_status s = name.failed ? haq_fail(d, HAQ_NOMEM, "channels of %s", layer)
                               : haq_params_put(p, name.data, &a, d);
    haq_buf_fini(&name);
    return s;
}

haq_status haq_split_put(struct haq_params *p, const char *layer,
                         const int64_t *inputs, size_t n, const int64_t *kept,
                         size_t n_kept, struct haq_diag *d)
{
    haq_status s = put(p, layer, "inputs", inputs, n, d);
    return s || !n_kept ? s : put(p, layer, "kept", kept, n_kept, d);
}

/* ---- weights by channels ---------------------------------------------------
 */

/* A weight as outer x channels x inner, as it lies. */
struct view {
    size_t outer, channels, inner;
    int axis; /* of the channels */
};

static bool view_of(struct view *v, const struct haq_graph *g,
                    const struct haq_node *n)
{
    const struct haq_value *w = &g->values[n->in[WEIGHT]];
    bool conv = n->op->code == HAQ_OP_CONV;
    if (w->dtype != HAQ_F32 || !w->count || n->attr.trans_a ||
        (conv ? n->attr.window.group != 1 : w->shape.rank != 2))
        return false;
    bool last = haq_layer_weight_transposed(n); /* [channels][outputs] */
    v->axis = last ? 0 : 1;
    v->channels = (size_t)w->shape.dims[v->axis];
    v->outer = last ? 1 : (size_t)w->shape.dims[0];
    v->inner = w->count / v->channels / v->outer;
    return true;
}

size_t haq_split_channels(const struct haq_graph *g,
                          const struct haq_node *layer)
{
    struct view v;
    return layer->layer && view_of(&v, g, layer) ? v.channels : 0;
}

/* A constant with the listed channels of the weight; -1: no memory. */
static int take_weight(struct haq_graph *g, int value, const struct view *v,
                       const struct list *l, const char *name)
{
    struct haq_shape shape = g->values[value].shape;
    const float *from = g->values[value].data;
    float *to = calloc(v->outer * l->n * v->inner + 1, sizeof *to);
    size_t *times = calloc(v->channels + 1, sizeof *times);
    int made = -1;
    if (!to || !times)
        goto done;
    for (size_t i = 0; i < l->n; i++)
        times[l->at[i]]++;
    for (size_t o = 0; o < v->outer; o++)
        for (size_t i = 0; i < l->n; i++) {
            size_t c = (size_t)l->at[i];
            const float *w = from + (o * v->channels + c) * v->inner;
            for (size_t k = 0; k < v->inner; k++)
                to[(o * l->n + i) * v->inner + k] = w[k] / (float)times[c];
        }
    shape.dims[v->axis] = (int64_t)l->n;
    made = haq_graph_add_const(g, name, HAQ_F32, &shape, to);
done:
    free(to);
    free(times);
    return made;
}

/* ---- the graph -------------------------------------------------------------
 */

/* Of x, which node n reads or will read. */
static int channel_axis(const struct haq_graph *g, const struct haq_node *n,
                        int x)
{
    int rank = g->values[x].shape.rank;
    return n->op->code == HAQ_OP_CONV && !g->nhwc ? 1 : rank - 1;
}

/* A Gather along `axis` of x that is there already; -1: none. */
static int gathered(const struct haq_graph *g, int x, int axis,
                    const struct list *l)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        if (n->op->code != HAQ_OP_GATHER || n->in[0] != x ||
            n->attr.axis != axis)
            continue;
        const struct haq_value *index = &g->values[n->in[1]];
        if (index->data && index->dtype == HAQ_I64 && index->shape.rank == 1 &&
            index->count == l->n &&
            !memcmp(index->data, l->at, l->n * sizeof *l->at))
            return n->out[0];
    }
    return -1;
}

/* The listed channels of x, as a value; -1: no memory. */
static int gather(struct haq_graph *g, int x, int axis, const struct list *l)
{
    int there = gathered(g, x, axis, l);
    if (there >= 0)
        return there;
    struct haq_shape list = {1, {(int64_t)l->n}}, shape = g->values[x].shape;
    const char *name = haq_graph_fresh_name(g, g->values[x].name);
    shape.dims[axis] = (int64_t)l->n;
    int y = name ? haq_graph_add_value(g, name, HAQ_F32, &shape) : -1;
    const char *index_name = y < 0 ? NULL : haq_graph_fresh_name(g, name);
    int index = index_name
                    ? haq_graph_add_const(g, index_name, HAQ_I64, &list, l->at)
                    : -1;
    int node = index < 0
                   ? -1
                   : haq_graph_add_node(g, haq_op(HAQ_OP_GATHER), name, 2, 1);
    if (node < 0)
        return -1;
    g->nodes[node].in[0] = x;
    g->nodes[node].in[1] = index;
    g->nodes[node].out[0] = y;
    g->nodes[node].attr.axis = axis;
    return y;
}

/* Node `layer` reads `l` channels of x from then on. */
static bool read_channels(struct haq_graph *g, int layer, int x, int weight,
                          const struct view *v, const struct list *l)
{
    int axis = channel_axis(g, &g->nodes[layer], x);
    int from = gather(g, x, axis, l);
    const char *name =
        from < 0 ? NULL : haq_graph_fresh_name(g, g->values[weight].name);
    int w = name ? take_weight(g, weight, v, l, name) : -1;
    if (w < 0)
        return false;
    g->nodes[layer].in[DATA] = from;
    g->nodes[layer].in[WEIGHT] = w;
    return true;
}

/* A value like that of `like`, and a node with n_in inputs that writes it. */
static int add_node(struct haq_graph *g, enum haq_opcode op, const char *name,
                    int n_in, int like, int *out)
{
    struct haq_shape shape = g->values[like].shape;
    const char *fresh = haq_graph_fresh_name(g, name);
    *out = fresh ? haq_graph_add_value(g, fresh, HAQ_F32, &shape) : -1;
    int node =
        *out < 0 ? -1 : haq_graph_add_node(g, haq_op(op), fresh, n_in, 1);
    if (node >= 0)
        g->nodes[node].out[0] = *out;
    return node;
}

/* The second layer, and the Add of both.  It takes the bias: what the first one
 * still reads may be too small for an int32 to hold it. */
static bool keep_channels(struct haq_graph *g, int layer, int x, int weight,
                          const struct view *v, const struct list *l)
{
    struct haq_buf b;
    int y = g->nodes[layer].out[0], part, rest = -1;
    haq_buf_init(&b);
    haq_buf_printf(&b, "%s:kept", g->nodes[layer].layer);
    int second = b.failed ? -1
                          : add_node(g, g->nodes[layer].op->code, b.data,
                                     g->nodes[layer].n_in, y, &part);
    haq_buf_fini(&b);
    int sum = second < 0
                  ? -1
                  : add_node(g, HAQ_OP_ADD, g->nodes[layer].layer, 2, y, &rest);
    if (sum < 0)
        return false;
    g->nodes[second].attr = g->nodes[layer].attr;
    g->nodes[second].layer = g->nodes[second].name;
    if (!read_channels(g, second, x, weight, v, l))
        return false;
    if (g->nodes[layer].n_in > BIAS) {
        g->nodes[second].in[BIAS] = g->nodes[layer].in[BIAS];
        g->nodes[layer].in[BIAS] = HAQ_NO_VALUE;
    }
    g->nodes[sum].in[0] = rest;
    g->nodes[sum].in[1] = part;
    g->nodes[sum].out[0] = y;
    g->nodes[sum].clamp = g->nodes[layer].clamp;
    g->nodes[layer].out[0] = rest;
    g->nodes[layer].clamp = g->nodes[second].clamp; /* none */
    return true;
}

/* ---- all of them -----------------------------------------------------------
 */

static haq_status read_list(struct list *l, const struct haq_array *a,
                            const char *layer, const char *what,
                            size_t channels, struct haq_diag *d)
{
    *l = (struct list){a ? a->data : NULL, a ? a->count : 0};
    if (!a)
        return HAQ_OK;
    if (a->dtype != HAQ_I64 || !a->count || a->count > 2 * channels)
        return haq_fail(d, HAQ_INVALID,
                        "parameter %s%s/%s: no list of channels", prefix, layer,
                        what);
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i] < 0 || (uint64_t)l->at[i] >= channels)
            return haq_fail(
                d, HAQ_INVALID,
                "parameter %s%s/%s[%zu]: the layer has %zu channels", prefix,
                layer, what, i, channels);
    return HAQ_OK;
}

static haq_status split_layer(struct haq_graph *g, const struct haq_params *p,
                              const char *layer, const char *inputs_name,
                              struct haq_diag *d)
{
    struct view v;
    struct list inputs, kept;
    struct haq_buf kept_name;
    int node = haq_graph_find_layer(g, layer);
    if (node < 0 || !view_of(&v, g, &g->nodes[node]))
        return haq_fail(d, HAQ_INVALID,
                        "parameter %s: no layer that can be split",
                        inputs_name);
    haq_buf_init(&kept_name);
    haq_buf_printf(&kept_name, "%s%s/kept", prefix, layer);
    haq_status s =
        kept_name.failed ? haq_fail(d, HAQ_NOMEM, "layer %s", layer) : HAQ_OK;
    if (!s)
        s = read_list(&inputs, haq_params_get(p, inputs_name), layer, "inputs",
                      v.channels, d);
    if (!s)
        s = read_list(&kept, haq_params_get(p, kept_name.data), layer, "kept",
                      v.channels, d);
    haq_buf_fini(&kept_name);
    if (s)
        return s;
    int x = g->nodes[node].in[DATA], weight = g->nodes[node].in[WEIGHT];
    if ((kept.n && !keep_channels(g, node, x, weight, &v, &kept)) ||
        !read_channels(g, node, x, weight, &v, &inputs))
        return haq_fail(d, HAQ_NOMEM, "layer %s", layer);
    return HAQ_OK;
}

haq_status haq_split_apply(struct haq_graph *g, const struct haq_params *p,
                           struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    const char *name, *layer;
    for (size_t i = 0; !s && p && (name = haq_params_name(p, i)); i++) {
        size_t len = layer_of(name, &layer);
        char *copy = len ? strndup(layer, len) : NULL;
        if (len)
            s = copy ? split_layer(g, p, copy, name, d)
                     : haq_fail(d, HAQ_NOMEM, "%s", name);
        free(copy);
    }
    if (!s)
        s = haq_graph_rebuild(g, d);
    return s ? s : haq_graph_verify(g, d);
}
