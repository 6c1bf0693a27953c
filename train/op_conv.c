/* Convolutions over NHWC.  Dense ones and groups are products with the windows
 * copied out, some thousand pixels at a time; depthwise ones run over the
 * channels directly. */
#include <string.h>

#include "train/ops.h"
#include "train/taps.h"

/* Floats of windows at a time, so that they stay in cache; floats that are
 * worth a call. */
enum { CHUNK = 1 << 17, MEMCPY_FROM = 16 };

struct conv {
    struct haq_geometry g;
    const int32_t *tap; /* [pixels][taps] */
    size_t n, k;        /* of the layer */
    size_t groups;      /* of channels */
    size_t in, made;    /* channels of a group: read, made */
    size_t chunk;       /* pixels */
    bool pointwise;
};

/* cols[pixel][tap][channel of the group] */
static void copy_out(const struct conv *c, const float *x, size_t first,
                     size_t pixels, size_t group, float *cols)
{
    size_t taps = c->g.taps, in = c->in;
    x += group * in;
    for (size_t i = first * taps; i < (first + pixels) * taps;
         i++, cols += in) {
        const float *from = x + (size_t)c->tap[i] * c->g.c;
        if (c->tap[i] < 0)
            memset(cols, 0, in * sizeof *cols);
        else if (in >= MEMCPY_FROM)
            memcpy(cols, from, in * sizeof *cols);
        else
            for (size_t k = 0; k < in; k++)
                cols[k] = from[k];
    }
}

static void add_back(const struct conv *c, float *dx, size_t first,
                     size_t pixels, size_t group, const float *cols)
{
    size_t taps = c->g.taps, in = c->in;
    dx += group * in;
    for (size_t i = first * taps; i < (first + pixels) * taps;
         i++, cols += in) {
        float *to = dx + (size_t)c->tap[i] * c->g.c;
        for (size_t k = 0; c->tap[i] >= 0 && k < in; k++)
            to[k] += cols[k];
    }
}

static void add_bias(float *y, const float *bias, size_t rows, size_t n)
{
    for (size_t r = 0; bias && r < rows; r++)
        for (size_t i = 0; i < n; i++)
            y[r * n + i] += bias[i];
}

static void bias_sums(float *sums, const float *dy, size_t rows, size_t n)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++)
            sums[i] += dy[r * n + i];
}

static void dense_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct conv *c = s->data;
    const struct haq_train_layer *l = &t->net->layer[s->layer];
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]);
    for (size_t p = 0; p < c->g.pixels; p += c->chunk) {
        size_t m = c->g.pixels - p < c->chunk ? c->g.pixels - p : c->chunk;
        for (size_t group = 0; group < c->groups; group++) {
            const float *cols = x + p * c->g.c;
            if (!c->pointwise) {
                copy_out(c, x, p, m, group, t->scratch);
                cols = t->scratch;
            }
            haq_train_gemm(t->net, false, true, m, c->made, c->k, cols, c->k,
                           l->w + group * c->made * c->k, c->k, 0,
                           y + p * c->n + group * c->made, c->n);
        }
    }
    add_bias(y, l->bias, c->g.pixels, c->n);
}

static void dense_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct conv *c = s->data;
    const struct haq_train_layer *l = &t->net->layer[s->layer];
    const float *x = haq_tape_read(t, s->in[0]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]);
    float *dw = t->sums + l->grad_at;
    bias_sums(t->sums + l->bias_at, dy, c->g.pixels, c->n);
    for (size_t p = 0; p < c->g.pixels; p += c->chunk) {
        size_t m = c->g.pixels - p < c->chunk ? c->g.pixels - p : c->chunk;
        for (size_t group = 0; group < c->groups; group++) {
            const float *w = l->w + group * c->made * c->k;
            const float *d = dy + p * c->n + group * c->made;
            const float *cols = x + p * c->g.c;
            if (!c->pointwise) {
                copy_out(c, x, p, m, group, t->scratch);
                cols = t->scratch;
            }
            haq_train_gemm(t->net, true, false, c->made, c->k, m, d, c->n, cols,
                           c->k, 1, dw + group * c->made * c->k, c->k);
            if (!dx)
                continue;
            float *to = c->pointwise ? dx + p * c->g.c : t->scratch;
            haq_train_gemm(t->net, false, false, m, c->k, c->made, d, c->n, w,
                           c->k, c->pointwise ? 1 : 0, to, c->k);
            if (!c->pointwise)
                add_back(c, dx, p, m, group, to);
        }
    }
}

/* Weights are [tap][channel]. */
static void depthwise_forward(const struct haq_train_step *s,
                              struct haq_tape *t)
{
    const struct conv *c = s->data;
    const struct haq_geometry *g = &c->g;
    const struct haq_train_layer *l = &t->net->layer[s->layer];
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]);
    memset(y, 0, g->pixels * g->c * sizeof *y);
    for (size_t p = 0; p < g->pixels; p++, y += g->c)
        for (size_t k = 0; k < g->taps; k++) {
            int32_t at = c->tap[p * g->taps + k];
            const float *from = x + (size_t)at * g->c, *w = l->w + k * g->c;
            for (size_t i = 0; at >= 0 && i < g->c; i++)
                y[i] += from[i] * w[i];
        }
    add_bias(haq_tape_value(t, s->out[0]), l->bias, g->pixels, g->c);
}

static void depthwise_backward(const struct haq_train_step *s,
                               struct haq_tape *t)
{
    const struct conv *c = s->data;
    const struct haq_geometry *g = &c->g;
    const struct haq_train_layer *l = &t->net->layer[s->layer];
    const float *x = haq_tape_read(t, s->in[0]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]);
    bias_sums(t->sums + l->bias_at, dy, g->pixels, g->c);
    for (size_t p = 0; p < g->pixels; p++, dy += g->c)
        for (size_t k = 0; k < g->taps; k++) {
            int32_t at = c->tap[p * g->taps + k];
            if (at < 0)
                continue;
            const float *from = x + (size_t)at * g->c, *w = l->w + k * g->c;
            float *dw = t->sums + l->grad_at + k * g->c;
            for (size_t i = 0; i < g->c; i++)
                dw[i] += dy[i] * from[i];
            float *to = dx + (size_t)at * g->c;
            for (size_t i = 0; dx && i < g->c; i++)
                to[i] += dy[i] * w[i];
        }
}

/* The model has [row][channel][tap]; depthwise wants [tap][row], others
 * [row][tap][channel]. */
static haq_status reorder(struct haq_net *net, struct haq_train_layer *l,
                          const struct conv *c, bool depthwise,
                          struct haq_diag *d)
{
    size_t taps = c->g.taps;
    int32_t *order =
        haq_arena_array(&net->arena, l->n * l->k + 1, sizeof *order);
    if (!order)
        return haq_fail(d, HAQ_NOMEM, "layer %s", l->tensor);
    for (size_t r = 0; r < l->n; r++)
        for (size_t i = 0; i < c->in; i++)
            for (size_t k = 0; k < taps; k++) {
                size_t from = (r * c->in + i) * taps + k;
                size_t to =
                    depthwise ? k * l->n + r : (r * taps + k) * c->in + i;
                order[to] = (int32_t)from;
            }
    l->order = order;
    return HAQ_OK;
}

haq_status haq_train_conv(struct haq_net *net, struct haq_train_step *s,
                          struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    const struct haq_window *w = &n->attr.window;
    struct conv *c = haq_arena_alloc(&net->arena, sizeof *c);
    if (!c)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (!net->graph->nhwc || s->layer < 0 ||
        !haq_geometry_make(&c->g, w, &haq_train_in(net, s, 0)->shape,
                           &haq_train_out(net, s)->shape))
        return haq_train_refuse(net, s,
                                "only 1-D and 2-D, with constant weights", d);
    struct haq_train_layer *l = &net->layer[s->layer];
    c->g.c = (size_t)haq_train_in(net, s, 0)
                 ->shape.dims[haq_train_in(net, s, 0)->shape.rank - 1];
    c->n = l->n;
    c->k = l->k;
    c->groups = (size_t)w->group;
    c->in = c->g.c / c->groups;
    c->made = c->n / c->groups;
    c->chunk = CHUNK / c->k + 1;
    bool depthwise = c->groups > 1 && c->in == 1 && c->made == 1;
    c->tap = haq_train_taps(net, &c->g);
    if (!c->tap)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    c->pointwise = c->groups == 1 && haq_geometry_is_pointwise(&c->g, w);
    s->data = c;
    s->forward = depthwise ? depthwise_forward : dense_forward;
    s->backward = depthwise ? depthwise_backward : dense_backward;
    s->scratch = c->chunk * c->k;
    return c->g.taps > 1 ? reorder(net, l, c, depthwise, d) : HAQ_OK;
}
