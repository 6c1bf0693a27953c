/* Every invariant of ir.h, checked: the net under the passes. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "graph/ir.h"
#include "graph/op.h"

static bool in_range(const struct haq_graph *g, int v)
{
    return v >= 0 && v < g->n_values;
}

static haq_status check_names(const struct haq_graph *g, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_map seen;

    haq_map_init(&seen);
    for (int i = 0; i < g->n_values && !s; i++) {
        const struct haq_value *v = &g->values[i];
        size_t count;
        if (!v->name || !*v->name || !v->source || !*v->source)
            s = haq_fail(d, HAQ_INVALID, "value %d has no name", i);
        else if (haq_map_has(&seen, v->name))
            s = haq_fail(d, HAQ_INVALID, "two values are called '%s'", v->name);
        else if (!haq_map_put(&seen, v->name, &seen))
            s = haq_fail(d, HAQ_NOMEM, "names of %d values", g->n_values);
        else if (!haq_shape_count(&v->shape, &count) || count != v->count)
            s = haq_fail(d, HAQ_INVALID, "'%s': shape and count disagree",
                         v->name);
    }
    haq_map_fini(&seen);
    return s;
}

static haq_status check_arity(const struct haq_graph *g,
                              const struct haq_node *n, struct haq_diag *d)
{
    const struct haq_op *op = n->op;

    if (!op)
        return haq_fail(d, HAQ_INVALID, "node '%s' is marked as dropped",
                        n->name);
    if (n->n_in < op->min_in || n->n_in > op->max_in ||
        (op->n_out == HAQ_OP_ANY ? n->n_out < 1 : n->n_out != op->n_out))
        return haq_fail(d, HAQ_INVALID,
                        "node '%s': %s with %d inputs and %d "
                        "outputs",
                        n->name, op->name, n->n_in, n->n_out);
    for (int k = 0; k < n->n_in; k++)
        if (!(n->in[k] == HAQ_NO_VALUE ? k >= op->min_in
                                       : in_range(g, n->in[k])))
            return haq_fail(d, HAQ_INVALID, "node '%s': input %d is missing",
                            n->name, k);
    for (int k = 0; k < n->n_out; k++)
        if (!in_range(g, n->out[k]))
            return haq_fail(d, HAQ_INVALID, "node '%s': output %d is missing",
                            n->name, k);
    return HAQ_OK;
}

static haq_status check_links(const struct haq_graph *g, struct haq_diag *d)
{
    haq_status s;

    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        if ((s = check_arity(g, n, d)))
            return s;
        for (int k = 0; k < n->n_in; k++) {
            if (n->in[k] != HAQ_NO_VALUE && g->values[n->in[k]].producer >= i)
                return haq_fail(d, HAQ_INVALID,
                                "node '%s' reads '%s' before it is made",
                                n->name, g->values[n->in[k]].name);
        }
        for (int k = 0; k < n->n_out; k++)
            if (g->values[n->out[k]].producer != i || g->values[n->out[k]].data)
                return haq_fail(d, HAQ_INVALID,
                                "node '%s' does not own its output '%s'",
                                n->name, g->values[n->out[k]].name);
    }
    for (int i = 0; i < g->n_inputs; i++)
        if (!in_range(g, g->inputs[i]) || g->values[g->inputs[i]].producer >= 0)
            return haq_fail(d, HAQ_INVALID, "input %d is not one", i);
    for (int i = 0; i < g->n_outputs; i++)
        if (!in_range(g, g->outputs[i]))
            return haq_fail(d, HAQ_INVALID, "output %d is not a value", i);
    return HAQ_OK;
}

/* Infer into a copy of the value table and compare. */
static haq_status check_shapes(const struct haq_graph *g, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_graph copy = *g;

    copy.values = malloc(((size_t)g->n_values + 1) * sizeof *g->values);
    if (!copy.values)
        return haq_fail(d, HAQ_NOMEM, "verifying %d values", g->n_values);
    if (g->n_values)
        memcpy(copy.values, g->values, (size_t)g->n_values * sizeof *g->values);
    for (int i = 0; i < g->n_nodes && !s; i++) {
        struct haq_node n = g->nodes[i];
        s = n.op->infer(&copy, &n, d);
        for (int k = 0; k < n.n_out && !s; k++) {
            const struct haq_value *is = &g->values[n.out[k]];
            const struct haq_value *want = &copy.values[n.out[k]];
            if (is->dtype != want->dtype ||
                !haq_shape_equal(&is->shape, &want->shape))
                s = haq_fail(d, HAQ_INVALID,
                             "node '%s': output '%s' has not the shape and "
                             "type that %s gives",
                             n.name, is->name, n.op->name);
        }
    }
    free(copy.values);
    return s;
}

haq_status haq_graph_verify(const struct haq_graph *g, struct haq_diag *d)
{
    haq_status s = check_names(g, d);

    if (!s)
        s = check_links(g, d);
    return s ? s : check_shapes(g, d);
}
