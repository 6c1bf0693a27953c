/* tests/graph/reference.h - run a graph the slow and obvious way, to see that a
 * pass did not change what it computes.  Consumes the graph: every value ends
 * as a constant. */
#ifndef HAQ_TESTS_GRAPH_REFERENCE_H
#define HAQ_TESTS_GRAPH_REFERENCE_H

#include <math.h>

#include "graph/fold.h"
#include "graph/op.h"
#include "tests/suite.h"

static inline const float *ref_data(const struct haq_graph *g, int v)
{
    return g->values[v].data;
}

/* Where channels, height and width are, and the offset of an element. */
struct ref_image {
    int64_t n, c, h, w;
    bool nhwc;
};

static inline struct ref_image ref_image(const struct haq_graph *g, int v)
{
    const int64_t *d = g->values[v].shape.dims;

    return g->nhwc ? (struct ref_image){d[0], d[3], d[1], d[2], true}
                   : (struct ref_image){d[0], d[1], d[2], d[3], false};
}

static inline size_t ref_at(const struct ref_image *x, int64_t n, int64_t c,
                            int64_t h, int64_t w)
{
    return (size_t)(x->nhwc ? ((n * x->h + h) * x->w + w) * x->c + c
                            : ((n * x->c + c) * x->h + h) * x->w + w);
}

/* One output element of a window operator: sum, maximum and count of what is
 * inside; for a convolution `weight` [I][kh][kw] multiplies. */
struct ref_window {
    double sum, max;
    int64_t inside, padded;
};

static inline struct ref_window ref_look(const struct haq_node *n,
                                         const float *x,
                                         const struct ref_image *in, int64_t b,
                                         int64_t c0, int64_t cn, int64_t oh,
                                         int64_t ow, const float *weight)
{
    const struct haq_window *win = &n->attr.window;
    struct ref_window r = {0, -INFINITY, 0, 0};

    for (int64_t c = 0; c < cn; c++)
        for (int64_t i = 0; i < win->kernel[0]; i++)
            for (int64_t j = 0; j < win->kernel[1]; j++) {
                int64_t h =
                    oh * win->stride[0] + i * win->dilation[0] - win->pad[0];
                int64_t w =
                    ow * win->stride[1] + j * win->dilation[1] - win->pad[1];
                r.padded += h < in->h + win->pad[2] && w < in->w + win->pad[3];
                if (h < 0 || h >= in->h || w < 0 || w >= in->w)
                    continue;
                double v = (double)x[ref_at(in, b, c0 + c, h, w)];
                r.inside++;
                r.max = fmax(r.max, v);
                r.sum += weight ? v * (double)weight[(c * win->kernel[0] + i) *
                                                         win->kernel[1] +
                                                     j]
                                : v;
            }
    return r;
}

static inline void ref_conv(const struct haq_graph *g, const struct haq_node *n,
                            float *y)
{
    struct ref_image in = ref_image(g, n->in[0]), out = ref_image(g, n->out[0]);
    int64_t ig = in.c / n->attr.window.group, og = out.c / n->attr.window.group;
    int64_t row = ig * n->attr.window.kernel[0] * n->attr.window.kernel[1];

    for (int64_t b = 0; b < out.n; b++)
        for (int64_t c = 0; c < out.c; c++)
            for (int64_t h = 0; h < out.h; h++)
                for (int64_t w = 0; w < out.w; w++) {
                    struct ref_window r =
                        ref_look(n, ref_data(g, n->in[0]), &in, b, c / og * ig,
                                 ig, h, w, ref_data(g, n->in[1]) + c * row);
                    double bias =
                        n->n_in > 2 ? (double)ref_data(g, n->in[2])[c] : 0;
                    y[ref_at(&out, b, c, h, w)] = (float)(r.sum + bias);
                }
}

static inline void ref_pool(const struct haq_graph *g, const struct haq_node *n,
                            float *y)
{
    struct ref_image in = ref_image(g, n->in[0]), out = ref_image(g, n->out[0]);

    for (int64_t b = 0; b < out.n; b++)
        for (int64_t c = 0; c < out.c; c++)
            for (int64_t h = 0; h < out.h; h++)
                for (int64_t w = 0; w < out.w; w++) {
                    struct ref_window r = ref_look(n, ref_data(g, n->in[0]),
                                                   &in, b, c, 1, h, w, NULL);
                    double mean =
                        r.sum / (double)(n->attr.window.count_pad ? r.padded
                                                                  : r.inside);
                    y[ref_at(&out, b, c, h, w)] =
                        (float)(n->op->code == HAQ_OP_MAX_POOL ? r.max : mean);
                }
}

static inline void ref_global_pool(const struct haq_graph *g,
                                   const struct haq_node *n, float *y)
{
    struct ref_image in = ref_image(g, n->in[0]), out = ref_image(g, n->out[0]);

    for (int64_t b = 0; b < in.n; b++)
        for (int64_t c = 0; c < in.c; c++) {
            double sum = 0;
            for (int64_t i = 0; i < in.h * in.w; i++)
                sum += (double)ref_data(
                    g, n->in[0])[ref_at(&in, b, c, i / in.w, i % in.w)];
            y[ref_at(&out, b, c, 0, 0)] = (float)(sum / (double)(in.h * in.w));
        }
}

static inline void ref_batch_norm(const struct haq_graph *g,
                                  const struct haq_node *n, float *y)
{
    struct ref_image in = ref_image(g, n->in[0]);
    const float *p[5];

    for (int k = 0; k < 5; k++)
        p[k] = ref_data(g, n->in[k]);
    for (int64_t b = 0; b < in.n; b++)
        for (int64_t c = 0; c < in.c; c++)
            for (int64_t i = 0; i < in.h * in.w; i++) {
                size_t at = ref_at(&in, b, c, i / in.w, i % in.w);
                double x = (double)p[0][at];
                y[at] = (float)((x - (double)p[3][c]) /
                                    sqrt((double)p[4][c] +
                                         (double)n->attr.epsilon) *
                                    (double)p[1][c] +
                                (double)p[2][c]);
            }
}

/* Gemm, and MatMul by a constant matrix: rows times [K][N] or [N][K]. */
static inline void ref_product(const struct haq_graph *g,
                               const struct haq_node *n, float *y)
{
    const struct haq_value *a = &g->values[n->in[0]], *b = &g->values[n->in[1]];
    int64_t k = b->shape.dims[n->attr.trans_b];
    int64_t cols = b->shape.dims[!n->attr.trans_b];
    int64_t rows = (int64_t)a->count / k;

    for (int64_t i = 0; i < rows * cols; i++) {
        double sum = n->n_in > 2 ? (double)ref_data(g, n->in[2])[i % cols] : 0;
        for (int64_t e = 0; e < k; e++) {
            int64_t at =
                n->attr.trans_b ? i % cols * k + e : e * cols + i % cols;
            sum += (double)ref_data(g, n->in[0])[i / cols * k + e] *
                   (double)ref_data(g, n->in[1])[at];
        }
        y[i] = (float)sum;
    }
}

static inline void ref_reduce_mean(const struct haq_graph *g,
                                   const struct haq_node *n, float *y)
{
    const struct haq_value *x = &g->values[n->in[0]];
    size_t out_count = g->values[n->out[0]].count;
    double *sum = calloc(out_count, sizeof *sum);

    for (size_t i = 0; i < x->count; i++) {
        size_t left = i, at = 0, step = 1;
        for (int a = x->shape.rank - 1; a >= 0; a--) {
            size_t dim = (size_t)x->shape.dims[a], index = left % dim;
            bool cut = false;
            left /= dim;
            for (int k = 0; k < n->attr.n_axes; k++)
                cut |= n->attr.axes[k] == a;
            if (cut)
                continue;
            at += index * step;
            step *= dim;
        }
        sum[at] += (double)((const float *)x->data)[i];
    }
    for (size_t i = 0; i < out_count; i++)
        y[i] = (float)(sum[i] * (double)out_count / (double)x->count);
    free(sum);
}

static inline void ref_softmax(const struct haq_graph *g,
                               const struct haq_node *n, float *y)
{
    const struct haq_value *x = &g->values[n->in[0]];
    const float *p = x->data;
    size_t inner = 1, dim = (size_t)x->shape.dims[n->attr.axis];

    for (int i = (int)n->attr.axis + 1; i < x->shape.rank; i++)
        inner *= (size_t)x->shape.dims[i];
    for (size_t row = 0; row < x->count / dim; row++) {
        size_t base = row / inner * inner * dim + row % inner;
        double sum = 0;
        for (size_t i = 0; i < dim; i++)
            sum += exp((double)p[base + i * inner]);
        for (size_t i = 0; i < dim; i++)
            y[base + i * inner] =
                (float)(exp((double)p[base + i * inner]) / sum);
    }
}

static inline void ref_copy(const struct haq_graph *g, const struct haq_node *n,
                            float *y)
{
    for (size_t i = 0; i < g->values[n->out[0]].count; i++)
        y[i] = ref_data(g, n->in[0])[i];
}

static inline void ref_sigmoid(const struct haq_graph *g,
                               const struct haq_node *n, float *y)
{
    for (size_t i = 0; i < g->values[n->out[0]].count; i++)
        y[i] = (float)(1 / (1 + exp(-(double)ref_data(g, n->in[0])[i])));
}

static const struct {
    enum haq_opcode code;
    void (*run)(const struct haq_graph *, const struct haq_node *, float *);
} ref_ops[] = {
    {HAQ_OP_CONV, ref_conv},
    {HAQ_OP_MAX_POOL, ref_pool},
    {HAQ_OP_AVERAGE_POOL, ref_pool},
    {HAQ_OP_GLOBAL_AVERAGE_POOL, ref_global_pool},
    {HAQ_OP_BATCH_NORM, ref_batch_norm},
    {HAQ_OP_GEMM, ref_product},
    {HAQ_OP_MATMUL, ref_product},
    {HAQ_OP_REDUCE_MEAN, ref_reduce_mean},
    {HAQ_OP_SOFTMAX, ref_softmax},
    {HAQ_OP_RELU, ref_copy},
    {HAQ_OP_CLIP, ref_copy},
    {HAQ_OP_SIGMOID, ref_sigmoid},
};

/* Node i with all inputs known: its output, fused clamp included. */
static inline void ref_node(struct haq_graph *g, int i)
{
    struct haq_node n = g->nodes[i];
    bool folded = false;

    for (size_t k = 0; k < sizeof ref_ops / sizeof *ref_ops; k++)
        if (ref_ops[k].code == n.op->code) {
            struct haq_value *y = &g->values[n.out[0]];
            float *data = haq_arena_array(&g->arena, y->count, sizeof *data);
            CU_ASSERT_PTR_NOT_NULL_FATAL(data);
            ref_ops[k].run(g, &n, data);
            y->data = data;
            folded = true;
        }
    if (!folded)
        CU_ASSERT_EQUAL_FATAL(haq_fold_node(g, i, &folded, NULL), HAQ_OK);
    CU_ASSERT_FATAL(folded);
    struct haq_value *y = &g->values[n.out[0]];
    for (size_t e = 0; e < y->count && y->dtype == HAQ_F32; e++) {
        /* Folded data is ours alone: nobody else has read it yet. */
        float *v = (float *)(uintptr_t)y->data + e;
        *v = fminf(fmaxf(*v, n.clamp.lo), n.clamp.hi);
    }
}

/* Feed input 0 with values from `seed` and run everything. */
static inline void ref_run(struct haq_graph *g, uint64_t seed)
{
    struct haq_value *x = &g->values[g->inputs[0]];
    float *data = haq_arena_array(&g->arena, x->count, sizeof *data);

    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    for (size_t i = 0; i < x->count; i++)
        data[i] = (float)(next_random(&seed) >> 40) / (1 << 23) - 1;
    x->data = data;
    for (int i = 0; i < g->n_nodes; i++)
        ref_node(g, i);
}

#endif
