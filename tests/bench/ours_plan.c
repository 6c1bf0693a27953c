/* Ours as users get it: a network of one layer, run by the runtime; the layer's
 * own steps are what counts.  A convolution is followed by a small layer, so
 * that it writes codes as it does inside a network. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "graph/op.h"
#include "runtime/exec.h"
#include "tests/bench/ours.h"

enum { NODES = 2, INPUTS = 3, FOLLOWING_STRIDE = 8 };

struct copy {
    struct haq_plan *plan;
    struct haq_exec *exec;
};

struct ours {
    struct haq_graph *graph;
    struct haq_qgraph q;
    struct haq_qinput in[NODES][INPUTS];
    struct haq_qnode node[NODES];
    struct haq_qweight weight[NODES];
    struct copy *copy; /* [copies] the same weights elsewhere in memory */
    size_t copies, next, steps;
    uint64_t *step_ns;
    bool *counts; /* [steps] steps of the layer itself */
};

static int add_value(struct ours *o, const char *name,
                     const struct haq_shape *shape)
{
    return haq_graph_add_value(o->graph, name, HAQ_F32, shape);
}

static int add_const(struct ours *o, const char *name,
                     const struct haq_shape *shape, const float *data)
{
    return haq_graph_add_const(o->graph, name, HAQ_F32, shape, data);
}

static struct haq_shape image(size_t n, size_t h, size_t w, size_t c)
{
    return (struct haq_shape){4,
                              {(int64_t)n, (int64_t)h, (int64_t)w, (int64_t)c}};
}

static struct haq_shape matrix(size_t rows, size_t cols)
{
    return (struct haq_shape){2, {(int64_t)rows, (int64_t)cols}};
}

/* Codes of w, [n][k]; the layer then reads uint8 codes of about [-1, 1]. */
static bool quantize(struct ours *o, int node, const char *spec, const float *w,
                     size_t n, size_t k)
{
    struct haq_weight_spec s;
    struct haq_qinput *in = &o->in[node][0];
    struct haq_qweight *q = &o->weight[node];

    if (haq_weight_spec_parse(&s, spec, NULL) ||
        haq_qweight_scales(q, w, n, k, &s, NULL) ||
        haq_qweight_round(q, w, NULL) ||
        haq_act_spec_parse(&in->spec, "uint8", NULL))
        return false;
    in->quantized = true;
    in->params = haq_act_params_from_range(&in->spec, -1, 1);
    o->node[node].weight = q;
    return true;
}

static int add_node(struct ours *o, enum haq_opcode op, const char *name,
                    const int in[INPUTS], int out)
{
    int i = haq_graph_add_node(o->graph, haq_op(op), name, INPUTS, 1);
    struct haq_node *n = &o->graph->nodes[i];
    memcpy(n->in, in, INPUTS * sizeof *in);
    n->out[0] = out;
    n->layer = n->name;
    n->clamp = (struct haq_clamp){-INFINITY, INFINITY};
    o->node[i].in = o->in[i];
    return i;
}

static float *random_floats(size_t n, uint64_t seed)
{
    float *x = bench_alloc(n * sizeof *x);
    bench_fill_floats(x, n, seed);
    return x;
}

/* y[m][n] = x[m][k] w + b.  The graph holds w as [k][n], codes are made from
 * [n][k]: the numbers are random, so the same block serves as both. */
static bool add_product(struct ours *o, const struct bench_work *work,
                        const char *spec, int *in, int *out)
{
    const struct bench_shape *s = work->shape;
    struct haq_shape x = matrix(s->m, s->k), y = matrix(s->m, s->n);
    struct haq_shape w = matrix(s->k, s->n), b = {1, {(int64_t)s->n}};
    float *numbers = random_floats(s->n * s->k, 2);

    *in = add_value(o, "x", &x);
    *out = add_value(o, "y", &y);
    int inputs[INPUTS] = {*in, add_const(o, "w", &w, numbers),
                          add_const(o, "b", &b, numbers)};
    int node = add_node(o, HAQ_OP_MATMUL, "layer", inputs, *out);
    bool good = !spec || quantize(o, node, spec, numbers, s->n, s->k);
    free(numbers);
    return good;
}

static bool add_conv(struct ours *o, const char *name, const char *spec,
                     const struct bench_conv *c, int in, int *out)
{
    size_t to = (c->size + 2 * c->pad - c->kernel) / c->stride + 1;
    size_t from = c->depthwise ? 1 : c->c, k = from * c->kernel * c->kernel;
    struct haq_shape y = image(1, to, to, c->o);
    struct haq_shape w = image(c->o, from, c->kernel, c->kernel);
    struct haq_shape b = {1, {(int64_t)c->o}};
    float *numbers = random_floats(c->o * k + c->o, 2);
    char text[3][32];
    int64_t kernel = (int64_t)c->kernel, stride = (int64_t)c->stride;
    int64_t pad = (int64_t)c->pad;

    snprintf(text[0], sizeof text[0], "%s.w", name);
    snprintf(text[1], sizeof text[1], "%s.b", name);
    snprintf(text[2], sizeof text[2], "%s.y", name);
    *out = add_value(o, text[2], &y);
    int inputs[INPUTS] = {in, add_const(o, text[0], &w, numbers),
                          add_const(o, text[1], &b, numbers)};
    int node = add_node(o, HAQ_OP_CONV, name, inputs, *out);
    o->graph->nodes[node].attr.window =
        (struct haq_window){.kernel = {kernel, kernel},
                            .stride = {stride, stride},
                            .dilation = {1, 1},
                            .pad = {pad, pad, pad, pad},
                            .group = c->depthwise ? (int64_t)c->c : 1};
    o->graph->nodes[node].clamp.lo = 0;
    bool good = !spec || quantize(o, node, spec, numbers, c->o, k);
    free(numbers);
    return good;
}

static bool add_convs(struct ours *o, const struct bench_work *work,
                      const char *spec, int *in, int *out)
{
    const struct bench_conv *c = &work->shape->conv;
    struct haq_shape x = image(1, c->size, c->size, c->c);
    struct bench_conv after = {.size = (c->size - 1) / c->stride + 1,
                               .c = c->o,
                               .o = 16,
                               .kernel = 1,
                               .stride = FOLLOWING_STRIDE};
    *in = add_value(o, "x", &x);
    return add_conv(o, "layer", spec, c, *in, out) &&
           (!spec || add_conv(o, "after", "int8", &after, *out, out));
}

static bool build_graph(struct ours *o, const struct bench_work *work,
                        const char *spec)
{
    struct haq_diag d = {0};
    int in, out;
    bool good;

    o->graph = haq_graph_new();
    o->graph->nhwc = true;
    o->graph->batch = work->shape->is_conv ? 1 : (int64_t)work->shape->m;
    good = work->shape->is_conv ? add_convs(o, work, spec, &in, &out)
                                : add_product(o, work, spec, &in, &out);
    if (!good)
        return false;
    o->graph->inputs = haq_arena_copy(&o->graph->arena, &in, sizeof in);
    o->graph->outputs = haq_arena_copy(&o->graph->arena, &out, sizeof out);
    o->graph->n_inputs = o->graph->n_outputs = 1;
    o->q = (struct haq_qgraph){.graph = o->graph, .node = o->node};
    return !haq_graph_rebuild(o->graph, &d);
}

static haq_status add_copy(struct ours *o, const struct bench_env *env,
                           bool quantized, struct haq_diag *d)
{
    struct haq_plan_options opt = {.isa = env->isa};
    struct copy *c = &o->copy[o->copies];
    haq_status s =
        haq_plan_new(&c->plan, o->graph, quantized ? &o->q : NULL, &opt, d);
    if (s == HAQ_OK)
        s = haq_exec_new(&c->exec, c->plan, env->pool, d);
    if (s != HAQ_OK) {
        haq_plan_free(c->plan);
        return s;
    }
    const struct haq_value *x = &o->graph->values[o->graph->inputs[0]];
    bench_fill_floats(haq_exec_input(c->exec, 0), x->count, 3);
    o->copies++;
    return s;
}

static void free_ours(void *self)
{
    struct ours *o = self;
    for (size_t i = 0; i < o->copies; i++) {
        haq_exec_free(o->copy[i].exec);
        haq_plan_free(o->copy[i].plan);
    }
    for (int i = 0; i < NODES; i++)
        haq_qweight_fini(&o->weight[i]);
    haq_graph_free(o->graph);
    free(o->copy);
    free(o->step_ns);
    free(o->counts);
    free(o);
}

static uint64_t run_ours(void *self, size_t calls)
{
    struct ours *o = self;
    uint64_t ns = 0;

    memset(o->step_ns, 0, o->steps * sizeof *o->step_ns);
    for (size_t i = 0; i < calls; i++) {
        haq_exec_run_timed(o->copy[o->next].exec, o->step_ns);
        o->next = o->next + 1 < o->copies ? o->next + 1 : 0;
    }
    for (size_t i = 0; i < o->steps; i++)
        ns += o->counts[i] ? o->step_ns[i] : 0;
    return ns;
}

/* Which steps are the layer's, and what runs it. */
static bool find_steps(struct ours *o, struct bench_entry *e)
{
    const struct haq_plan *p = o->copy[0].plan;
    o->steps = haq_plan_steps(p);
    o->step_ns = calloc(o->steps, sizeof *o->step_ns);
    o->counts = calloc(o->steps, sizeof *o->counts);
    for (size_t i = 0; o->step_ns && o->counts && i < o->steps; i++) {
        struct haq_step_info info = haq_plan_step(p, i);
        if (!info.layer || strcmp(info.layer, "layer") != 0)
            continue;
        o->counts[i] = true;
        snprintf(e->detail, sizeof e->detail, "%s", info.kernel);
    }
    return e->detail[0];
}

bool bench_ours_plan(struct bench_entry *e, const struct bench_work *w,
                     const struct bench_env *env)
{
    struct ours *o = calloc(1, sizeof *o);
    char spec[HAQ_SPEC_TEXT];
    struct haq_weight_spec parsed;
    struct haq_diag d = {0};
    bool quantized = bench_spec(spec, w);
    size_t copies;

    if (!o || (quantized && haq_weight_spec_parse(&parsed, spec, NULL)) ||
        !build_graph(o, w, quantized ? spec : NULL)) {
        if (o)
            free_ours(o);
        return false;
    }
    e->weight_bytes =
        quantized ? (double)haq_qweight_bytes(&parsed, w->shape->n, w->shape->k)
                  : 4.0 * (double)(w->shape->n * w->shape->k);
    copies = bench_copies(w->shape, (size_t)e->weight_bytes, env);
    o->copy = calloc(copies, sizeof *o->copy);
    for (size_t i = 0; o->copy && i < copies; i++)
        if (add_copy(o, env, quantized, &d)) {
            fprintf(stderr, "ours, %s %s: %s\n", w->shape->name, spec, d.text);
            free_ours(o);
            return false;
        }
    e->who = "ours";
    e->ours = true;
    e->rest_ms = 2;
    e->run = run_ours;
    e->free = free_ours;
    e->self = o;
    return find_steps(o, e);
}
