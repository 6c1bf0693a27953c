#include <math.h>
#include <string.h>

#include "graph/pass_priv.h"

static bool is_clamp(const struct haq_node *n)
{
    return n->op->code == HAQ_OP_RELU || n->op->code == HAQ_OP_CLIP;
}

static bool takes_clamp(const struct haq_node *n)
{
    enum haq_opcode code = n->op->code;

    return code == HAQ_OP_CONV || code == HAQ_OP_GEMM ||
           code == HAQ_OP_MATMUL || code == HAQ_OP_ADD;
}

static float apply(const struct haq_clamp *c, float v)
{
    return fminf(fmaxf(v, c->lo), c->hi);
}

/* y = second(first(x)) is one clamp again. */
static struct haq_clamp compose(const struct haq_clamp *first,
                                const struct haq_clamp *second)
{
    return (struct haq_clamp){apply(second, first->lo),
                              apply(second, first->hi)};
}

static void fuse_clamp(struct haq_graph *g, struct haq_node *n)
{
    int v = n->in[0];
    struct haq_node *p = haq_pass_sole_producer(g, v);

    if (!p || !takes_clamp(p) || g->values[v].dtype != HAQ_F32)
        return;
    p->clamp = compose(&p->clamp, &n->clamp);
    haq_pass_absorb(g, g->values[v].producer, n);
}

/* Constant k of n as one value per column: [columns] or [1, .., columns]. */
static int column_vector(struct haq_graph *g, const struct haq_node *n, int k,
                         int64_t columns)
{
    struct haq_value v;
    struct haq_shape row = {1, {columns}};
    const char *name;

    if (!haq_pass_is_f32_const(g, n, k))
        return -1;
    v = g->values[n->in[k]];
    if (!v.shape.rank || v.shape.dims[v.shape.rank - 1] != columns ||
        v.count != (size_t)columns)
        return -1;
    if (v.shape.rank == 1)
        return n->in[k];
    if (!(name = haq_graph_fresh_name(g, v.name)))
        return -1;
    int made = haq_graph_add_value(g, name, HAQ_F32, &row);
    if (made >= 0) {
        g->values[made].source = v.source;
        g->values[made].data = v.data;
    }
    return made;
}

/* MatMul by a constant, then Add of a vector: the vector is its bias. */
static haq_status fuse_bias(struct haq_graph *g, struct haq_node *n,
                            struct haq_diag *d)
{
    for (int side = 0; side < 2; side++) {
        int v = n->in[side];
        struct haq_node *p = haq_pass_sole_producer(g, v);
        if (!p || p->op->code != HAQ_OP_MATMUL || !p->layer || p->n_in != 2 ||
            isfinite(p->clamp.lo) || isfinite(p->clamp.hi))
            continue;
        const struct haq_shape *y = &g->values[v].shape;
        int bias =
            y->rank < 1 || !haq_shape_equal(y, &g->values[n->out[0]].shape)
                ? -1
                : column_vector(g, n, !side, y->dims[y->rank - 1]);
        if (bias < 0)
            continue;
        int *in = haq_arena_array(&g->arena, 3, sizeof *in);
        if (!in)
            return haq_fail(d, HAQ_NOMEM, "bias of '%.120s'", p->name);
        memcpy(in, p->in, 2 * sizeof *in);
        in[2] = bias;
        p->in = in;
        p->n_in = 3;
        haq_pass_absorb(g, g->values[v].producer, n);
        return HAQ_OK;
    }
    return HAQ_OK;
}

haq_status haq_pass_clamp(struct haq_graph *g, struct haq_diag *d)
{
    haq_status s = HAQ_OK;

    for (int i = 0; i < g->n_nodes && !s; i++) {
        struct haq_node *n = &g->nodes[i];
        if (n->op->code == HAQ_OP_ADD)
            s = fuse_bias(g, n, d);
        else if (is_clamp(n))
            fuse_clamp(g, n);
    }
    return s ? s : haq_graph_rebuild(g, d);
}
