#include "runtime/window.h"

#include "graph/op.h"

/* Pixels of an NHWC tensor; rank 3 has no height. */
static bool dims_of(const struct haq_shape *s, size_t *n, size_t *h, size_t *w,
                    size_t *c)
{
    if (s->rank != 3 && s->rank != 4)
        return false;
    *n = (size_t)s->dims[0];
    *h = s->rank == 4 ? (size_t)s->dims[1] : 1;
    *w = (size_t)s->dims[s->rank - 2];
    *c = (size_t)s->dims[s->rank - 1];
    return true;
}

bool haq_geometry_make(struct haq_geometry *g, const struct haq_window *w,
                       const struct haq_shape *in, const struct haq_shape *out)
{
    size_t n, c;
    *g = (struct haq_geometry){0};
    if (!dims_of(in, &g->n, &g->h, &g->w, &g->c) ||
        !dims_of(out, &n, &g->oh, &g->ow, &c))
        return false;
    for (int i = 0; i < 2; i++) {
        g->kernel[i] = (size_t)w->kernel[i];
        g->stride[i] = (size_t)w->stride[i];
        g->dilation[i] = (size_t)w->dilation[i];
        g->pad[i] = (size_t)w->pad[i];
    }
    g->taps = g->kernel[0] * g->kernel[1];
    g->pixels = g->n * g->oh * g->ow;
    return true;
}

struct haq_window haq_pool_window(const struct haq_node *n,
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

bool haq_geometry_is_pointwise(const struct haq_geometry *g,
                               const struct haq_window *w)
{
    bool padded = w->pad[0] || w->pad[1] || w->pad[2] || w->pad[3];
    return g->taps == 1 && g->stride[0] == 1 && g->stride[1] == 1 && !padded;
}

size_t haq_geometry_pointers(const struct haq_geometry *g)
{
    return g->taps * g->pixels;
}

/* Input coordinate of a tap; wraps to a huge number outside on the left. */
static size_t coordinate(const struct haq_geometry *g, int axis, size_t out,
                         size_t k)
{
    return out * g->stride[axis] + k * g->dilation[axis] - g->pad[axis];
}

static const char *tap(const struct haq_geometry *g, size_t pixel, size_t t,
                       const char *base, const char *outside,
                       size_t outside_stride)
{
    size_t sample = pixel / (g->oh * g->ow), at = pixel % (g->oh * g->ow);
    size_t y = coordinate(g, 0, at / g->ow, t / g->kernel[1]);
    size_t x = coordinate(g, 1, at % g->ow, t % g->kernel[1]);
    if (y >= g->h || x >= g->w)
        return outside ? outside + sample * outside_stride : NULL;
    return base + ((sample * g->h + y) * g->w + x) * g->c * g->elem;
}

void haq_geometry_bind(const struct haq_geometry *g, const void **table,
                       const char *base, const char *outside,
                       size_t outside_stride)
{
    for (size_t p = 0; p < g->pixels; p += g->tile) {
        size_t len = g->pixels - p < g->tile ? g->pixels - p : g->tile;
        for (size_t t = 0; t < g->taps; t++)
            for (size_t i = 0; i < len; i++)
                *table++ = tap(g, p + i, t, base, outside, outside_stride);
    }
}
