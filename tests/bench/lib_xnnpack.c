/* XNNPACK: convolutions (float32, and int8 with a scale per channel), of which
 * a product is the 1x1 kind. */
#include <math.h>
#include <pthreadpool.h>
#include <stdlib.h>
#include <xnnpack.h>

#include "base/clock.h"
#include "tests/bench/libraries.h"

struct xnn {
    xnn_operator_t op;
    pthreadpool_t pool;
    void *x, *w, *y, *bias;
    float *scale;
};

static void free_xnn(void *self)
{
    struct xnn *x = self;
    if (x->op)
        xnn_delete_operator(x->op);
    if (x->pool)
        pthreadpool_destroy(x->pool);
    free(x->x);
    free(x->w);
    free(x->y);
    free(x->bias);
    free(x->scale);
    free(x);
}

static uint64_t run_xnn(void *self, size_t calls)
{
    struct xnn *x = self;
    uint64_t before = haq_clock_ns();
    for (size_t i = 0; i < calls; i++)
        xnn_run_operator(x->op, x->pool);
    return haq_clock_ns() - before;
}

static enum xnn_status create(struct xnn *x, const struct bench_conv *c,
                              size_t h, size_t w, bool integer)
{
    uint32_t pad = (uint32_t)c->pad, kernel = (uint32_t)c->kernel;
    uint32_t stride = (uint32_t)c->stride;
    uint32_t groups = c->depthwise ? (uint32_t)c->c : 1;
    size_t in = c->c / groups, out = c->o / groups;
    enum xnn_status s;

    if (integer) {
        s = xnn_create_convolution2d_nhwc_qc8(
            pad, pad, pad, pad, kernel, kernel, stride, stride, 1, 1, groups,
            in, out, c->c, c->o, 0, 0.01f, x->scale, x->w, x->bias, 0, 0.02f, 0,
            127, 0, &x->op);
        return s ? s
                 : xnn_setup_convolution2d_nhwc_qc8(x->op, 1, h, w, x->x, x->y,
                                                    x->pool);
    }
    s = xnn_create_convolution2d_nhwc_f32(
        pad, pad, pad, pad, kernel, kernel, stride, stride, 1, 1, groups, in,
        out, c->c, c->o, x->w, x->bias, 0, INFINITY, 0, &x->op);
    return s ? s
             : xnn_setup_convolution2d_nhwc_f32(x->op, 1, h, w, x->x, x->y,
                                                x->pool);
}

/* A product as a convolution of an image of one row. */
static struct bench_conv as_conv(const struct bench_shape *s)
{
    if (s->is_conv)
        return s->conv;
    return (struct bench_conv){.c = s->k, .o = s->n, .kernel = 1, .stride = 1};
}

bool bench_xnnpack(struct bench_entry *e, const struct bench_work *w,
                   const struct bench_env *env)
{
    const struct bench_shape *s = w->shape;
    struct bench_conv c = as_conv(s);
    bool integer = w->format->spec;
    size_t elem = integer ? 1 : sizeof(float), weights = s->n * s->k;
    size_t height = s->is_conv ? c.size : 1, width = s->is_conv ? c.size : s->m;
    struct xnn *x;

    if (s->cold || w->group || (integer && w->format != &bench_formats[1]) ||
        xnn_initialize(NULL))
        return false;
    x = calloc(1, sizeof *x);
    if (!x)
        abort();
    if (env->threads > 1)
        x->pool = pthreadpool_create(env->threads);
    x->x = bench_alloc(height * width * c.c * elem);
    x->w = bench_alloc(weights * elem);
    x->y = bench_alloc(s->m * s->n * elem);
    x->bias = bench_alloc(s->n * sizeof(float));
    x->scale = bench_alloc(s->n * sizeof(float));
    for (size_t i = 0; i < s->n; i++)
        x->scale[i] = 0.001f;
    bench_fill_bytes(x->w, integer ? weights : 0, 2);
    bench_fill_floats(x->w, integer ? 0 : weights, 2);
    bench_fill_bytes(x->x, integer ? height * width * c.c : 0, 3);
    bench_fill_floats(x->x, integer ? 0 : height * width * c.c, 3);
    e->who = "XNNPACK";
    e->weight_bytes = (double)(weights * elem);
    e->rest_ms = 80;
    e->run = run_xnn;
    e->free = free_xnn;
    e->self = x;
    if (!create(x, &c, height, width, integer))
        return true;
    free_xnn(x);
    return false;
}
