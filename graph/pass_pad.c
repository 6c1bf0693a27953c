#include "graph/pass_priv.h"

/* Zeros around height and width only, of a file in NCHW. */
static bool pads_image(const struct haq_node *pad)
{
    const struct haq_attrs *a = &pad->attr;

    if (pad->op->code != HAQ_OP_PAD || a->mode || a->alpha != 0 ||
        a->n_ints != 4)
        return false;
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < 4; i++)
            if (i < 2 ? a->ints[side][i] != 0 : a->ints[side][i] < 0)
                return false;
    return true;
}

haq_status haq_pass_pad(struct haq_graph *g, struct haq_diag *d)
{
    for (int i = 0; i < g->n_nodes; i++) {
        struct haq_node *n = &g->nodes[i];
        if (n->op->code != HAQ_OP_CONV)
            continue;
        int p = g->values[n->in[0]].producer;
        if (p < 0 || !g->nodes[p].op || !pads_image(&g->nodes[p]))
            continue;
        for (int k = 0; k < 4; k++)
            n->attr.window.pad[k] += g->nodes[p].attr.ints[k / 2][2 + k % 2];
        n->in[0] = g->nodes[p].in[0];
    }
    return haq_graph_rebuild(g, d);
}
