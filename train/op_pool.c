/* Pooling over NHWC windows. */
#include <string.h>

#include "runtime/window.h"
#include "train/ops.h"

/* Which input each output takes its numbers from, tap by tap; for a maximum
 * the one that won in the last forward run is found again. */
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

/* The first of equal ones wins. */
static size_t winner(const struct pool *p, const int32_t *tap, const float *x,
                     size_t c)
{
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < p->taps; k++) {
        size_t at = (size_t)tap[k] * p->c + c;
        if (tap[k] >= 0 && (best == SIZE_MAX || x[at] > x[best]))
            best = at;
    }
    return best;
}

static void max_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct pool *p = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]);
    for (size_t i = 0; i < p->pixels; i++)
        for (size_t c = 0; c < p->c; c++) {
            size_t at = winner(p, p->tap + i * p->taps, x, c);
            y[i * p->c + c] = at == SIZE_MAX ? 0 : x[at];
        }
}

static void max_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct pool *p = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]);
    for (size_t i = 0; i < p->pixels; i++)
        for (size_t c = 0; c < p->c; c++) {
            size_t at = winner(p, p->tap + i * p->taps, x, c);
            if (at != SIZE_MAX)
                dx[at] += dy[i * p->c + c];
        }
}

static void find_taps(int32_t *tap, const struct haq_geometry *g)
{
    for (size_t p = 0; p < g->pixels; p++)
        for (size_t k = 0; k < g->taps; k++) {
            size_t x = p % g->ow, y = p / g->ow % g->oh;
            size_t image = p / g->ow / g->oh;
            size_t iy = y * g->stride[0] + k / g->kernel[1] * g->dilation[0] -
                        g->pad[0];
            size_t ix = x * g->stride[1] + k % g->kernel[1] * g->dilation[1] -
                        g->pad[1];
            bool in = iy < g->h && ix < g->w;
            *tap++ = in ? (int32_t)((image * g->h + iy) * g->w + ix) : -1;
        }
}

/* A global pool is one window as large as the image. */
static struct haq_window window_of(const struct haq_node *n,
                                   const struct haq_shape *in)
{
    struct haq_window w = n->attr.window;
    if (n->op->code != HAQ_OP_GLOBAL_AVERAGE_POOL)
        return w;
    w = (struct haq_window){.stride = {1, 1}, .dilation = {1, 1}, .group = 1};
    w.kernel[0] = in->rank == 4 ? in->dims[1] : 1;
    w.kernel[1] = in->dims[in->rank - 2];
    return w;
}

haq_status haq_train_pool(struct haq_net *net, struct haq_train_step *s,
                          struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    const struct haq_shape *shape = &haq_train_in(net, s, 0)->shape;
    struct haq_window w = window_of(n, shape);
    struct haq_geometry g;
    struct pool *p = haq_arena_alloc(&net->arena, sizeof *p);
    if (!net->graph->nhwc ||
        !haq_geometry_make(&g, &w, shape, &haq_train_out(net, s)->shape))
        return haq_train_refuse(net, s, "only 1-D and 2-D", d);
    int32_t *tap =
        haq_arena_array(&net->arena, g.pixels * g.taps + 1, sizeof *tap);
    if (!p || !tap)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    find_taps(tap, &g);
    *p = (struct pool){.tap = tap,
                       .pixels = g.pixels,
                       .taps = g.taps,
                       .c = (size_t)shape->dims[shape->rank - 1],
                       .fixed_count = w.count_pad ? g.taps : 0,
                       .mean = n->op->code != HAQ_OP_MAX_POOL};
    s->data = p;
    s->forward = p->mean ? mean_forward : max_forward;
    s->backward = p->mean ? mean_backward : max_backward;
    return HAQ_OK;
}
