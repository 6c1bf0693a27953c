#include "runtime/sample_layer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "graph/op.h"
#include "quant/qweight.h"

enum { NODES = 2, INPUTS = 3, FOLLOWING_STRIDE = 8, FOLLOWING_CHANNELS = 16 };

#define PRODUCT(M, N, K)                                                       \
    {                                                                          \
        .name = #M "x" #N "x" #K, .m = M, .n = N, .k = K                       \
    }
#define CONV(text, hw, ci, co, kern, str, dw)                                  \
    {                                                                          \
        .name = text, .size = hw, .c = ci, .o = co, .kernel = kern,            \
        .stride = str, .pad = kern / 2, .depthwise = dw                        \
    }

const struct haq_layer_shape haq_layer_shapes[] = {
    PRODUCT(1, 1024, 1024),
    PRODUCT(1, 4096, 4096),
    PRODUCT(128, 768, 768),
    PRODUCT(128, 3072, 768),
    PRODUCT(512, 512, 512),
    CONV("7x7s2 224x224x3->64", 224, 3, 64, 7, 2, false),
    CONV("3x3 56x56x64->64", 56, 64, 64, 3, 1, false),
    CONV("3x3 28x28x128->128", 28, 128, 128, 3, 1, false),
    CONV("3x3 14x14x256->256", 14, 256, 256, 3, 1, false),
    CONV("3x3 7x7x512->512", 7, 512, 512, 3, 1, false),
    CONV("1x1 56x56x64->256", 56, 64, 256, 1, 1, false),
    CONV("1x1 14x14x1024->256", 14, 1024, 256, 1, 1, false),
    CONV("3x3 32x32x16->16", 32, 16, 16, 3, 1, false),
    CONV("3x3 8x8x64->64", 8, 64, 64, 3, 1, false),
    CONV("depthwise 3x3 112x112x32", 112, 32, 32, 3, 1, true),
    CONV("depthwise 3x3 14x14x384", 14, 384, 384, 3, 1, true),
    CONV("depthwise 3x3s2 112x112x96", 112, 96, 96, 3, 2, true),
    {0}};

static size_t out_size(const struct haq_layer_shape *s)
{
    return (s->size + 2 * s->pad - s->kernel) / s->stride + 1;
}

/* Weights that make one output. */
static size_t taps(const struct haq_layer_shape *s)
{
    return s->kernel ? s->kernel * s->kernel * (s->depthwise ? 1 : s->c) : s->k;
}

double haq_layer_ops(const struct haq_layer_shape *s)
{
    double out = s->kernel ? (double)(out_size(s) * out_size(s) * s->o)
                           : (double)(s->m * s->n);
    return 2 * out * (double)taps(s);
}

struct haq_sample_layer {
    struct haq_graph *graph;
    struct haq_qgraph q;
    bool quantized;
    struct haq_qinput in[NODES][INPUTS];
    struct haq_qnode node[NODES];
    struct haq_qweight weight[NODES];
    size_t bytes;
};

static int add_value(struct haq_sample_layer *l, const char *name,
                     struct haq_shape shape)
{
    return haq_graph_add_value(l->graph, name, HAQ_F32, &shape);
}

static int add_const(struct haq_sample_layer *l, const char *name,
                     struct haq_shape shape, const float *data)
{
    return haq_graph_add_const(l->graph, name, HAQ_F32, &shape, data);
}

static struct haq_shape shape4(size_t n, size_t h, size_t w, size_t c)
{
    return (struct haq_shape){4,
                              {(int64_t)n, (int64_t)h, (int64_t)w, (int64_t)c}};
}

static struct haq_shape shape2(size_t rows, size_t cols)
{
    return (struct haq_shape){2, {(int64_t)rows, (int64_t)cols}};
}

/* Codes of w, [n][k]; the layer then reads uint8 codes of about [-1, 1]. */
static haq_status quantize(struct haq_sample_layer *l, int node,
                           const char *format, const float *w, size_t n,
                           size_t k, struct haq_diag *d)
{
    struct haq_weight_spec spec;
    struct haq_qinput *in = &l->in[node][0];
    struct haq_qweight *q = &l->weight[node];
    haq_status s = haq_weight_spec_parse(&spec, format, d);

    if (s == HAQ_OK)
        s = haq_qweight_scales(q, w, n, k, &spec, d);
    if (s == HAQ_OK)
        s = haq_qweight_round(q, w, d);
    if (s == HAQ_OK)
        s = haq_act_spec_parse(&in->spec, "uint8", d);
    if (s != HAQ_OK)
        return s;
    in->quantized = true;
    in->params = haq_act_params_from_range(&in->spec, -1, 1);
    l->node[node].weight = q;
    if (node == 0)
        l->bytes = haq_qweight_bytes(&spec, n, k);
    return HAQ_OK;
}

static int add_node(struct haq_sample_layer *l, enum haq_opcode op,
                    const char *name, const int in[INPUTS], int out)
{
    int i = haq_graph_add_node(l->graph, haq_op(op), name, INPUTS, 1);
    if (i < 0)
        return i;
    struct haq_node *n = &l->graph->nodes[i];
    memcpy(n->in, in, INPUTS * sizeof *in);
    n->out[0] = out;
    n->layer = n->name;
    n->clamp = (struct haq_clamp){-INFINITY, INFINITY};
    l->node[i].in = l->in[i];
    return i;
}

static void fill(float *x, size_t n, uint64_t seed)
{
    struct haq_rng r;
    haq_rng_seed(&r, seed);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(2 * haq_rng_unit(&r) - 1);
}

static float *random_floats(size_t n)
{
    float *x = malloc(n * sizeof *x);
    if (x)
        fill(x, n, 2);
    return x;
}

/* The graph holds w as [k][n], codes are made from [n][k]: the numbers are
 * random, so the same block serves as both. */
static haq_status add_product(struct haq_sample_layer *l,
                              const struct haq_layer_shape *s,
                              const char *format, int *in, int *out,
                              struct haq_diag *d)
{
    float *numbers = random_floats(s->n * s->k);
    if (!numbers)
        return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    *in = add_value(l, "x", shape2(s->m, s->k));
    *out = add_value(l, "y", shape2(s->m, s->n));
    struct haq_shape bias = {1, {(int64_t)s->n}};
    int inputs[INPUTS] = {*in, add_const(l, "w", shape2(s->k, s->n), numbers),
                          add_const(l, "b", bias, numbers)};
    int node = add_node(l, HAQ_OP_MATMUL, "layer", inputs, *out);
    haq_status status = node < 0 || inputs[1] < 0 || inputs[2] < 0
                            ? haq_fail(d, HAQ_NOMEM, "layer %s", s->name)
                            : HAQ_OK;
    if (status == HAQ_OK && format)
        status = quantize(l, node, format, numbers, s->n, s->k, d);
    free(numbers);
    return status;
}

static haq_status add_conv(struct haq_sample_layer *l, const char *name,
                           const char *format, const struct haq_layer_shape *s,
                           int in, int *out, struct haq_diag *d)
{
    size_t k = taps(s), to = out_size(s);
    float *numbers = random_floats(s->o * k + s->o);
    char text[3][32];
    int64_t kernel = (int64_t)s->kernel, stride = (int64_t)s->stride;
    int64_t pad = (int64_t)s->pad;

    if (!numbers)
        return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    snprintf(text[0], sizeof text[0], "%s.w", name);
    snprintf(text[1], sizeof text[1], "%s.b", name);
    snprintf(text[2], sizeof text[2], "%s.y", name);
    *out = add_value(l, text[2], shape4(1, to, to, s->o));
    struct haq_shape bias = {1, {(int64_t)s->o}};
    struct haq_shape w =
        shape4(s->o, s->depthwise ? 1 : s->c, s->kernel, s->kernel);
    int inputs[INPUTS] = {in, add_const(l, text[0], w, numbers),
                          add_const(l, text[1], bias, numbers)};
    int node = add_node(l, HAQ_OP_CONV, name, inputs, *out);
    if (*out < 0 || node < 0 || inputs[1] < 0 || inputs[2] < 0) {
        free(numbers);
        return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    }
    l->graph->nodes[node].attr.window =
        (struct haq_window){.kernel = {kernel, kernel},
                            .stride = {stride, stride},
                            .dilation = {1, 1},
                            .pad = {pad, pad, pad, pad},
                            .group = s->depthwise ? (int64_t)s->c : 1};
    l->graph->nodes[node].clamp.lo = 0;
    haq_status status =
        format ? quantize(l, node, format, numbers, s->o, k, d) : HAQ_OK;
    free(numbers);
    return status;
}

static haq_status add_convs(struct haq_sample_layer *l,
                            const struct haq_layer_shape *s, const char *format,
                            int *in, int *out, struct haq_diag *d)
{
    struct haq_layer_shape after = {.name = s->name,
                                    .size = out_size(s),
                                    .c = s->o,
                                    .o = FOLLOWING_CHANNELS,
                                    .kernel = 1,
                                    .stride = FOLLOWING_STRIDE};
    *in = add_value(l, "x", shape4(1, s->size, s->size, s->c));
    haq_status status = add_conv(l, "layer", format, s, *in, out, d);
    if (status == HAQ_OK && format)
        status = add_conv(l, "after", "int8", &after, *out, out, d);
    return status;
}

static haq_status build(struct haq_sample_layer *l,
                        const struct haq_layer_shape *s, const char *format,
                        struct haq_diag *d)
{
    int in, out;
    l->graph = haq_graph_new();
    if (!l->graph)
        return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    l->graph->nhwc = true;
    l->graph->batch = s->kernel ? 1 : (int64_t)s->m;
    l->bytes = sizeof(float) * taps(s) * (s->kernel ? s->o : s->n);
    haq_status status = s->kernel ? add_convs(l, s, format, &in, &out, d)
                                  : add_product(l, s, format, &in, &out, d);
    if (status != HAQ_OK)
        return status;
    l->graph->inputs = haq_arena_copy(&l->graph->arena, &in, sizeof in);
    l->graph->outputs = haq_arena_copy(&l->graph->arena, &out, sizeof out);
    if (!l->graph->inputs || !l->graph->outputs)
        return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    l->graph->n_inputs = l->graph->n_outputs = 1;
    l->quantized = format;
    l->q = (struct haq_qgraph){.graph = l->graph, .node = l->node};
    return haq_graph_rebuild(l->graph, d);
}

haq_status haq_sample_layer_new(struct haq_sample_layer **out,
                                const struct haq_layer_shape *s,
                                const char *weights, struct haq_diag *d)
{
    struct haq_sample_layer *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    haq_status status = build(l, s, weights, d);
    if (status == HAQ_OK)
        *out = l;
    else
        haq_sample_layer_free(l);
    return status;
}

void haq_sample_layer_free(struct haq_sample_layer *l)
{
    if (!l)
        return;
    for (int i = 0; i < NODES; i++)
        haq_qweight_fini(&l->weight[i]);
    haq_graph_free(l->graph);
    free(l);
}

size_t haq_sample_layer_bytes(const struct haq_sample_layer *l)
{
    return l->bytes;
}

/* ---- running it --------------------------------------------------------- */

struct haq_layer_run {
    struct haq_plan *plan;
    struct haq_exec *exec;
    size_t steps;
    uint64_t *step_ns;
    const char *kernel; /* of the last of the layer's steps */
};

static bool own_step(const struct haq_layer_run *r, size_t i)
{
    const char *layer = haq_plan_step(r->plan, i).layer;
    return layer && !strcmp(layer, "layer");
}

haq_status haq_layer_run_new(struct haq_layer_run **out,
                             const struct haq_sample_layer *l,
                             struct haq_pool *pool, unsigned isa,
                             struct haq_diag *d)
{
    struct haq_plan_options opt = {.isa = isa};
    struct haq_layer_run *r = calloc(1, sizeof *r);
    *out = NULL;
    if (!r)
        return haq_fail(d, HAQ_NOMEM, "running a layer");
    haq_status s =
        haq_plan_new(&r->plan, l->graph, l->quantized ? &l->q : NULL, &opt, d);
    if (s == HAQ_OK)
        s = haq_exec_new(&r->exec, r->plan, pool, d);
    if (s == HAQ_OK) {
        r->steps = haq_plan_steps(r->plan);
        r->step_ns = calloc(r->steps, sizeof *r->step_ns);
        if (!r->step_ns)
            s = haq_fail(d, HAQ_NOMEM, "running a layer");
    }
    if (s != HAQ_OK) {
        haq_layer_run_free(r);
        return s;
    }
    for (size_t i = 0; i < r->steps; i++)
        if (own_step(r, i))
            r->kernel = haq_plan_step(r->plan, i).kernel;
    fill(haq_exec_input(r->exec, 0),
         l->graph->values[l->graph->inputs[0]].count, 3);
    *out = r;
    return HAQ_OK;
}

void haq_layer_run_free(struct haq_layer_run *r)
{
    if (!r)
        return;
    haq_exec_free(r->exec);
    haq_plan_free(r->plan);
    free(r->step_ns);
    free(r);
}

uint64_t haq_layer_run(struct haq_layer_run *r)
{
    uint64_t ns = 0;
    memset(r->step_ns, 0, r->steps * sizeof *r->step_ns);
    haq_exec_run_timed(r->exec, r->step_ns);
    for (size_t i = 0; i < r->steps; i++)
        ns += own_step(r, i) ? r->step_ns[i] : 0;
    return ns;
}

const char *haq_layer_run_kernel(const struct haq_layer_run *r)
{
    return r->kernel ? r->kernel : "";
}
