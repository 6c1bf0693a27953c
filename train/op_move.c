/* Data movement: where each number of the output comes from is found once, by
 * moving the numbers' indices in their place. */
#include <string.h>

#include "graph/fold.h"
#include "train/ops.h"

enum { NOWHERE = -1 }; /* padding */

/* An index counts through the inputs, one behind the other. */
struct move {
    const int32_t **from; /* [n_out][count of the output] */
    const size_t *first;  /* [n_in] of an input */
    float padding;
};

static int input_of(const struct haq_train_step *s, const struct move *m,
                    int32_t index)
{
    int i = s->n_in - 1;
    while (i > 0 && m->first[i] > (size_t)index)
        i--;
    return i;
}

static void move_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct move *m = s->data;
    for (int o = 0; o < s->n_out; o++) {
        float *y = haq_tape_value(t, s->out[o]);
        const int32_t *from = m->from[o];
        for (size_t i = 0; i < t->net->slot[s->out[o]].count; i++) {
            if (from[i] == NOWHERE) {
                y[i] = m->padding;
                continue;
            }
            int k = input_of(s, m, from[i]);
            y[i] = haq_tape_read(t, s->in[k])[(size_t)from[i] - m->first[k]];
        }
    }
}

static void move_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct move *m = s->data;
    for (int o = 0; o < s->n_out; o++) {
        const float *dy = haq_tape_gradient(t, s->out[o]);
        const int32_t *from = m->from[o];
        for (size_t i = 0; i < t->net->slot[s->out[o]].count; i++) {
            if (from[i] == NOWHERE)
                continue;
            int k = input_of(s, m, from[i]);
            float *dx = haq_tape_gradient(t, s->in[k]);
            if (dx)
                dx[(size_t)from[i] - m->first[k]] += dy[i];
        }
    }
}

/* A graph of this node alone, on indices that count from 1: 0 is padding. */
static haq_status index_graph(struct haq_graph *g,
                              const struct haq_graph *model,
                              const struct haq_node *n, size_t *first,
                              struct haq_diag *d)
{
    size_t at = 0;
    int node = haq_graph_add_node(g, n->op, "move", n->n_in, n->n_out);
    if (node < 0)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    g->batch = model->batch;
    g->nhwc = model->nhwc;
    g->nodes[node].attr = n->attr;
    g->nodes[node].attr.alpha = 0;
    for (int i = 0; i < n->n_in; i++) {
        const struct haq_value *v = &model->values[n->in[i]];
        int32_t *index =
            haq_arena_array(&g->arena, v->count + 1, sizeof *index);
        first[i] = at;
        for (size_t k = 0; index && k < v->count; k++)
            index[k] = (int32_t)++at;
        int in =
            index ? haq_graph_add_const(g, v->name, HAQ_I32, &v->shape, index)
                  : -1;
        if (in < 0)
            return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
        g->nodes[node].in[i] = in;
    }
    for (int i = 0; i < n->n_out; i++) {
        const struct haq_value *v = &model->values[n->out[i]];
        int out = haq_graph_add_value(g, v->name, HAQ_I32, &v->shape);
        if (out < 0)
            return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
        g->nodes[node].out[i] = out;
        g->values[out].producer = node;
    }
    return HAQ_OK;
}

static haq_status find_sources(struct haq_net *net,
                               const struct haq_train_step *s, struct move *m,
                               size_t *first, struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    struct haq_graph *g = haq_graph_new();
    bool folded = false;
    haq_status status = g ? index_graph(g, net->graph, n, first, d)
                          : haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    int out = g && !status ? g->nodes[0].out[0] : 0;
    if (!status)
        status = haq_fold_node(g, 0, &folded, d);
    if (!status && !folded)
        status = haq_train_refuse(net, s, "cannot be trained", d);
    for (int i = 0; !status && i < n->n_out; i++) {
        const struct haq_value *v = &g->values[out + i];
        int32_t *from =
            haq_arena_array(&net->arena, v->count + 1, sizeof *from);
        const int32_t *moved = v->data;
        if (!from)
            status = haq_fail(d, HAQ_NOMEM, "node %s", n->name);
        for (size_t k = 0; from && k < v->count; k++)
            from[k] = moved[k] ? moved[k] - 1 : NOWHERE;
        m->from[i] = from;
    }
    haq_graph_free(g);
    return status;
}

haq_status haq_train_move(struct haq_net *net, struct haq_train_step *s,
                          struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    struct move *m = haq_arena_alloc(&net->arena, sizeof *m);
    size_t *first =
        haq_arena_array(&net->arena, (size_t)s->n_in + 1, sizeof *first);
    const int32_t **from =
        haq_arena_array(&net->arena, (size_t)s->n_out, sizeof *from);
    if (!m || !first || !from)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    *m = (struct move){.from = from, .first = first, .padding = n->attr.alpha};
    s->data = m;
    s->forward = move_forward;
    s->backward = move_backward;
    return find_sources(net, s, m, first, d);
}

/* ---- rows of a table ------------------------------------------------------
 */

struct gather {
    size_t outer, rows, inner, picks; /* x is [outer][rows][inner] */
};

static size_t picked(const struct gather *g, int64_t index)
{
    return (size_t)(index < 0 ? index + (int64_t)g->rows : index);
}

static void gather_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct gather *g = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    const int64_t *index = (const void *)haq_tape_read(t, s->in[1]);
    float *y = haq_tape_value(t, s->out[0]);
    for (size_t o = 0; o < g->outer; o++)
        for (size_t p = 0; p < g->picks; p++, y += g->inner)
            memcpy(y, x + (o * g->rows + picked(g, index[p])) * g->inner,
                   g->inner * sizeof *y);
}

static void gather_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct gather *g = s->data;
    const int64_t *index = (const void *)haq_tape_read(t, s->in[1]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]);
    for (size_t o = 0; o < g->outer; o++)
        for (size_t p = 0; p < g->picks; p++, dy += g->inner) {
            float *to = dx + (o * g->rows + picked(g, index[p])) * g->inner;
            for (size_t i = 0; i < g->inner; i++)
                to[i] += dy[i];
        }
}

haq_status haq_train_gather(struct haq_net *net, struct haq_train_step *s,
                            struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    const struct haq_shape *x = &haq_train_in(net, s, 0)->shape;
    struct gather *g = haq_arena_alloc(&net->arena, sizeof *g);
    if (!g)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (haq_train_in(net, s, 1)->dtype != HAQ_I64 ||
        haq_train_in(net, s, 0)->dtype != HAQ_F32)
        return haq_train_refuse(net, s, "wants floats and int64 indices", d);
    g->outer = g->inner = 1;
    for (int i = 0; i < x->rank; i++)
        if (i < n->attr.axis)
            g->outer *= (size_t)x->dims[i];
        else if (i > n->attr.axis)
            g->inner *= (size_t)x->dims[i];
    g->rows = (size_t)x->dims[n->attr.axis];
    g->picks = haq_train_in(net, s, 1)->count;
    s->data = g;
    s->forward = gather_forward;
    s->backward = gather_backward;
    return HAQ_OK;
}
