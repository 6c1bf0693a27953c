#include <stdlib.h>
#include <string.h>

#include "graph/pass_priv.h"

/* Nodes stand in topological order: one sweep from the end finds them all. */
static void mark(struct haq_graph *g, bool *needed)
{
    for (int i = 0; i < g->n_outputs; i++)
        needed[g->outputs[i]] = true;
    for (int i = g->n_nodes - 1; i >= 0; i--) {
        struct haq_node *n = &g->nodes[i];
        bool live = false;
        for (int k = 0; k < n->n_out; k++)
            live |= needed[n->out[k]];
        if (!live) {
            n->op = NULL;
            continue;
        }
        for (int k = 0; k < n->n_out; k++)
            needed[n->out[k]] = true;
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] != HAQ_NO_VALUE)
                needed[n->in[k]] = true;
    }
    for (int i = 0; i < g->n_inputs; i++)
        needed[g->inputs[i]] = true;
}

static void renumber(const int *index, int *v, int n)
{
    for (int i = 0; i < n; i++)
        if (v[i] != HAQ_NO_VALUE)
            v[i] = index[v[i]];
}

/* Close the gaps between the values that are left. */
static void compact(struct haq_graph *g, const bool *needed, int *index)
{
    int n = 0;

    for (int i = 0; i < g->n_values; i++) {
        index[i] = n;
        if (needed[i])
            g->values[n++] = g->values[i];
    }
    g->n_values = n;
    for (int i = 0; i < g->n_nodes; i++) {
        if (!g->nodes[i].op)
            continue;
        renumber(index, g->nodes[i].in, g->nodes[i].n_in);
        renumber(index, g->nodes[i].out, g->nodes[i].n_out);
    }
    renumber(index, g->inputs, g->n_inputs);
    renumber(index, g->outputs, g->n_outputs);
}

haq_status haq_pass_dead(struct haq_graph *g, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    size_t n = (size_t)g->n_values + 1;
    bool *needed = calloc(n, sizeof *needed);
    int *index = calloc(n, sizeof *index);

    if (!needed || !index) {
        s = haq_fail(d, HAQ_NOMEM, "looking at %d values", g->n_values);
        goto done;
    }
    mark(g, needed);
    compact(g, needed, index);
    s = haq_graph_rebuild(g, d);
done:
    free(needed);
    free(index);
    return s;
}
