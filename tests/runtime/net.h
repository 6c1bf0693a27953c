/* tests/runtime/net.h - random quantized networks, built beside their
 * reference.
 */
#ifndef HAQ_TESTS_RUNTIME_NET_H
#define HAQ_TESTS_RUNTIME_NET_H

#include "base/cpu.h"
#include "runtime/exec.h"
#include "tests/runtime/reference.h"

static const struct haq_clamp none = {-INFINITY, INFINITY};

struct net {
    struct haq_graph *g;
    struct haq_qgraph q;
    struct haq_qinput in[8][2];
    struct haq_qnode node[8];
    struct haq_qweight weight[8];
    float *bias[8];
    uint64_t seed;
};

static inline float uniform(struct net *t)
{
    return (float)(next_random(&t->seed) >> 40) / (float)(1 << 24) * 2 - 1;
}

static inline size_t below(struct net *t, size_t n)
{
    return (size_t)(next_random(&t->seed) % n);
}

static inline float *numbers(struct net *t, size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = uniform(t);
    return x;
}

static inline int add_value(struct net *t, const struct ref *r)
{
    char name[32];
    struct haq_shape s = {
        4, {(int64_t)r->n, (int64_t)r->h, (int64_t)r->w, (int64_t)r->c}};
    snprintf(name, sizeof name, "v%d", t->g->n_values);
    return haq_graph_add_value(t->g, name, HAQ_F32, &s);
}

static inline int add_const(struct net *t, const float *data, int rank,
                            size_t a, size_t b, size_t c, size_t d)
{
    char name[32];
    struct haq_shape s = {rank,
                          {(int64_t)a, (int64_t)b, (int64_t)c, (int64_t)d}};
    snprintf(name, sizeof name, "v%d", t->g->n_values);
    return haq_graph_add_const(t->g, name, HAQ_F32, &s, data);
}

static inline int add_node(struct net *t, enum haq_opcode op, const int *in,
                           int n_in, int out)
{
    char name[32];
    snprintf(name, sizeof name, "n%d", t->g->n_nodes);
    int i = haq_graph_add_node(t->g, haq_op(op), name, n_in, 1);
    struct haq_node *n = &t->g->nodes[i];
    memcpy(n->in, in, (size_t)n_in * sizeof *in);
    n->out[0] = out;
    t->node[i].in = t->in[i];
    return i;
}

static inline void quantize_input(struct net *t, int node, int input,
                                  const struct haq_act_spec *spec,
                                  const struct ref *x)
{
    t->in[node][input] = (struct haq_qinput){.quantized = true,
                                             .dynamic = spec->dynamic,
                                             .spec = *spec,
                                             .params = x->p};
}

static inline struct haq_act_spec act(const char *text)
{
    struct haq_act_spec s = {0};
    CU_ASSERT_FATAL(!haq_act_spec_parse(&s, text, NULL));
    return s;
}

/* What a random layer is made of. */
struct layer {
    struct haq_window w;
    size_t out;         /* channels */
    const char *weight; /* format, or "signs": all weights are -1 or 1 */
    struct haq_clamp clamp;
};

static inline struct haq_window window(int64_t kernel, int64_t stride,
                                       int64_t dilation, int64_t pad,
                                       int64_t group)
{
    return (struct haq_window){{kernel, kernel},
                               {stride, stride},
                               {dilation, dilation},
                               {pad, pad, pad, pad},
                               group,
                               false,
                               false};
}

static inline size_t out_size(size_t in, const struct haq_window *w)
{
    int64_t span = w->dilation[0] * (w->kernel[0] - 1) + 1;
    int64_t pads = w->pad[0] + w->pad[2]; /* as many on both axes */
    return (size_t)(((int64_t)in + pads - span) / w->stride[0] + 1);
}

/* Add a convolution that reads value `in` (x) to the graph and compute its
 * output by the reference.  *out is the value it writes. */
static inline struct ref add_layer(struct net *t, const struct layer *l, int in,
                                   const struct ref *x,
                                   const struct haq_act_spec *ax,
                                   const struct haq_act_spec *ay, int *out)
{
    size_t taps = (size_t)(l->w.kernel[0] * l->w.kernel[1]);
    size_t channels = x->c / (size_t)l->w.group, k = channels * taps;
    struct ref y =
        ref_new(x->n, out_size(x->h, &l->w), out_size(x->w, &l->w), l->out);
    struct haq_weight_spec spec;
    bool signs = !strcmp(l->weight, "signs");
    float *w = numbers(t, l->out * k), *bias = numbers(t, l->out);
    for (size_t i = 0; signs && i < l->out * k; i++)
        w[i] = w[i] < 0 ? -1 : 1;
    *out = add_value(t, &y);
    int inputs[3] = {in,
                     add_const(t, w, 4, l->out, channels,
                               (size_t)l->w.kernel[0], (size_t)l->w.kernel[1]),
                     add_const(t, bias, 1, l->out, 0, 0, 0)};
    int node = add_node(t, HAQ_OP_CONV, inputs, 3, *out);
    struct haq_qweight *q = &t->weight[node];

    CU_ASSERT_FATAL(
        !haq_weight_spec_parse(&spec, signs ? "int2" : l->weight, NULL));
    CU_ASSERT_FATAL(!haq_qweight_scales(q, w, l->out, k, &spec, NULL));
    CU_ASSERT_FATAL(!haq_qweight_round(q, w, NULL));
    t->g->nodes[node].layer = t->g->nodes[node].name;
    t->g->nodes[node].attr.window = l->w;
    t->g->nodes[node].clamp = l->clamp;
    t->node[node].weight = q;
    t->bias[node] = bias;
    quantize_input(t, node, 0, ax, x);
    if (q->codes) /* the reference knows integers only */
        ref_layer(&y, x, &l->w, q, bias, l->clamp, ay);
    free(w);
    return y;
}

static inline struct net new_net(uint64_t seed, const struct ref *x, int *in)
{
    struct net t = {.g = haq_graph_new(), .seed = seed};
    t.g->nhwc = true;
    t.g->batch = (int64_t)x->n;
    *in = add_value(&t, x);
    return t;
}

static inline void end_net(struct net *t, int in, int out)
{
    t->g->inputs = haq_arena_copy(&t->g->arena, &in, sizeof in);
    t->g->outputs = haq_arena_copy(&t->g->arena, &out, sizeof out);
    t->g->n_inputs = t->g->n_outputs = 1;
    struct haq_diag d = {0};
    if (haq_graph_rebuild(t->g, &d))
        printf("\n    %s\n", d.text);
    t->q = (struct haq_qgraph){.graph = t->g, .node = t->node};
}

static inline void free_net(struct net *t)
{
    for (int i = 0; i < 8; i++) {
        haq_qweight_fini(&t->weight[i]);
        free(t->bias[i]);
    }
    haq_graph_free(t->g);
}

/* Run with each instruction set, alone and with a pool; compare all bits. */
static inline bool runs_as(struct net *t, const struct ref *x,
                           const struct ref *y, struct haq_pool *pool)
{
    static const char *const names[] = {"none", "avx2", "avx512", "avx512vnni",
                                        "avx512amx"};
    bool same = true;
    for (int i = 0; i < 10; i++) {
        struct haq_plan_options opt = {0};
        struct haq_diag d = {0};
        struct haq_plan *plan = NULL;
        struct haq_exec *e = NULL;
        if (haq_cpu_isa_parse(names[i / 2], &opt.isa, NULL))
            continue;
        if (haq_plan_new(&plan, t->g, &t->q, &opt, &d) ||
            haq_exec_new(&e, plan, i % 2 ? pool : NULL, &d)) {
            printf("\n    %s\n", d.text);
            haq_plan_free(plan);
            return false;
        }
        memcpy(haq_exec_input(e, 0), x->real, ref_count(x) * sizeof(float));
        haq_exec_run(e);
        haq_exec_run(e);
        const float *got = haq_exec_output(e, 0);
        for (size_t k = 0; same && k < ref_count(y); k++)
            if (memcmp(&got[k], &y->real[k], sizeof *got)) {
                printf("\n    %s: output %zu is %.9g, not %.9g\n", names[i / 2],
                       k, (double)got[k], (double)y->real[k]);
                same = false;
            }
        haq_exec_free(e);
        haq_plan_free(plan);
    }
    return same;
}

#endif
