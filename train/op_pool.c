/* Pooling over NHWC windows. */
#include <math.h>
#include <string.h>

#include "train/ops.h"
#include "train/taps.h"

struct pool {
    const int32_t *tap; /* [pixels][taps]: input pixel, -1 outside */
    size_t pixels, taps, c;
    size_t fixed_count; /* taps that a mean counts; 0: those inside */
    bool mean;
};

static size_t inside(const struct pool *p, const int32_t *tap)
{
    size_t n = 0;
    for (size_t k = 0; k < p->taps; k++)
        n += tap[k] >= 0;
    return n;
}

static float share(const struct pool *p, const int32_t *tap)
{
    size_t n = p->fixed_count ? p->fixed_count : inside(p, tap);
    return n ? 1 / (float)n : 0;
}

static void mean_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct pool *p = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]);
    memset(y, 0, p->pixels * p->c * sizeof *y);
    for (size_t i = 0; i < p->pixels; i++, y += p->c) {
        const int32_t *tap = p->tap + i * p->taps;
        float f = share(p, tap);
        for (size_t k = 0; k < p->taps; k++)
            for (size_t c = 0; tap[k] >= 0 && c < p->c; c++)
                y[c] += x[(size_t)tap[k] * p->c + c] * f;
    }
}

static void mean_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct pool *p = s->data;
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]);
    for (size_t i = 0; i < p->pixels; i++, dy += p->c) {
        const int32_t *tap = p->tap + i * p->taps;
        float f = share(p, tap);
        for (size_t k = 0; k < p->taps; k++)
            for (size_t c = 0; tap[k] >= 0 && c < p->c; c++)
                dx[(size_t)tap[k] * p->c + c] += dy[c] * f;
    }
}

static void max_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct pool *p = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]);
    for (size_t i = 0; i < p->pixels; i++, y += p->c) {
        const int32_t *tap = p->tap + i * p->taps;
        for (size_t c = 0; c < p->c; c++)
            y[c] = -INFINITY;
        for (size_t k = 0; k < p->taps; k++) {
            const float *from = x + (size_t)tap[k] * p->c;
            for (size_t c = 0; tap[k] >= 0 && c < p->c; c++)
                y[c] = from[c] > y[c] ? from[c] : y[c];
        }
    }
}

/* The first of equal ones gets it all: what is left for the others is 0. */
static void max_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct pool *p = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    const float *y = haq_tape_read(t, s->out[0]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]), *left = t->scratch;
    for (size_t i = 0; i < p->pixels; i++, y += p->c, dy += p->c) {
        const int32_t *tap = p->tap + i * p->taps;
        memcpy(left, dy, p->c * sizeof *left);
        for (size_t k = 0; k < p->taps; k++) {
            const float *from = x + (size_t)tap[k] * p->c;
            float *to = dx + (size_t)tap[k] * p->c;
            for (size_t c = 0; tap[k] >= 0 && c < p->c; c++) {
                float won = from[c] >= y[c] ? left[c] : 0;
                to[c] += won;
                left[c] -= won;
            }
        }
    }
}

haq_status haq_train_pool(struct haq_net *net, struct haq_train_step *s,
                          struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    const struct haq_shape *shape = &haq_train_in(net, s, 0)->shape;
    struct haq_window w = haq_pool_window(n, shape);
    struct haq_geometry g;
    struct pool *p = haq_arena_alloc(&net->arena, sizeof *p);
    if (!net->graph->nhwc ||
        !haq_geometry_make(&g, &w, shape, &haq_train_out(net, s)->shape))
        return haq_train_refuse(net, s, "only 1-D and 2-D", d);
    const int32_t *tap = haq_train_taps(net, &g);
    if (!p || !tap)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    *p = (struct pool){.tap = tap,
                       .pixels = g.pixels,
                       .taps = g.taps,
                       .c = (size_t)shape->dims[shape->rank - 1],
                       .fixed_count = w.count_pad ? g.taps : 0,
                       .mean = n->op->code != HAQ_OP_MAX_POOL};
    s->data = p;
    s->scratch = p->c;
    s->forward = p->mean ? mean_forward : max_forward;
    s->backward = p->mean ? mean_backward : max_backward;
    return HAQ_OK;
}
