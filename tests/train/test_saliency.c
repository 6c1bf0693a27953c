/* Gradients, Fisher information and Hessian trace of a softmax regression and
 * of a linear one, which are known in closed form. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "graph/op.h"
#include "quant/layer_weight.h"
#include "tests/suite.h"
#include "train/drawn.h"
#include "train/saliency.h"

enum { K = 5, N = 4, SAMPLES = 40, MANY = 4000 };

struct regression {
    struct haq_graph *g;
    struct haq_pool *pool;
    struct haq_dataset data;
    size_t *order;
    float w[K][N]; /* as the model has it */
};

/* y = x w for rows x [1][K]; samples in reverse order, so that a label that
 * goes with a place and not with a sample shows. */
static void open_regression(struct regression *r, size_t n)
{
    struct haq_shape in = {2, {1, K}}, out = {2, {1, N}}, w = {2, {K, N}};
    struct haq_rng rng;
    struct haq_diag d = {0};
    memset(r, 0, sizeof *r);
    haq_rng_seed(&rng, 5);
    for (size_t i = 0; i < K; i++)
        for (size_t c = 0; c < N; c++)
            r->w[i][c] = (float)haq_rng_normal(&rng);
    r->g = haq_graph_new();
    r->g->nhwc = true;
    r->g->batch = 1;
    r->g->inputs = haq_arena_alloc(&r->g->arena, sizeof(int));
    r->g->outputs = haq_arena_alloc(&r->g->arena, sizeof(int));
    r->g->n_inputs = r->g->n_outputs = 1;
    r->g->inputs[0] = haq_graph_add_value(r->g, "x", HAQ_F32, &in);
    int weight = haq_graph_add_const(r->g, "w", HAQ_F32, &w, r->w);
    r->g->outputs[0] = haq_graph_add_value(r->g, "y", HAQ_F32, &out);
    int at = haq_graph_add_node(r->g, haq_op(HAQ_OP_MATMUL), "product", 2, 1);
    struct haq_node *node = &r->g->nodes[at];
    node->in[0] = r->g->inputs[0];
    node->in[1] = weight;
    node->out[0] = r->g->outputs[0];
    node->layer = "y";
    node->clamp = (struct haq_clamp){-INFINITY, INFINITY};
    r->g->values[r->g->outputs[0]].producer = at;
    CU_ASSERT_EQUAL_FATAL(haq_pool_new(&r->pool, 2, &d), HAQ_OK);

    float *x = malloc(n * K * sizeof *x);
    int64_t *y = malloc(n * sizeof *y);
    r->order = malloc(n * sizeof *r->order);
    for (size_t i = 0; i < n * K; i++)
        x[i] = (float)haq_rng_normal(&rng);
    for (size_t i = 0; i < n; i++) {
        y[i] = (int64_t)haq_rng_below(&rng, N);
        r->order[i] = n - 1 - i;
    }
    r->data = (struct haq_dataset){.x = {.dtype = HAQ_F32,
                                         .rank = 2,
                                         .dims = {(int64_t)n, K},
                                         .count = n * K,
                                         .data = x},
                                   .y = {.dtype = HAQ_I64,
                                         .rank = 1,
                                         .dims = {(int64_t)n},
                                         .count = n,
                                         .data = y},
                                   .n = n,
                                   .sample_count = K};
}

static void close_regression(struct regression *r)
{
    free(r->data.x.data);
    free(r->data.y.data);
    free(r->order);
    haq_pool_free(r->pool);
    haq_graph_free(r->g);
}

static void find(struct haq_saliency *out, const struct regression *r,
                 size_t probes, bool labels, bool real)
{
    struct haq_diag d = {0};
    struct haq_saliency_job job = {.graph = r->g,
                                   .data = &r->data,
                                   .samples = r->order,
                                   .n = r->data.n,
                                   .positions = 1,
                                   .classes = N,
                                   .labels = labels,
                                   .real = real,
                                   .probes = probes,
                                   .pool = r->pool};
    haq_saliency_find(out, &job, &d);
    CU_ASSERT_STRING_EQUAL_FATAL(d.text, "");
    CU_ASSERT_EQUAL_FATAL(out->n, 1);
    CU_ASSERT_EQUAL_FATAL(out->layer[0].count, N * K);
}

static const float *sample(const struct regression *r, size_t i)
{
    return (const float *)r->data.x.data + i * K;
}

static void probabilities(const struct regression *r, size_t i, double p[N])
{
    double total = 0;
    for (size_t c = 0; c < N; c++) {
        double z = 0;
        for (size_t k = 0; k < K; k++)
            z += (double)sample(r, i)[k] * (double)r->w[k][c];
        total += p[c] = exp(z);
    }
    for (size_t c = 0; c < N; c++)
        p[c] /= total;
}

static double squared_length(const float *x)
{
    double sum = 0;
    for (size_t k = 0; k < K; k++)
        sum += (double)x[k] * (double)x[k];
    return sum;
}

/* Tr(H) = E ||x||^2 sum_c p_c (1 - p_c), whatever the labels. */
static double softmax_trace(const struct regression *r)
{
    double sum = 0, p[N];
    for (size_t i = 0; i < r->data.n; i++) {
        probabilities(r, i, p);
        for (size_t c = 0; c < N; c++)
            sum += squared_length(sample(r, i)) * p[c] * (1 - p[c]);
    }
    return sum / (double)r->data.n;
}

static bool near(double a, double b, double tolerance)
{
    bool ok = fabs(a - b) <= tolerance;
    if (!ok)
        printf("\n    %.9g, not %.9g\n", a, b);
    return ok;
}

static void gradient_and_fisher_are_those_of_the_samples(void)
{
    struct regression r;
    struct haq_saliency s;
    double g[N][K] = {{0}}, fisher[N][K] = {{0}}, loss = 0, p[N];
    open_regression(&r, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) {
        int64_t label = ((int64_t *)r.data.y.data)[i];
        probabilities(&r, i, p);
        loss -= log(p[label]) / SAMPLES;
        for (size_t c = 0; c < N; c++)
            for (size_t k = 0; k < K; k++) {
                double one =
                    (p[c] - ((int64_t)c == label)) * (double)sample(&r, i)[k];
                g[c][k] += one / SAMPLES;
                fisher[c][k] += one * one / SAMPLES;
            }
    }
    find(&s, &r, 0, true, false);
    CU_ASSERT_TRUE(near(s.loss, loss, 1e-5));
    for (size_t c = 0; c < N; c++)
        for (size_t k = 0; k < K; k++) {
            CU_ASSERT_TRUE(
                near((double)s.layer[0].gradient[c * K + k], g[c][k], 1e-5));
            CU_ASSERT_TRUE(
                near((double)s.layer[0].fisher[c * K + k], fisher[c][k], 1e-5));
        }
    CU_ASSERT_TRUE(isnan(s.layer[0].trace));
    CU_ASSERT_EQUAL(s.probes, 0);
    haq_saliency_fini(&s);
    close_regression(&r);
}

static void trace_of_a_softmax_regression(void)
{
    struct regression r;
    struct haq_saliency s;
    open_regression(&r, SAMPLES);
    double want = softmax_trace(&r);
    find(&s, &r, 4000, true, false);
    CU_ASSERT_TRUE(s.probes >= 8 && s.probes < 4000);
    CU_ASSERT_TRUE(s.layer[0].trace_error <= 0.05 * s.layer[0].trace);
    CU_ASSERT_TRUE(
        near(s.layer[0].trace, want, 3 * s.layer[0].trace_error + 1e-3));
    haq_saliency_fini(&s);
    close_regression(&r);
}

/* Half the squared difference has Hessian I (x) E x x': trace N E ||x||^2. */
static void trace_of_a_linear_regression(void)
{
    struct regression r;
    struct haq_saliency s;
    double want = 0;
    open_regression(&r, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++)
        want += N * squared_length(sample(&r, i)) / SAMPLES;
    find(&s, &r, 4000, false, true);
    CU_ASSERT_TRUE(
        near(s.layer[0].trace, want, 3 * s.layer[0].trace_error + 1e-3));
    haq_saliency_fini(&s);
    close_regression(&r);
}

/* E over labels of (p - [label])^2 = p (1 - p): the trace of the Fisher
 * information is that of the Hessian. */
static void drawn_labels_make_the_fisher_information_the_hessian(void)
{
    struct regression r;
    struct haq_saliency s;
    double sum = 0;
    open_regression(&r, MANY);
    double want = softmax_trace(&r);
    find(&s, &r, 0, false, false);
    for (size_t i = 0; i < N * K; i++)
        sum += (double)s.layer[0].fisher[i];
    CU_ASSERT_TRUE(near(sum, want, 0.05 * want));
    haq_saliency_fini(&s);
    close_regression(&r);
}

static void costs_of_an_error(void)
{
    float gradient[] = {1, -2}, fisher[] = {2, 4};
    const float w[] = {1, 1}, q[] = {1.5f, 2};
    const struct haq_saliency_layer l = {"l", 2, gradient, fisher, 6, 0};
    struct haq_saliency_cost c = haq_saliency_cost(&l, w, q);
    CU_ASSERT_DOUBLE_EQUAL(c.first_order, 1.5, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(c.fisher, 0.5 * (2 * 0.25 + 4), 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(c.hessian, 3 * 1.25, 1e-9);
}

static void labels_are_drawn_in_proportion(void)
{
    const float logits[] = {0, (float)log(2), (float)log(5)};
    CU_ASSERT_EQUAL(haq_drawn_label(logits, 3, 0), 0);
    CU_ASSERT_EQUAL(haq_drawn_label(logits, 3, 0.124), 0);
    CU_ASSERT_EQUAL(haq_drawn_label(logits, 3, 0.126), 1);
    CU_ASSERT_EQUAL(haq_drawn_label(logits, 3, 0.374), 1);
    CU_ASSERT_EQUAL(haq_drawn_label(logits, 3, 0.376), 2);
    CU_ASSERT_EQUAL(haq_drawn_label(logits, 3, 0.999), 2);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(gradient_and_fisher_are_those_of_the_samples),
        HAQ_TEST(trace_of_a_softmax_regression),
        HAQ_TEST(trace_of_a_linear_regression),
        HAQ_TEST(drawn_labels_make_the_fisher_information_the_hessian),
        HAQ_TEST(costs_of_an_error),
        HAQ_TEST(labels_are_drawn_in_proportion),
        CU_TEST_INFO_NULL};
    return run_suite("train/saliency", tests);
}
