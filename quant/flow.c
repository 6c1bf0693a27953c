#include "quant/flow.h"

#include <stdlib.h>

#include "graph/op.h"

/* Worst first, so that the origin of several numbers is the least one.  NONE is
 * neutral: constants on the far walk. */
enum origin {
    FLOATING, /* something that stays float */
    LAYERED,  /* static layers and perhaps graph inputs */
    INPUT,    /* graph inputs only */
    NONE,     /* nothing that decides */
};

/* What a node that is no layer does with codes.  MAP: JOIN behind a
 * convolution, else OPAQUE. */
enum role { OPAQUE, JOIN, MAP, PRODUCT, PASS };

static enum role role_of(const struct haq_op *op)
{
    static const enum role roles[HAQ_OP_COUNT] = {
        [HAQ_OP_ADD] = JOIN,          [HAQ_OP_CONCAT] = JOIN,
        [HAQ_OP_AVERAGE_POOL] = JOIN, [HAQ_OP_GLOBAL_AVERAGE_POOL] = JOIN,
        [HAQ_OP_MATMUL] = PRODUCT,    [HAQ_OP_MAX_POOL] = PASS,
        [HAQ_OP_RELU] = PASS,         [HAQ_OP_CLIP] = PASS,
        [HAQ_OP_SUB] = MAP,           [HAQ_OP_MUL] = MAP,
        [HAQ_OP_MIN] = MAP,           [HAQ_OP_MAX] = MAP,
        [HAQ_OP_LEAKY_RELU] = MAP,    [HAQ_OP_SIGMOID] = MAP,
        [HAQ_OP_SILU] = MAP,          [HAQ_OP_TANH] = MAP,
        [HAQ_OP_HARD_SIGMOID] = MAP,  [HAQ_OP_HARD_SWISH] = MAP,
        [HAQ_OP_GELU] = MAP,          [HAQ_OP_ERF] = MAP,
        [HAQ_OP_NEG] = MAP,           [HAQ_OP_ABS] = MAP,
    };
    enum role r = roles[op->code];
    return r == OPAQUE && op->flags & HAQ_OP_MOVES ? PASS : r;
}

/* Numbers of both origins together.  LAYERED swallows INPUT; FLOATING all. */
static enum origin both(enum origin a, enum origin b)
{
    return a < b ? a : b;
}

struct walk {
    const struct haq_graph *g;
    unsigned char *near, *far; /* enum origin, [n_values] */
    bool *map;                 /* [n_values] */
    haq_flow_layer_fn *is_static;
    const void *arg;
    bool *quantized;
};

static enum origin join(const struct haq_node *n, const unsigned char *origin)
{
    enum origin o = NONE;
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] != HAQ_NO_VALUE)
            o = both(o, (enum origin)origin[n->in[i]]);
    return o;
}

static bool behind_convolution(const struct walk *w, const struct haq_node *n)
{
    bool map = n->op->code == HAQ_OP_CONV;
    for (int i = 0; i < n->n_in; i++)
        map = map || (n->in[i] != HAQ_NO_VALUE && w->map[n->in[i]]);
    return map;
}

static void set_outputs(struct walk *w, const struct haq_node *n,
                        enum origin near, enum origin far)
{
    bool map = behind_convolution(w, n);
    for (int i = 0; i < n->n_out; i++) {
        if (n->out[i] == HAQ_NO_VALUE)
            continue;
        w->map[n->out[i]] = map;
        w->near[n->out[i]] = (unsigned char)near;
        w->far[n->out[i]] = (unsigned char)far;
    }
}

/* A product of two activations: constants are weights, not activations. */
static bool has_constant(const struct haq_graph *g, const struct haq_node *n)
{
    for (int i = 0; i < n->n_in; i++)
        if (n->in[i] != HAQ_NO_VALUE && g->values[n->in[i]].data)
            return true;
    return false;
}

static void visit(struct walk *w, int index)
{
    const struct haq_node *n = &w->g->nodes[index];
    if (n->layer) {
        enum origin o = w->is_static(w->arg, n->layer) ? LAYERED : FLOATING;
        set_outputs(w, n, o, o);
        return;
    }
    enum origin near = FLOATING, far = join(n, w->far);
    enum role role = role_of(n->op);
    if (role == MAP)
        role = behind_convolution(w, n) ? JOIN : OPAQUE;
    if (role == JOIN)
        near = join(n, w->near);
    if (role == PRODUCT && far == LAYERED && !has_constant(w->g, n))
        near = LAYERED;
    if (role == PASS)
        near = (enum origin)w->near[n->in[0]];
    w->quantized[index] = (role == JOIN || role == PRODUCT) && near == LAYERED;
    set_outputs(w, n, near, far);
}

haq_status haq_flow_make(struct haq_flow *out, const struct haq_graph *g,
                         haq_flow_layer_fn *is_static, const void *arg,
                         struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    size_t n = (size_t)g->n_values + 1;
    struct walk w = {.g = g, .is_static = is_static, .arg = arg};
    w.near = calloc(n, 1);
    w.far = calloc(n, 1);
    w.map = calloc(n, sizeof *w.map);
    w.quantized = calloc((size_t)g->n_nodes + 1, sizeof *w.quantized);
    if (!w.near || !w.far || !w.map || !w.quantized) {
        s = haq_fail(d, HAQ_NOMEM, "%d nodes", g->n_nodes);
        goto done;
    }
    for (int i = 0; i < g->n_values; i++) {
        w.near[i] = FLOATING;
        w.far[i] = g->values[i].data ? NONE : FLOATING;
    }
    for (int i = 0; i < g->n_inputs; i++) {
        bool real = g->values[g->inputs[i]].dtype == HAQ_F32;
        w.near[g->inputs[i]] = real ? INPUT : FLOATING;
        w.far[g->inputs[i]] = real ? INPUT : NONE;
    }
    for (int i = 0; i < g->n_nodes; i++)
        visit(&w, i);
    out->quantized = w.quantized;
    w.quantized = NULL;
done:
    free(w.near);
    free(w.far);
    free(w.map);
    free(w.quantized);
    return s;
}

void haq_flow_fini(struct haq_flow *f)
{
    free(f->quantized);
    f->quantized = NULL;
}
