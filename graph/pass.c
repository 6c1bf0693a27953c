#include "graph/pass.h"

#include <string.h>

#include "graph/fold.h"
#include "graph/pass_priv.h"

const struct haq_pass haq_passes[] = {
    {"constants", haq_pass_constants, false},
    {"identity", haq_pass_identity, false},
    {"compose", haq_pass_compose, false},
    {"norm", haq_pass_norm, false},
    {"batch_norm", haq_pass_batch_norm, false},
    {"pad", haq_pass_pad, false},
    {"clamp", haq_pass_clamp, false},
    {"dead", haq_pass_dead, false},
    {"nhwc", haq_pass_nhwc, true},
    {"identity", haq_pass_identity, true},
    {"dead", haq_pass_dead, true},
    {NULL, NULL, false},
};

haq_status haq_graph_optimize(struct haq_graph *g, bool nhwc,
                              struct haq_diag *d)
{
    haq_status s = HAQ_OK;

    for (const struct haq_pass *p = haq_passes; p->name && !s; p++)
        if (nhwc || !p->layout)
            s = p->run(g, d);
    return s ? s : haq_graph_verify(g, d);
}

haq_status haq_pass_constants(struct haq_graph *g, struct haq_diag *d)
{
    for (int i = 0; i < g->n_nodes; i++) {
        bool folded;
        haq_status s = haq_fold_node(g, i, &folded, d);
        if (s)
            return s;
    }
    return haq_graph_rebuild(g, d);
}

struct haq_node *haq_pass_sole_producer(struct haq_graph *g, int v)
{
    if (v == HAQ_NO_VALUE || g->values[v].producer < 0 ||
        g->values[v].uses != 1)
        return NULL;
    return &g->nodes[g->values[v].producer];
}

void haq_pass_absorb(struct haq_graph *g, int i, struct haq_node *last)
{
    struct haq_node *n = &g->nodes[i];

    g->values[n->out[0]].producer = -1;
    n->out[0] = last->out[0];
    g->values[n->out[0]].producer = i;
    last->op = NULL;
}

bool haq_pass_is_f32_const(const struct haq_graph *g, const struct haq_node *n,
                           int k)
{
    if (k >= n->n_in || n->in[k] == HAQ_NO_VALUE)
        return false;
    return g->values[n->in[k]].data && g->values[n->in[k]].dtype == HAQ_F32;
}

void haq_pass_make_reshape(struct haq_graph *g, struct haq_node *n, int from)
{
    const struct haq_shape *out = &g->values[n->out[0]].shape;

    memset(&n->attr, 0, sizeof n->attr);
    n->op = haq_op(HAQ_OP_RESHAPE);
    n->in[0] = from;
    n->n_in = 1;
    n->attr.n_ints = out->rank;
    memcpy(n->attr.ints[0], out->dims, sizeof out->dims);
}
