#include "graph/layers.h"

#include <stdlib.h>
#include <string.h>

#include "graph/op.h"

/* One sample of a tensor, its axes in the file's order. */
static int sample_shape(const struct haq_graph *g, int v, bool nhwc,
                        int64_t dims[8])
{
    const struct haq_shape *s = &g->values[v].shape;

    for (int i = 0; i < s->rank; i++)
        dims[i] = s->dims[i];
    if (nhwc && s->rank == 4) {
        dims[1] = s->dims[3];
        dims[2] = s->dims[1];
        dims[3] = s->dims[2];
    }
    if (s->rank && g->batch > 0 && dims[0] % g->batch == 0)
        dims[0] /= g->batch;
    return s->rank;
}

static int64_t per_sample(const struct haq_graph *g, int64_t n)
{
    return g->batch > 0 ? n / g->batch : n;
}

static void fill_layer(struct haq_layer *l, const struct haq_graph *g,
                       const struct haq_node *n)
{
    const struct haq_value *w = &g->values[n->in[1]];
    bool conv = n->op->flags & HAQ_OP_SPATIAL;
    bool rows = conv || (n->op->code == HAQ_OP_GEMM && n->attr.trans_b);

    l->tensor = n->layer;
    l->op = n->op->name;
    l->input = g->values[n->in[0]].source;
    l->weight = w->source;
    l->channels = w->shape.dims[rows ? 0 : 1];
    l->reduction = l->channels ? (int64_t)w->count / l->channels : 0;
    l->group = conv ? n->attr.window.group : 1;
    l->kernel[0] = conv ? n->attr.window.kernel[0] : 1;
    l->kernel[1] = conv ? n->attr.window.kernel[1] : 1;
    l->macs = per_sample(g, n->op->macs(g, n));
    l->rank = sample_shape(g, n->out[0], g->nhwc && conv, l->shape);
    l->bias = n->n_in > 2 && n->in[2] != HAQ_NO_VALUE;
    l->depthwise = l->group > 1 && w->shape.dims[1] == 1;
}

/* Values that no layer is before (`before`), or that no layer reads, however
 * indirectly (`behind`). */
struct reach {
    bool *behind_layer; /* [n_values] made with the help of a layer */
    bool *before_layer; /* [n_values] a layer depends on it */
};

static void find_reach(struct reach *r, const struct haq_graph *g)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        bool behind = n->layer != NULL;
        for (int k = 0; k < n->n_in; k++)
            behind |= n->in[k] != HAQ_NO_VALUE && r->behind_layer[n->in[k]];
        for (int k = 0; k < n->n_out; k++)
            r->behind_layer[n->out[k]] = behind;
    }
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        const struct haq_node *n = &g->nodes[i];
        bool before = n->layer != NULL;
        for (int k = 0; k < n->n_out; k++)
            before |= r->before_layer[n->out[k]];
        for (int k = 0; k < n->n_in && before; k++)
            if (n->in[k] != HAQ_NO_VALUE)
                r->before_layer[n->in[k]] = true;
    }
}

/* Constants that something other than a layer's weight or bias reads. */
static void mark_others(const struct haq_graph *g, bool *other)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] != HAQ_NO_VALUE && !(n->layer && k >= 1))
                other[n->in[k]] = true;
    }
}

static void count_constants(struct haq_layers *out, const struct haq_graph *g,
                            const bool *other)
{
    for (int i = 0; i < g->n_values; i++) {
        const struct haq_value *v = &g->values[i];
        if (!v->data || !v->uses)
            continue;
        out->params += (int64_t)v->count;
        if (other[i])
            out->other_bytes +=
                (int64_t)(v->count * haq_dtype_info(v->dtype)->bytes);
    }
}

static const char *model_name(struct haq_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = haq_arena_strdup(a, slash ? slash + 1 : path);
    size_t n = name ? strlen(name) : 0;

    if (n > 5 && !strcmp(name + n - 5, ".onnx"))
        name[n - 5] = 0;
    return name;
}

/* The strings are the graph's: copy them, it may go first. */
static bool own_strings(struct haq_layers *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct haq_layer *x = &l->layer[i];
        x->tensor = haq_arena_strdup(&l->arena, x->tensor);
        x->op = haq_arena_strdup(&l->arena, x->op);
        x->input = haq_arena_strdup(&l->arena, x->input);
        x->weight = haq_arena_strdup(&l->arena, x->weight);
        if (!x->tensor || !x->op || !x->input || !x->weight)
            return false;
    }
    return true;
}

static void fill_table(struct haq_layers *out, const struct haq_graph *g,
                       const struct reach *r)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        if (n->op->macs)
            out->macs += per_sample(g, n->op->macs(g, n));
        if (!n->layer)
            continue;
        struct haq_layer *l = &out->layer[out->n++];
        fill_layer(l, g, n);
        l->first = !r->behind_layer[n->in[0]];
        l->last = !r->before_layer[n->out[0]];
    }
    out->input_rank = sample_shape(g, g->inputs[0], false, out->input_shape);
    out->output_rank = sample_shape(g, g->outputs[0], false, out->output_shape);
    memcpy(out->model_hash, g->model_hash, sizeof out->model_hash);
}

haq_status haq_layers_make(struct haq_layers *out, const struct haq_graph *g,
                           const char *path, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    size_t room = (size_t)g->n_values + 1;
    struct reach r = {calloc(room, sizeof(bool)), calloc(room, sizeof(bool))};
    bool *other = calloc(room, sizeof *other);

    memset(out, 0, sizeof *out);
    haq_arena_init(&out->arena);
    out->layer =
        haq_arena_array(&out->arena, (size_t)g->n_nodes, sizeof *out->layer);
    out->name = model_name(&out->arena, path);
    if (!r.behind_layer || !r.before_layer || !other || !out->layer ||
        !out->name) {
        s = haq_fail(d, HAQ_NOMEM, "layer table of %d nodes", g->n_nodes);
        goto done;
    }
    find_reach(&r, g);
    mark_others(g, other);
    fill_table(out, g, &r);
    count_constants(out, g, other);
    if (!own_strings(out))
        s = haq_fail(d, HAQ_NOMEM, "layer table of %d nodes", g->n_nodes);
done:
    free(r.behind_layer);
    free(r.before_layer);
    free(other);
    if (s)
        haq_layers_fini(out);
    return s;
}

void haq_layers_fini(struct haq_layers *l)
{
    haq_arena_fini(&l->arena);
    memset(l, 0, sizeof *l);
}
