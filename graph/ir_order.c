/* Links and order of a graph after somebody edited it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "graph/ir.h"
#include "graph/op.h"

/* Depth-first walk without recursion: a file decides how deep it goes. */
struct walk {
    struct haq_graph *g;
    unsigned char *seen; /* [n_nodes] 0 new, 1 open, 2 done */
    int *stack, *next;   /* [n_nodes] open nodes and their next input */
    struct haq_node *order;
    int n;
};

static haq_status link_values(struct haq_graph *g, struct haq_diag *d)
{
    for (int i = 0; i < g->n_values; i++) {
        g->values[i].producer = -1;
        g->values[i].uses = 0;
    }
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        for (int k = 0; n->op && k < n->n_in; k++)
            if (n->in[k] != HAQ_NO_VALUE)
                g->values[n->in[k]].uses++;
        for (int k = 0; n->op && k < n->n_out; k++) {
            struct haq_value *v = &g->values[n->out[k]];
            if (v->producer >= 0)
                return haq_fail(d, HAQ_FORMAT, "two nodes make '%s'", v->name);
            v->producer = i;
        }
    }
    for (int i = 0; i < g->n_outputs; i++)
        g->values[g->outputs[i]].uses++;
    return HAQ_OK;
}

/* Visit node `root` and what it needs; false on a cycle. */
static bool visit(struct walk *w, int root)
{
    int depth = 0;

    w->stack[0] = root;
    w->next[0] = 0;
    w->seen[root] = 1;
    while (depth >= 0) {
        const struct haq_node *n = &w->g->nodes[w->stack[depth]];
        if (w->next[depth] == n->n_in) {
            w->seen[w->stack[depth--]] = 2;
            w->order[w->n++] = *n;
            continue;
        }
        int v = n->in[w->next[depth]++];
        int p = v == HAQ_NO_VALUE ? -1 : w->g->values[v].producer;
        if (p < 0 || w->seen[p] == 2)
            continue;
        if (w->seen[p] == 1)
            return false;
        w->seen[p] = 1;
        w->stack[++depth] = p;
        w->next[depth] = 0;
    }
    return true;
}

haq_status haq_graph_rebuild(struct haq_graph *g, struct haq_diag *d)
{
    size_t n = (size_t)g->n_nodes + 1;
    struct walk w = {.g = g};
    haq_status s = link_values(g, d);

    if (s)
        return s;
    w.seen = calloc(n, 1);
    w.stack = calloc(n, sizeof *w.stack);
    w.next = calloc(n, sizeof *w.next);
    w.order = calloc(n, sizeof *w.order);
    if (!w.seen || !w.stack || !w.next || !w.order) {
        s = haq_fail(d, HAQ_NOMEM, "ordering %d nodes", g->n_nodes);
        goto done;
    }
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op && !w.seen[i] && !visit(&w, i)) {
            s = haq_fail(d, HAQ_FORMAT, "node '%s' depends on its own output",
                         g->nodes[i].name);
            goto done;
        }
    if (w.n)
        memcpy(g->nodes, w.order, (size_t)w.n * sizeof *w.order);
    g->n_nodes = w.n;
    s = link_values(g, d);
done:
    free(w.seen);
    free(w.stack);
    free(w.next);
    free(w.order);
    return s;
}
