/* Integer execution against the contract in plain loops, bit for bit, on random
 * layers and networks, for every instruction set of the machine. */
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

static float uniform(struct net *t)
{
    return (float)(next_random(&t->seed) >> 40) / (float)(1 << 24) * 2 - 1;
}

static size_t below(struct net *t, size_t n)
{
    return (size_t)(next_random(&t->seed) % n);
}

static float *numbers(struct net *t, size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = uniform(t);
    return x;
}

static int add_value(struct net *t, const struct ref *r)
{
    char name[32];
    struct haq_shape s = {
        4, {(int64_t)r->n, (int64_t)r->h, (int64_t)r->w, (int64_t)r->c}};
    snprintf(name, sizeof name, "v%d", t->g->n_values);
    return haq_graph_add_value(t->g, name, HAQ_F32, &s);
}

static int add_const(struct net *t, const float *data, int rank, size_t a,
                     size_t b, size_t c, size_t d)
{
    char name[32];
    struct haq_shape s = {rank,
                          {(int64_t)a, (int64_t)b, (int64_t)c, (int64_t)d}};
    snprintf(name, sizeof name, "v%d", t->g->n_values);
    return haq_graph_add_const(t->g, name, HAQ_F32, &s, data);
}

static int add_node(struct net *t, enum haq_opcode op, const int *in, int n_in,
                    int out)
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

static void quantize_input(struct net *t, int node, int input,
                           const struct haq_act_spec *spec, const struct ref *x)
{
    t->in[node][input] = (struct haq_qinput){.quantized = true,
                                             .dynamic = spec->dynamic,
                                             .spec = *spec,
                                             .params = x->p};
}

static struct haq_act_spec act(const char *text)
{
    struct haq_act_spec s = {0};
    CU_ASSERT_FATAL(!haq_act_spec_parse(&s, text, NULL));
    return s;
}

/* What a random layer is made of. */
struct layer {
    struct haq_window w;
    size_t out; /* channels */
    const char *weight;
    struct haq_clamp clamp;
};

static struct haq_window window(int64_t kernel, int64_t stride,
                                int64_t dilation, int64_t pad, int64_t group)
{
    return (struct haq_window){{kernel, kernel},
                               {stride, stride},
                               {dilation, dilation},
                               {pad, pad, pad, pad},
                               group,
                               false,
                               false};
}

static size_t out_size(size_t in, const struct haq_window *w)
{
    int64_t span = w->dilation[0] * (w->kernel[0] - 1) + 1;
    return (size_t)(((int64_t)in + 2 * w->pad[0] - span) / w->stride[0] + 1);
}

/* Add a convolution that reads value `in` (x) to the graph and compute its
 * output by the reference.  *out is the value it writes. */
static struct ref add_layer(struct net *t, const struct layer *l, int in,
                            const struct ref *x, const struct haq_act_spec *ax,
                            const struct haq_act_spec *ay, int *out)
{
    size_t taps = (size_t)(l->w.kernel[0] * l->w.kernel[1]);
    size_t channels = x->c / (size_t)l->w.group, k = channels * taps;
    struct ref y =
        ref_new(x->n, out_size(x->h, &l->w), out_size(x->w, &l->w), l->out);
    struct haq_weight_spec spec;
    float *w = numbers(t, l->out * k), *bias = numbers(t, l->out);
    *out = add_value(t, &y);
    int inputs[3] = {in,
                     add_const(t, w, 4, l->out, channels,
                               (size_t)l->w.kernel[0], (size_t)l->w.kernel[1]),
                     add_const(t, bias, 1, l->out, 0, 0, 0)};
    int node = add_node(t, HAQ_OP_CONV, inputs, 3, *out);
    struct haq_qweight *q = &t->weight[node];

    CU_ASSERT_FATAL(!haq_weight_spec_parse(&spec, l->weight, NULL));
    CU_ASSERT_FATAL(!haq_qweight_scales(q, w, l->out, k, &spec, NULL));
    CU_ASSERT_FATAL(!haq_qweight_round(q, w, NULL));
    t->g->nodes[node].layer = t->g->nodes[node].name;
    t->g->nodes[node].attr.window = l->w;
    t->g->nodes[node].clamp = l->clamp;
    t->node[node].weight = q;
    t->bias[node] = bias;
    quantize_input(t, node, 0, ax, x);
    ref_layer(&y, x, &l->w, q, bias, l->clamp, ay);
    free(w);
    return y;
}

static struct net new_net(uint64_t seed, const struct ref *x, int *in)
{
    struct net t = {.g = haq_graph_new(), .seed = seed};
    t.g->nhwc = true;
    t.g->batch = (int64_t)x->n;
    *in = add_value(&t, x);
    return t;
}

static void end_net(struct net *t, int in, int out)
{
    t->g->inputs = haq_arena_copy(&t->g->arena, &in, sizeof in);
    t->g->outputs = haq_arena_copy(&t->g->arena, &out, sizeof out);
    t->g->n_inputs = t->g->n_outputs = 1;
    struct haq_diag d = {0};
    if (haq_graph_rebuild(t->g, &d))
        printf("\n    %s\n", d.text);
    t->q = (struct haq_qgraph){.graph = t->g, .node = t->node};
}

static void free_net(struct net *t)
{
    for (int i = 0; i < 8; i++) {
        haq_qweight_fini(&t->weight[i]);
        free(t->bias[i]);
    }
    haq_graph_free(t->g);
}

/* Run with each instruction set, alone and with a pool; compare all bits. */
static bool runs_as(struct net *t, const struct ref *x, const struct ref *y,
                    struct haq_pool *pool)
{
    static const char *const names[] = {"none", "avx2", "avx512", "avx512vnni"};
    bool same = true;
    for (int i = 0; i < 8; i++) {
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

static struct haq_clamp random_clamp(struct net *t)
{
    static const struct haq_clamp clamps[] = {
        {-INFINITY, INFINITY}, {0, INFINITY}, {0, 0.75f}};
    return clamps[below(t, 3)];
}

/* Two layers, so that codes flow between them; every format and shape class. */
static bool two_layers(uint64_t seed, struct haq_pool *pool)
{
    static const char *const weights[] = {
        "int8",         "int4:tensor",   "uint8",         "uint4",
        "int4:group32", "uint8:group16", "uint3:group16", "int2"};
    static const char *const acts[] = {
        "uint8", "int8", "uint5", "uint8:dynamic", "int8:dynamic", "uint8"};
    static const size_t widths[] = {1, 3, 8, 16, 20, 48};
    struct net t = {.seed = seed};
    struct haq_act_spec a0 = act(acts[below(&t, 6)]);
    struct haq_act_spec a1 = act(acts[below(&t, 6)]);
    size_t parts = (size_t[]){1, 1, 2, 0}[below(&t, 4)];
    size_t c = widths[below(&t, 6)] * (parts == 2 ? 2 : 1);
    struct ref x =
        ref_new(1 + below(&t, 3), 5 + below(&t, 6), 5 + below(&t, 6), c);
    struct layer first = {
        window((int64_t)(1 + 2 * below(&t, 2)), (int64_t)(1 + below(&t, 2)),
               (int64_t)(1 + below(&t, 2)), (int64_t)below(&t, 3),
               (int64_t)(parts ? parts : c)),
        parts ? 2 * (1 + below(&t, 20)) : c, weights[below(&t, 8)],
        random_clamp(&t)};
    struct layer second = {window(1, 1, 1, 0, 1), 1 + below(&t, 40),
                           weights[below(&t, 8)], random_clamp(&t)};
    int in, mid, out;

    t = new_net(next_random(&t.seed), &x, &in);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t);
    ref_quantize(&x, &a0);
    struct ref y = add_layer(&t, &first, in, &x, &a0, &a1, &mid);
    struct ref z = add_layer(&t, &second, mid, &y, &a1, NULL, &out);
    end_net(&t, in, out);
    bool same = runs_as(&t, &x, &z, pool);
    if (!same)
        printf("    seed %llu: %s %s%s then %s %s%s, kernel %d stride %d "
               "dilation %d pad %d groups %d\n",
               (unsigned long long)seed, first.weight, a0.format->name,
               a0.dynamic ? " dynamic" : "", second.weight, a1.format->name,
               a1.dynamic ? " dynamic" : "", (int)first.w.kernel[0],
               (int)first.w.stride[0], (int)first.w.dilation[0],
               (int)first.w.pad[0], (int)first.w.group);
    free_net(&t);
    ref_free(&x), ref_free(&y), ref_free(&z);
    return same;
}

static void layers_follow_the_contract_bit_for_bit(void)
{
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 400; seed++)
        CU_ASSERT(two_layers(seed, pool));
    haq_pool_free(pool);
}

static struct ref pooled(struct net *t, enum haq_opcode op, struct haq_window w,
                         int in, const struct ref *x,
                         const struct haq_act_spec *spec, int *out)
{
    struct ref y = ref_new(x->n, out_size(x->h, &w), out_size(x->w, &w), x->c);
    *out = add_value(t, &y);
    int node = add_node(t, op, &in, 1, *out);
    t->g->nodes[node].attr.window = w;
    if (op != HAQ_OP_MAX_POOL)
        quantize_input(t, node, 0, spec, x);
    ref_pool(&y, x, &w, op == HAQ_OP_MAX_POOL, spec);
    return y;
}

/* conv, conv, Add of both, MaxPool, AveragePool, conv. */
static bool a_residual_network(uint64_t seed, struct haq_pool *pool)
{
    struct net t = {.seed = seed};
    struct haq_act_spec a = act("uint8");
    size_t c = 4 * (1 + below(&t, 8));
    struct ref x = ref_new(2, 8, 8, 3), v[6];
    struct layer l[] = {
        {window(3, 1, 1, 1, 1), c, "int8", random_clamp(&t)},
        {window(3, 1, 1, 1, 1), c, "int4", none},
        {window(2, 1, 1, 0, 1), 5, "int8", none},
    };
    int value[7], sum[2];

    t = new_net(next_random(&t.seed), &x, &value[0]);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t);
    ref_quantize(&x, &a);
    v[0] = add_layer(&t, &l[0], value[0], &x, &a, &a, &value[1]);
    v[1] = add_layer(&t, &l[1], value[1], &v[0], &a, &a, &value[2]);
    v[2] = ref_new(v[0].n, v[0].h, v[0].w, v[0].c);
    value[3] = add_value(&t, &v[2]);
    sum[0] = value[1], sum[1] = value[2];
    int add = add_node(&t, HAQ_OP_ADD, sum, 2, value[3]);
    t.g->nodes[add].clamp = random_clamp(&t);
    quantize_input(&t, add, 0, &a, &v[0]);
    quantize_input(&t, add, 1, &a, &v[1]);
    ref_add(&v[2], &v[0], &v[1], t.g->nodes[add].clamp, &a);
    v[3] = pooled(&t, HAQ_OP_MAX_POOL, window(2, 2, 1, 0, 1), value[3], &v[2],
                  &a, &value[4]);
    v[4] = pooled(&t, HAQ_OP_AVERAGE_POOL, window(2, 1, 1, 0, 1), value[4],
                  &v[3], &a, &value[5]);
    v[5] = add_layer(&t, &l[2], value[5], &v[4], &a, NULL, &value[6]);
    end_net(&t, value[0], value[6]);
    bool same = runs_as(&t, &x, &v[5], pool);
    if (!same)
        printf("    seed %llu\n", (unsigned long long)seed);
    free_net(&t);
    ref_free(&x);
    for (int i = 0; i < 6; i++)
        ref_free(&v[i]);
    return same;
}

static void sums_and_pools_of_codes_mean_what_qdq_means(void)
{
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 20; seed++)
        CU_ASSERT(a_residual_network(seed, pool));
    haq_pool_free(pool);
}

static void a_bias_beyond_int32_is_refused_by_name(void)
{
    struct haq_act_spec a = act("uint8");
    struct ref x = ref_new(1, 4, 4, 4);
    struct layer l = {window(1, 1, 1, 0, 1), 4, "int8", none};
    struct haq_plan_options opt = {0};
    struct haq_plan *plan = NULL;
    struct haq_diag d = {0};
    int in, out;
    struct net t = new_net(7, &x, &in);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t);
    ref_quantize(&x, &a);
    struct ref y = add_layer(&t, &l, in, &x, &a, NULL, &out);
    t.weight[0].scale[2] = 1e-30f;
    end_net(&t, in, out);
    CU_ASSERT(haq_plan_new(&plan, t.g, &t.q, &opt, &d) == HAQ_INVALID);
    CU_ASSERT(strstr(d.text, "n0") && strstr(d.text, "channel 2"));
    free_net(&t);
    ref_free(&x), ref_free(&y);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(layers_follow_the_contract_bit_for_bit),
        HAQ_TEST(sums_and_pools_of_codes_mean_what_qdq_means),
        HAQ_TEST(a_bias_beyond_int32_is_refused_by_name),
        CU_TEST_INFO_NULL,
    };
    return run_suite("integer execution", tests);
}
