/* Layers whose codes are packed to fewer than 8 bits: what they give, and what
 * they take. */
#include "tests/runtime/net.h"

static const char *const formats[] = {"int6", "int5", "int4",
                                      "int3", "int2", "signs"};
static const size_t bits[] = {6, 5, 4, 3, 2, 1};
enum { FORMATS = 6 };

/* One convolution of random size: few rows and many, blocks and half blocks of
 * panels, channels that are no multiple of four, groups. */
static bool one_layer(uint64_t seed, const char *format, struct haq_pool *pool)
{
    static const size_t widths[] = {5, 16, 20, 64, 96};
    static const size_t sides[] = {1, 2, 6, 13};
    static const char *const acts[] = {"uint8", "int8", "uint8:dynamic"};
    struct net t = {.seed = seed};
    struct haq_act_spec a = act(acts[below(&t, 3)]);
    size_t parts = 1 + below(&t, 4) / 3, side = sides[below(&t, 4)];
    size_t kernel = 1 + 2 * below(&t, 2);
    struct ref x =
        ref_new(1 + below(&t, 2), side, side, parts * widths[below(&t, 5)]);
    int in, out;

    struct layer l = {
        window((int64_t)kernel, 1, 1, (int64_t)kernel / 2, (int64_t)parts),
        parts * (1 + below(&t, 150)), format, none};
    t = new_net(next_random(&t.seed), &x, &in);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t);
    ref_quantize(&x, &a);
    struct ref y = add_layer(&t, &l, in, &x, &a, NULL, &out);
    end_net(&t, in, out);
    bool same = runs_as(&t, &x, &y, pool);
    if (!same)
        printf("    seed %llu: %s, %zu to %zu channels, side %zu, kernel %zu\n",
               (unsigned long long)seed, l.weight, x.c, y.c, side, kernel);
    free_net(&t);
    ref_free(&x), ref_free(&y);
    return same;
}

static void packed_layers_follow_the_contract_bit_for_bit(void)
{
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (size_t i = 0; i < FORMATS; i++)
        for (uint64_t seed = 1; seed <= 20; seed++)
            CU_ASSERT(one_layer(seed, formats[i], pool));
    haq_pool_free(pool);
}

/* A plan of a fully connected layer on `rows` rows of c numbers. */
struct matrix {
    struct net net;
    struct ref x, y;
    struct haq_plan *plan;
};

static void make_matrix(struct matrix *m, const char *weight, const char *input,
                        size_t rows, size_t n, size_t c, unsigned isa)
{
    struct layer l = {window(1, 1, 1, 0, 1), n, weight, none};
    struct haq_plan_options opt = {.isa = isa};
    struct haq_act_spec a = act(input ? input : "uint8");
    int in, out;

    m->x = ref_new(1, rows, 1, c);
    m->net = new_net(rows, &m->x, &in);
    for (size_t i = 0; i < ref_count(&m->x); i++)
        m->x.real[i] = uniform(&m->net);
    ref_quantize(&m->x, &a);
    m->y = add_layer(&m->net, &l, in, &m->x, &a, NULL, &out);
    m->net.in[0][0].quantized = input != NULL;
    end_net(&m->net, in, out);
    CU_ASSERT_FATAL(!haq_plan_new(&m->plan, m->net.g, &m->net.q, &opt, NULL));
}

static void free_matrix(struct matrix *m)
{
    haq_plan_free(m->plan);
    free_net(&m->net);
    ref_free(&m->x), ref_free(&m->y);
}

static void weights_take_the_bytes_of_their_bits(void)
{
    static const char *const inputs[] = {"uint8", NULL};
    for (size_t i = 0; i < FORMATS; i++)
        for (size_t rows = 1; rows <= 100; rows += 99)
            for (int f = 0; f < 2; f++) {
                struct matrix m;
                make_matrix(&m, formats[i], inputs[f], rows, 96, 160,
                            haq_cpu_isa());
                CU_ASSERT(haq_plan_weight_bytes(m.plan) ==
                          96 * 160 * bits[i] / 8);
                free_matrix(&m);
            }
}

static void a_step_says_in_how_many_bits_its_weights_are(void)
{
    struct matrix m;
    make_matrix(&m, "int4", "uint8", 100, 96, 160, haq_cpu_isa());
    const char *last = haq_plan_step(m.plan, haq_plan_steps(m.plan) - 1).kernel;
    CU_ASSERT(strstr(last, "w4") != NULL);
    free_matrix(&m);
}

/* Largest error of output column by column, as a share of the sum of absolute
 * products. */
static double float_error(const struct matrix *m, const float *got)
{
    const struct haq_qweight *q = &m->net.weight[0];
    double worst = 0;
    for (size_t i = 0; i < ref_count(&m->y); i++) {
        size_t o = i % q->n;
        const float *row = m->x.real + i / q->n * q->k;
        double sum = m->net.bias[0][o], size = fabs(sum);
        for (size_t k = 0; k < q->k; k++) {
            double term =
                (double)row[k] * q->codes[o * q->k + k] * (double)q->scale[o];
            sum += term;
            size += fabs(term);
        }
        worst = fmax(worst, fabs(got[i] - sum) / size);
    }
    return worst;
}

static void floats_meet_packed_weights_with_the_error_of_sums(void)
{
    static const char *const names[] = {"none", "avx2", "avx512"};
    for (size_t i = 0; i < FORMATS; i++)
        for (size_t rows = 1; rows <= 100; rows += 33)
            for (int k = 0; k < 3; k++) {
                struct matrix m;
                struct haq_exec *e = NULL;
                unsigned isa;
                if (haq_cpu_isa_parse(names[k], &isa, NULL))
                    continue;
                make_matrix(&m, formats[i], NULL, rows, 70, 33 * (1 + rows % 2),
                            isa);
                CU_ASSERT_FATAL(!haq_exec_new(&e, m.plan, NULL, NULL));
                memcpy(haq_exec_input(e, 0), m.x.real,
                       ref_count(&m.x) * sizeof(float));
                haq_exec_run(e);
                CU_ASSERT(float_error(&m, haq_exec_output(e, 0)) <= 2e-5);
                haq_exec_free(e);
                free_matrix(&m);
            }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(packed_layers_follow_the_contract_bit_for_bit),
        HAQ_TEST(weights_take_the_bytes_of_their_bits),
        HAQ_TEST(a_step_says_in_how_many_bits_its_weights_are),
        HAQ_TEST(floats_meet_packed_weights_with_the_error_of_sums),
        CU_TEST_INFO_NULL,
    };
    return run_suite("layers of few bits", tests);
}
