/* Integer execution against the contract in plain loops, bit for bit, on random
 * layers and networks, for every instruction set of the machine. */
#include "tests/runtime/net.h"

/* Simulate it: the largest difference, as a share of the largest output. */
static double simulation_error(const struct net *t, const struct ref *x,
                               const struct ref *y, unsigned isa,
                               struct haq_pool *pool)
{
    struct haq_plan_options opt = {.isa = isa, .simulate = true};
    struct haq_diag d = {0};
    struct haq_plan *plan = NULL;
    struct haq_exec *e = NULL;
    double worst = INFINITY, top = 0;
    if (haq_plan_new(&plan, t->g, &t->q, &opt, &d) ||
        haq_exec_new(&e, plan, pool, &d)) {
        printf("\n    %s\n", d.text);
        goto done;
    }
    memcpy(haq_exec_input(e, 0), x->real, ref_count(x) * sizeof(float));
    haq_exec_run(e);
    worst = 0;
    for (size_t i = 0; i < ref_count(y); i++) {
        double error = fabs((double)haq_exec_output(e, 0)[i] - y->real[i]);
        worst = fmax(worst, error);
        top = fmax(top, fabs((double)y->real[i]));
    }
    worst = top > 0 ? worst / top : worst;
done:
    haq_exec_free(e);
    haq_plan_free(plan);
    return worst;
}

static bool simulates_within(double limit, struct net *t, const struct ref *x,
                             const struct ref *y, struct haq_pool *pool)
{
    double scalar = simulation_error(t, x, y, HAQ_ISA_NONE, NULL);
    double vector = simulation_error(t, x, y, haq_cpu_isa(), pool);
    if (scalar <= limit && vector <= limit)
        return true;
    printf("\n    simulation: %g, %g\n", scalar, vector);
    return false;
}

static bool simulates(struct net *t, const struct ref *x, const struct ref *y,
                      struct haq_pool *pool)
{
    return simulates_within(1e-5, t, x, y, pool);
}

/* A number half-way between two codes may become the other one of them, because
 * integers are scaled once where floats are scaled and divided. */
static bool simulates_but_for_ties(struct net *t, const struct ref *x,
                                   const struct ref *y, struct haq_pool *pool)
{
    return simulates_within(1.0 / 255, t, x, y, pool);
}

typedef bool check_fn(struct net *t, const struct ref *x, const struct ref *y,
                      struct haq_pool *pool);

static struct haq_clamp random_clamp(struct net *t)
{
    static const struct haq_clamp clamps[] = {
        {-INFINITY, INFINITY}, {0, INFINITY}, {0, 0.75f}};
    return clamps[below(t, 3)];
}

/* Two layers, so that codes flow between them; every format and shape class. */
static bool two_layers(uint64_t seed, check_fn *check, struct haq_pool *pool)
{
    static const char *const weights[] = {
        "int8",         "int4:tensor",   "uint8",           "uint4",
        "int4:group32", "uint8:group16", "uint3:group16",   "int2",
        "ternary",      "binary",        "ternary:group32", "binary:group16"};
    enum { WEIGHTS = sizeof weights / sizeof *weights };
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
        parts ? 2 * (1 + below(&t, 20)) : c, weights[below(&t, WEIGHTS)],
        random_clamp(&t)};
    struct layer second = {window(1, 1, 1, 0, 1), 1 + below(&t, 40),
                           weights[below(&t, WEIGHTS)], random_clamp(&t)};
    int in, mid, out;

    t = new_net(next_random(&t.seed), &x, &in);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t);
    ref_quantize(&x, &a0);
    struct ref y = add_layer(&t, &first, in, &x, &a0, &a1, &mid);
    struct ref z = add_layer(&t, &second, mid, &y, &a1, NULL, &out);
    end_net(&t, in, out);
    bool same = check(&t, &x, &z, pool);
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
        CU_ASSERT(two_layers(seed, runs_as, pool));
    haq_pool_free(pool);
}

/* Codes to codes through a depthwise layer, large enough for threads to share
 * it now and then. */
static bool a_depthwise_layer(uint64_t seed, check_fn *check,
                              struct haq_pool *pool)
{
    static const char *const acts[] = {"uint8", "int8", "uint5"};
    struct net t = {.seed = seed};
    struct haq_act_spec a = act(acts[below(&t, 3)]);
    size_t c = 1 + below(&t, 100);
    struct ref x =
        ref_new(1 + below(&t, 2), 5 + below(&t, 20), 5 + below(&t, 20), c);
    struct layer l[] = {
        {window(3 + 2 * (int64_t)below(&t, 2), 1 + (int64_t)below(&t, 2), 1,
                (int64_t)below(&t, 3), (int64_t)c),
         c, below(&t, 2) ? "int8" : "int4", random_clamp(&t)},
        {window(1, 1, 1, 0, 1), 3, "int8", none},
    };
    int in, mid, out;

    t = new_net(next_random(&t.seed), &x, &in);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t);
    ref_quantize(&x, &a);
    struct ref y = add_layer(&t, &l[0], in, &x, &a, &a, &mid);
    struct ref z = add_layer(&t, &l[1], mid, &y, &a, NULL, &out);
    end_net(&t, in, out);
    bool same = check(&t, &x, &z, pool);
    if (!same)
        printf("    seed %llu: kernel %d stride %d pad %d channels %zu\n",
               (unsigned long long)seed, (int)l[0].w.kernel[0],
               (int)l[0].w.stride[0], (int)l[0].w.pad[0], c);
    free_net(&t);
    ref_free(&x), ref_free(&y), ref_free(&z);
    return same;
}

static void depthwise_layers_follow_it_too(void)
{
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 60; seed++)
        CU_ASSERT(a_depthwise_layer(seed, runs_as, pool));
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
static bool a_residual_network(uint64_t seed, check_fn *check,
                               struct haq_pool *pool)
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
    bool same = check(&t, &x, &v[5], pool);
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
        CU_ASSERT(a_residual_network(seed, runs_as, pool));
    haq_pool_free(pool);
}

static void a_simulation_gives_what_integers_give(void)
{
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 400; seed++)
        CU_ASSERT(two_layers(seed, simulates, pool));
    for (uint64_t seed = 1; seed <= 20; seed++)
        CU_ASSERT(a_residual_network(seed, simulates_but_for_ties, pool));
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
    opt.simulate = true;
    CU_ASSERT(haq_plan_new(&plan, t.g, &t.q, &opt, &d) == HAQ_INVALID);
    free_net(&t);
    ref_free(&x), ref_free(&y);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(layers_follow_the_contract_bit_for_bit),
        HAQ_TEST(depthwise_layers_follow_it_too),
        HAQ_TEST(sums_and_pools_of_codes_mean_what_qdq_means),
        HAQ_TEST(a_simulation_gives_what_integers_give),
        HAQ_TEST(a_bias_beyond_int32_is_refused_by_name),
        CU_TEST_INFO_NULL,
    };
    return run_suite("integer execution", tests);
}
