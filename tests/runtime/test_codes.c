/* Codes on their way between layers: movement keeps them, Concat brings them to
 * one scale, products of two activations are exact. */
#include "tests/runtime/net.h"

/* conv -> Slice -> Pad -> Transpose -> conv, all on codes. */
static bool moved_codes(uint64_t seed, struct haq_pool *pool)
{
    struct net t = {.seed = seed};
    struct haq_act_spec a = act("uint8");
    struct ref x = ref_new(2, 7, 6, 3), v[5];
    struct layer l[] = {{window(3, 1, 1, 1, 1), 6, "int8", none},
                        {window(1, 1, 1, 0, 1), 5, "int4", none}};
    int value[6];

    t = new_net(next_random(&t.seed), &x, &value[0]);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t);
    ref_quantize(&x, &a);
    v[0] = add_layer(&t, &l[0], value[0], &x, &a, &a, &value[1]);
    v[1] = ref_new(2, 4, 3, 6);  /* every other pixel */
    v[2] = ref_new(2, 4, 3, 10); /* channels 1 .. 6 of 10 */
    v[3] = ref_new(2, 3, 4, 10); /* height and width exchanged */
    for (int i = 1; i < 4; i++) {
        v[i].p = v[0].p;
        value[i + 1] = add_value(&t, &v[i]);
    }
    for (size_t i = 0; i < ref_count(&v[3]); i++) {
        size_t c = i % 10, w = i / 10 % 4, h = i / 40 % 3, n = i / 120;
        size_t from = ((n * 7 + 2 * w) * 6 + 2 * h) * 6 + c - 1;
        v[3].code[i] =
            c >= 1 && c <= 6 ? v[0].code[from] : (uint8_t)v[0].p.zero;
    }
    int slice = add_node(&t, HAQ_OP_SLICE, &value[1], 1, value[2]);
    int pad = add_node(&t, HAQ_OP_PAD, &value[2], 1, value[3]);
    int turn = add_node(&t, HAQ_OP_TRANSPOSE, &value[3], 1, value[4]);
    static const int64_t slices[3][4] = {
        {0, 0, 0, 0}, {2, 7, 6, 6}, {1, 2, 2, 1}};
    static const int64_t pads[2][4] = {{0, 0, 0, 1}, {0, 0, 0, 3}};
    static const int64_t perm[4] = {0, 2, 1, 3};
    for (int i = 0; i < 3; i++)
        memcpy(t.g->nodes[slice].attr.ints[i], slices[i], sizeof *slices);
    for (int i = 0; i < 4; i++)
        t.g->nodes[slice].attr.axes[i] = i;
    t.g->nodes[slice].attr.n_axes = t.g->nodes[slice].attr.n_ints = 4;
    memcpy(t.g->nodes[pad].attr.ints[0], pads[0], sizeof *pads);
    memcpy(t.g->nodes[pad].attr.ints[1], pads[1], sizeof *pads);
    t.g->nodes[pad].attr.n_ints = 4;
    memcpy(t.g->nodes[turn].attr.ints[0], perm, sizeof perm);
    t.g->nodes[turn].attr.n_ints = 4;
    v[4] = add_layer(&t, &l[1], value[4], &v[3], &a, NULL, &value[5]);
    end_net(&t, value[0], value[5]);
    bool same = runs_as(&t, &x, &v[4], pool);
    free_net(&t);
    ref_free(&x);
    for (int i = 0; i < 5; i++)
        ref_free(&v[i]);
    return same;
}

static void data_movement_keeps_codes(void)
{
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 10; seed++)
        CU_ASSERT(moved_codes(seed, pool));
    haq_pool_free(pool);
}

/* Two layers beside each other, joined on channels, and a layer that reads the
 * result (or, `real`, the result itself). */
static bool joined_codes(uint64_t seed, bool real, struct haq_pool *pool)
{
    struct net t = {.seed = seed};
    struct haq_act_spec a = act("uint8");
    struct ref x = ref_new(2, 5, 5, 4), v[2], y = ref_new(2, 5, 5, 11), z;
    struct layer l[] = {{window(3, 1, 1, 1, 1), 8, "int8", none},
                        {window(1, 1, 1, 0, 1), 3, "int8", {0, INFINITY}},
                        {window(1, 1, 1, 0, 1), 5, "int8", none}};
    int in, value[2], joined, out;

    t = new_net(next_random(&t.seed), &x, &in);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t);
    ref_quantize(&x, &a);
    for (int i = 0; i < 2; i++)
        v[i] = add_layer(&t, &l[i], in, &x, &a, &a, &value[i]);
    out = joined = add_value(&t, &y);
    int node = add_node(&t, HAQ_OP_CONCAT, value, 2, joined);
    t.g->nodes[node].attr.axis = 3;
    for (size_t i = 0; i < ref_count(&y); i++) {
        size_t c = i % 11, at = i / 11;
        const struct ref *from = &v[c >= 8];
        uint8_t q = from->code[c < 8 ? at * 8 + c : at * 3 + c - 8];
        y.real[i] = from->p.scale * (float)(q - from->p.zero);
    }
    ref_quantize(&y, &a);
    for (int i = 0; i < 2; i++)
        quantize_input(&t, node, i, &a, &v[i]);
    if (!real)
        z = add_layer(&t, &l[2], joined, &y, &a, NULL, &out);
    end_net(&t, in, out);
    bool same = runs_as(&t, &x, real ? &y : &z, pool);
    free_net(&t);
    ref_free(&x), ref_free(&y), ref_free(&v[0]), ref_free(&v[1]);
    if (!real)
        ref_free(&z);
    return same;
}

static void concat_brings_codes_to_one_scale(void)
{
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 10; seed++) {
        CU_ASSERT(joined_codes(seed, false, pool));
        CU_ASSERT(joined_codes(seed, true, pool));
    }
    haq_pool_free(pool);
}

/* x times a transposed x, both as codes, in a batch of n * h matrices. */
static bool product_of_codes(uint64_t seed, struct haq_pool *pool)
{
    struct net t = {.seed = seed};
    struct haq_act_spec a = act("uint8"), b = act("uint7");
    size_t m = 1 + below(&t, 40), k = 1 + below(&t, 30);
    struct ref x = ref_new(1 + below(&t, 2), 1 + below(&t, 3), m, k);
    struct ref xt = ref_new(x.n, x.h, k, m), y = ref_new(x.n, x.h, m, m);
    int value[2], out;
    static const int64_t perm[4] = {0, 1, 3, 2};

    t = new_net(next_random(&t.seed), &x, &value[0]);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = xt.real[i] = uniform(&t);
    ref_quantize(&x, &a);
    ref_quantize(&xt, &b); /* not transposed: the loops below do that */
    value[1] = add_value(&t, &xt);
    out = add_value(&t, &y);
    int turn = add_node(&t, HAQ_OP_TRANSPOSE, value, 1, value[1]);
    memcpy(t.g->nodes[turn].attr.ints[0], perm, sizeof perm);
    t.g->nodes[turn].attr.n_ints = 4;
    int node = add_node(&t, HAQ_OP_MATMUL, value, 2, out);
    quantize_input(&t, node, 0, &a, &x);
    quantize_input(&t, node, 1, &b, &xt);
    for (size_t i = 0; i < ref_count(&y); i++) {
        size_t col = i % m, row = i / m % m, item = i / m / m;
        int32_t acc = 0;
        for (size_t e = 0; e < k; e++)
            acc += (x.code[(item * m + row) * k + e] - x.p.zero) *
                   (xt.code[(item * m + col) * k + e] - xt.p.zero);
        y.real[i] = (float)acc * (x.p.scale * xt.p.scale);
    }
    end_net(&t, value[0], out);
    bool same = runs_as(&t, &x, &y, pool);
    free_net(&t);
    ref_free(&x), ref_free(&xt), ref_free(&y);
    return same;
}

static void products_of_two_activations_are_exact(void)
{
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 30; seed++)
        CU_ASSERT(product_of_codes(seed, pool));
    haq_pool_free(pool);
}

/* A matrix layer with a scale for each row of its input. */
static bool dynamic_rows(uint64_t seed, const char *weight,
                         struct haq_pool *pool)
{
    struct net t = {.seed = seed};
    struct haq_act_spec a = act("uint8:dynamic");
    struct haq_weight_spec spec;
    size_t m = 1 + below(&t, 60), k = 1 + below(&t, 70), n = 1 + below(&t, 50);
    struct ref x = ref_new(m, 1, 1, k), y = ref_new(m, 1, 1, n);
    struct haq_window w = window(1, 1, 1, 0, 1);
    int in[3], out;

    t = new_net(next_random(&t.seed), &x, &in[0]);
    float *b = numbers(&t, k * n), *turned = malloc(k * n * sizeof *turned);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t) * (float)(1 + i / k);
    ref_quantize(&x, &a);
    for (size_t i = 0; i < k * n; i++)
        turned[i % k * n + i / k] = b[i];
    out = add_value(&t, &y);
    t.bias[0] = numbers(&t, n);
    in[1] = add_const(&t, turned, 2, k, n, 0, 0);
    in[2] = add_const(&t, t.bias[0], 1, n, 0, 0, 0);
    int node = add_node(&t, HAQ_OP_MATMUL, in, 3, out);
    CU_ASSERT_FATAL(!haq_weight_spec_parse(&spec, weight, NULL));
    CU_ASSERT_FATAL(!haq_qweight_scales(&t.weight[0], b, n, k, &spec, NULL));
    CU_ASSERT_FATAL(!haq_qweight_round(&t.weight[0], b, NULL));
    t.g->nodes[node].layer = t.g->nodes[node].name;
    t.node[node].weight = &t.weight[0];
    quantize_input(&t, node, 0, &a, &x);
    ref_layer(&y, &x, &w, &t.weight[0], t.bias[0], none, NULL);
    end_net(&t, in[0], out);
    bool same = runs_as(&t, &x, &y, pool);
    free_net(&t);
    free(b), free(turned);
    ref_free(&x), ref_free(&y);
    return same;
}

static void matrix_rows_have_scales_of_their_own(void)
{
    static const char *const weights[] = {"int8", "uint8", "int4:group16",
                                          "uint4:group32"};
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 24; seed++)
        CU_ASSERT(dynamic_rows(seed, weights[seed % 4], pool));
    haq_pool_free(pool);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(data_movement_keeps_codes),
        HAQ_TEST(concat_brings_codes_to_one_scale),
        HAQ_TEST(products_of_two_activations_are_exact),
        HAQ_TEST(matrix_rows_have_scales_of_their_own),
        CU_TEST_INFO_NULL,
    };
    return run_suite("codes between layers", tests);
}
