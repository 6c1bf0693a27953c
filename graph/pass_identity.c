#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/pass_priv.h"

static bool zero_pads(const struct haq_node *n)
{
    for (int i = 0; i < n->attr.n_ints; i++)
        if (n->attr.ints[0][i] || n->attr.ints[1][i])
            return false;
    return true;
}

static bool forward_steps(const struct haq_node *n)
{
    for (int i = 0; i < n->attr.n_ints; i++)
        if (n->attr.ints[2][i] < 0)
            return false;
    return true;
}

static bool identity_perm(const struct haq_node *n)
{
    for (int i = 0; i < n->attr.n_ints; i++)
        if (n->attr.ints[0][i] != i)
            return false;
    return true;
}

static bool always(const struct haq_node *n)
{
    (void)n;
    return true;
}

static bool one_input(const struct haq_node *n)
{
    return n->n_in == 1;
}

static bool no_axes(const struct haq_node *n)
{
    return n->attr.n_axes == 0;
}

static bool unbounded(const struct haq_node *n)
{
    return isinf(n->clamp.lo) && isinf(n->clamp.hi) && n->clamp.lo < 0 &&
           n->clamp.hi > 0;
}

/* Operators that may do nothing: when shape and type stay and this holds. */
static const struct {
    enum haq_opcode code;
    bool (*noop)(const struct haq_node *n);
} maybe_noop[] = {
    {HAQ_OP_IDENTITY, always},     {HAQ_OP_DROPOUT, always},
    {HAQ_OP_RESHAPE, always},      {HAQ_OP_FLATTEN, always},
    {HAQ_OP_SQUEEZE, always},      {HAQ_OP_UNSQUEEZE, always},
    {HAQ_OP_EXPAND, always},       {HAQ_OP_CAST, always},
    {HAQ_OP_SPLIT, always},        {HAQ_OP_PAD, zero_pads},
    {HAQ_OP_SLICE, forward_steps}, {HAQ_OP_TRANSPOSE, identity_perm},
    {HAQ_OP_CONCAT, one_input},    {HAQ_OP_MIN, one_input},
    {HAQ_OP_MAX, one_input},       {HAQ_OP_REDUCE_MEAN, no_axes},
    {HAQ_OP_REDUCE_SUM, no_axes},  {HAQ_OP_REDUCE_MAX, no_axes},
    {HAQ_OP_CLIP, unbounded},
};

static bool is_noop(const struct haq_graph *g, const struct haq_node *n)
{
    if (n->n_out != 1 || n->n_in < 1)
        return false;
    const struct haq_value *x = &g->values[n->in[0]];
    const struct haq_value *y = &g->values[n->out[0]];
    if (x->dtype != y->dtype || !haq_shape_equal(&x->shape, &y->shape))
        return false;
    for (size_t i = 0; i < sizeof maybe_noop / sizeof *maybe_noop; i++)
        if (n->op->code == maybe_noop[i].code)
            return maybe_noop[i].noop(n);
    return false;
}

static const struct haq_node *producer(const struct haq_graph *g, int v)
{
    int p = g->values[v].producer;

    return p < 0 || !g->nodes[p].op ? NULL : &g->nodes[p];
}

/* A Transpose that only moves axes of size 1 changes no byte. */
static bool moves_nothing(const struct haq_graph *g, const struct haq_node *n)
{
    const struct haq_shape *x = &g->values[n->in[0]].shape;
    int64_t last = -1;

    for (int i = 0; i < n->attr.n_ints; i++) {
        int64_t axis = n->attr.ints[0][i];
        if (x->dims[axis] == 1)
            continue;
        if (axis < last)
            return false;
        last = axis;
    }
    return true;
}

/* A slice of a slice is a slice: element i of the second is element
 * start + i * step of the first. */
static void merge_slices(struct haq_graph *g, struct haq_node *n)
{
    const struct haq_node *p = producer(g, n->in[0]);
    const struct haq_shape *out = &g->values[n->out[0]].shape;

    if (!p || p->op->code != HAQ_OP_SLICE || !forward_steps(p) ||
        !forward_steps(n))
        return;
    for (int i = 0; i < n->attr.n_ints; i++) {
        int64_t step = p->attr.ints[2][i], start = p->attr.ints[0][i];
        int64_t count = out->dims[i];
        start = count ? start + n->attr.ints[0][i] * step : 0;
        step = count > 1 ? step * n->attr.ints[2][i] : 1;
        n->attr.ints[0][i] = start;
        n->attr.ints[1][i] = count ? start + (count - 1) * step + 1 : 0;
        n->attr.ints[2][i] = step;
    }
    n->in[0] = p->in[0];
    g->values[n->in[0]].uses++;
}

/* Reshape of a reshape, transpose of a transpose: read what the first read. */
static void shorten(struct haq_graph *g, struct haq_node *n)
{
    const struct haq_node *p;

    if (n->op->code == HAQ_OP_SLICE)
        merge_slices(g, n);
    if (n->op->code == HAQ_OP_TRANSPOSE) {
        p = producer(g, n->in[0]);
        if (p && p->op->code == HAQ_OP_TRANSPOSE) {
            for (int i = 0; i < n->attr.n_ints; i++)
                n->attr.ints[0][i] = p->attr.ints[0][n->attr.ints[0][i]];
            n->in[0] = p->in[0];
            g->values[n->in[0]].uses++;
        }
        if (!identity_perm(n) && moves_nothing(g, n))
            haq_pass_make_reshape(g, n, n->in[0]);
    }
    if (n->op->flags & HAQ_OP_VIEW) {
        p = producer(g, n->in[0]);
        if (p && (p->op->flags & HAQ_OP_VIEW)) {
            haq_pass_make_reshape(g, n, p->in[0]);
            g->values[n->in[0]].uses++;
        }
    }
}

/* Let the readers of n's output read its input; an output of the graph keeps
 * its name, which the node before must then take over. */
static void drop(struct haq_graph *g, struct haq_node *n, int *alias,
                 const bool *is_output)
{
    int x = n->in[0], y = n->out[0];

    if (!is_output[y]) {
        alias[y] = x;
        g->values[x].uses += g->values[y].uses - 1;
        n->op = NULL;
        return;
    }
    struct haq_node *p = haq_pass_sole_producer(g, x);
    if (!p || !p->op)
        return;
    for (int k = 0; k < p->n_out; k++)
        if (p->out[k] == x)
            p->out[k] = y;
    g->values[y].producer = (int)(p - g->nodes);
    g->values[x].producer = -1;
    n->op = NULL;
}

haq_status haq_pass_identity(struct haq_graph *g, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    size_t room = (size_t)g->n_values + 1;
    int *alias = malloc(room * sizeof *alias);
    bool *is_output = calloc(room, sizeof *is_output);

    if (!alias || !is_output) {
        s = haq_fail(d, HAQ_NOMEM, "looking at %d values", g->n_values);
        goto done;
    }
    for (int i = 0; i < g->n_values; i++)
        alias[i] = i;
    for (int i = 0; i < g->n_outputs; i++)
        is_output[g->outputs[i]] = true;
    for (int i = 0; i < g->n_nodes; i++) {
        struct haq_node *n = &g->nodes[i];
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] != HAQ_NO_VALUE)
                n->in[k] = alias[n->in[k]];
        shorten(g, n);
        if (is_noop(g, n))
            drop(g, n, alias, is_output);
    }
    s = haq_graph_rebuild(g, d);
done:
    free(alias);
    free(is_output);
    return s;
}
