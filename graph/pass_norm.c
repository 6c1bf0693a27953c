/* Normalizations that a file spells as several nodes become one:
 *
 *     RMSNormalization    x / sqrt(mean(x^2) + eps) * w
 *     LayerNormalization  d / sqrt(mean(d^2) + eps) * w + b,  d = x - mean(x)
 *
 * with means over the last axis, and 1 / sqrt as Div or as Reciprocal.
 */
#include <string.h>

#include "graph/pass_priv.h"

enum { MOST = 8 };

/* Nodes between x and the scaled result, and what was found on the way. */
struct chain {
    struct haq_node *node[MOST];
    int n, x;
    float epsilon;
};

static struct haq_node *step(struct haq_graph *g, struct chain *c, int v,
                             enum haq_opcode code)
{
    struct haq_node *n = haq_pass_made_by(g, v, code);
    if (n && c->n < MOST)
        c->node[c->n++] = n;
    return n;
}

static bool over_last_axis(const struct haq_graph *g, const struct haq_node *n)
{
    int rank = g->values[n->in[0]].shape.rank;
    return n->attr.keepdims && n->attr.n_axes == 1 &&
           n->attr.axes[0] == rank - 1;
}

/* v = x^2; x may be anything. */
static int square(struct haq_graph *g, struct chain *c, int v)
{
    struct haq_node *n = step(g, c, v, HAQ_OP_POW);
    if (n)
        return haq_pass_is_number(g, n->in[1], 2) ? n->in[0] : HAQ_NO_VALUE;
    n = step(g, c, v, HAQ_OP_MUL);
    return n && n->in[0] == n->in[1] ? n->in[0] : HAQ_NO_VALUE;
}

/* v = sqrt(mean(x^2) + eps); x or HAQ_NO_VALUE. */
static int root_mean_square(struct haq_graph *g, struct chain *c, int v)
{
    struct haq_node *root = step(g, c, v, HAQ_OP_SQRT);
    struct haq_node *sum = root ? step(g, c, root->in[0], HAQ_OP_ADD) : NULL;
    for (int k = 0; sum && k < 2; k++) {
        const struct haq_value *eps = &g->values[sum->in[!k]];
        if (!haq_pass_is_f32_const(g, sum, !k) || eps->count != 1)
            continue;
        struct haq_node *mean = step(g, c, sum->in[k], HAQ_OP_REDUCE_MEAN);
        c->epsilon = *(const float *)eps->data;
        if (mean && over_last_axis(g, mean))
            return square(g, c, mean->in[0]);
    }
    return HAQ_NO_VALUE;
}

/* v = 1 / sqrt(...) */
static int inverse_root(struct haq_graph *g, struct chain *c, int v)
{
    struct haq_node *n = step(g, c, v, HAQ_OP_RECIPROCAL);
    if (n)
        return root_mean_square(g, c, n->in[0]);
    n = step(g, c, v, HAQ_OP_DIV);
    return n && haq_pass_is_number(g, n->in[0], 1)
               ? root_mean_square(g, c, n->in[1])
               : HAQ_NO_VALUE;
}

/* v = x / sqrt(mean(x^2) + eps): c->x */
static bool normalized(struct haq_graph *g, struct chain *c, int v)
{
    struct haq_node *n = step(g, c, v, HAQ_OP_DIV);
    if (n) {
        c->x = n->in[0];
        return root_mean_square(g, c, n->in[1]) == c->x;
    }
    n = step(g, c, v, HAQ_OP_MUL);
    for (int k = 0; n && k < 2; k++) {
        c->n = 1;
        c->x = n->in[k];
        if (inverse_root(g, c, n->in[!k]) == c->x)
            return true;
    }
    return false;
}

/* d = x - mean(x) over the last axis, read by the chain alone. */
static int centered(struct haq_graph *g, struct chain *c, int d)
{
    int p = g->values[d].producer;
    struct haq_node *n = p < 0 ? NULL : &g->nodes[p];
    int readers = 0;
    if (!n || n->op->code != HAQ_OP_SUB || c->n == MOST)
        return HAQ_NO_VALUE;
    for (int i = 0; i < c->n; i++)
        for (int k = 0; k < c->node[i]->n_in; k++)
            readers += c->node[i]->in[k] == d;
    if (readers != g->values[d].uses)
        return HAQ_NO_VALUE;
    c->node[c->n++] = n;
    struct haq_node *mean = step(g, c, n->in[1], HAQ_OP_REDUCE_MEAN);
    return mean && mean->in[0] == n->in[0] && over_last_axis(g, mean)
               ? n->in[0]
               : HAQ_NO_VALUE;
}

/* Constant k of n has one number for each element of the last axis. */
static bool per_element(const struct haq_graph *g, const struct haq_node *n,
                        int k)
{
    const struct haq_shape *y = &g->values[n->out[0]].shape;
    const struct haq_value *v = &g->values[n->in[k]];
    return haq_pass_is_f32_const(g, n, k) && v->shape.rank == 1 && y->rank &&
           v->shape.dims[0] == y->dims[y->rank - 1];
}

/* n, the last of the chain, becomes the normalization of x by w and b. */
static haq_status rewrite(struct haq_graph *g, struct haq_node *n,
                          const struct chain *c, enum haq_opcode code,
                          const int params[2], struct haq_diag *d)
{
    int n_params = code == HAQ_OP_LAYER_NORM ? 2 : 1;
    int *in = haq_arena_array(&g->arena, 3, sizeof *in);
    if (!in)
        return haq_fail(d, HAQ_NOMEM, "node '%.120s'", n->name);
    for (int i = 0; i < c->n; i++)
        haq_pass_drop(g, c->node[i]);
    haq_pass_become(g, n, code, c->x);
    in[0] = c->x;
    for (int i = 0; i < n_params; i++) {
        in[1 + i] = params[i];
        g->values[params[i]].uses++;
    }
    n->in = in;
    n->n_in = 1 + n_params;
    n->attr.axis = g->values[c->x].shape.rank - 1;
    n->attr.epsilon = c->epsilon;
    return HAQ_OK;
}

static haq_status fuse_rms(struct haq_graph *g, struct haq_node *n,
                           struct haq_diag *d)
{
    for (int k = 0; k < 2; k++) {
        struct chain c = {.n = 0};
        if (per_element(g, n, k) && normalized(g, &c, n->in[!k]) &&
            !g->values[c.x].data)
            return rewrite(g, n, &c, HAQ_OP_RMS_NORM, &n->in[k], d);
    }
    return HAQ_OK;
}

/* n adds b to a normalization of the centered x, or does not. */
static haq_status fuse_layer(struct haq_graph *g, struct haq_node *n,
                             struct haq_diag *d)
{
    for (int k = 0; k < 2; k++) {
        struct haq_node *norm = haq_pass_made_by(g, n->in[!k], HAQ_OP_RMS_NORM);
        struct chain c = {.n = 0};
        if (!per_element(g, n, k) || !norm)
            continue;
        c.node[c.n++] = norm;
        c.x = centered(g, &c, norm->in[0]);
        if (c.x == HAQ_NO_VALUE)
            continue;
        c.epsilon = norm->attr.epsilon;
        return rewrite(g, n, &c, HAQ_OP_LAYER_NORM,
                       (const int[]){norm->in[1], n->in[k]}, d);
    }
    return HAQ_OK;
}

haq_status haq_pass_norm(struct haq_graph *g, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (int i = 0; i < g->n_nodes && !s; i++) {
        struct haq_node *n = &g->nodes[i];
        if (!n->op || g->values[n->out[0]].dtype != HAQ_F32)
            continue;
        if (n->op->code == HAQ_OP_MUL)
            s = fuse_rms(g, n, d);
        else if (n->op->code == HAQ_OP_ADD)
            s = fuse_layer(g, n, d);
    }
    return s ? s : haq_graph_rebuild(g, d);
}
