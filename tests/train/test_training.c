/* What training is made of: losses against their differences, Adam against its
 * paper, codes that training begins with, blocks of known networks. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "graph/onnx_import.h"
#include "tests/suite.h"
#include "train/blocks.h"
#include "train/loss.h"
#include "train/optimizer.h"
#include "train/weight.h"

/* ---- losses ---------------------------------------------------------------
 */

enum { POSITIONS = 3, CLASSES = 4, SIZE = POSITIONS * CLASSES };

static void gradient_is_the_slope_of(const struct haq_loss *l)
{
    float out[SIZE], grad[SIZE];
    struct haq_rng r;
    haq_rng_seed(&r, 5);
    for (int i = 0; i < SIZE; i++)
        out[i] = (float)haq_rng_normal(&r);
    haq_loss_sample(l, 1, out, grad, 2);
    for (int i = 0; i < SIZE; i++) {
        const float h = 1e-2f, kept = out[i];
        out[i] = kept + h;
        double up = haq_loss_sample(l, 1, out, NULL, 0);
        out[i] = kept - h;
        double down = haq_loss_sample(l, 1, out, NULL, 0);
        out[i] = kept;
        CU_ASSERT_DOUBLE_EQUAL(2 * (up - down) / (2 * (double)h),
                               (double)grad[i], 2e-4);
    }
}

static struct haq_loss loss_of(struct haq_dataset *data, float *teacher,
                               int64_t *label)
{
    struct haq_rng r;
    haq_rng_seed(&r, 9);
    for (int i = 0; i < 2 * SIZE; i++)
        teacher[i] = 2 * (float)haq_rng_normal(&r);
    for (int i = 0; i < 2 * POSITIONS; i++)
        label[i] = (int64_t)haq_rng_below(&r, CLASSES);
    *data = (struct haq_dataset){
        .y = {.dtype = HAQ_I64, .count = 2 * POSITIONS, .data = label}, .n = 2};
    return (struct haq_loss){.data = data,
                             .teacher = teacher,
                             .positions = POSITIONS,
                             .classes = CLASSES};
}

static void losses_have_their_gradients(void)
{
    struct haq_dataset data;
    float teacher[2 * SIZE];
    int64_t label[2 * POSITIONS];
    struct haq_loss l = loss_of(&data, teacher, label);
    gradient_is_the_slope_of(&l);
    l.share = 1;
    gradient_is_the_slope_of(&l);
    l.share = 0.3f;
    gradient_is_the_slope_of(&l);
    l.real = true;
    gradient_is_the_slope_of(&l);
}

static void losses_have_known_values(void)
{
    struct haq_dataset data;
    float teacher[2 * SIZE], flat[SIZE] = {0};
    int64_t label[2 * POSITIONS];
    struct haq_loss l = loss_of(&data, teacher, label);
    /* The float model's own output is no loss; a uniform guess costs log 4. */
    CU_ASSERT_DOUBLE_EQUAL(haq_loss_sample(&l, 1, teacher + SIZE, NULL, 0), 0,
                           1e-6);
    l.share = 1;
    CU_ASSERT_DOUBLE_EQUAL(haq_loss_sample(&l, 0, flat, NULL, 0), log(4), 1e-9);
}

/* ---- optimizers -----------------------------------------------------------
 */

/* Kingma and Ba 2015, algorithm 1, in double precision. */
static void adam_does_what_its_paper_says(void)
{
    float x[2] = {1, -2}, g[2];
    double want[2] = {1, -2}, m[2] = {0}, v[2] = {0};
    struct haq_parameter p = {x, g, 2, 0.5f};
    struct haq_optimizer *o;
    struct haq_diag d;
    CU_ASSERT_EQUAL_FATAL(haq_optimizer_new(&o, "adam", &p, 1, &d), HAQ_OK);
    for (int t = 1; t <= 5; t++) {
        for (int i = 0; i < 2; i++) {
            g[i] = x[i] * x[i] + (float)i;
            double gi = (double)g[i];
            m[i] = 0.9 * m[i] + 0.1 * gi;
            v[i] = 0.999 * v[i] + 0.001 * gi * gi;
            double mh = m[i] / (1 - pow(0.9, t));
            double vh = v[i] / (1 - pow(0.999, t));
            want[i] -= 0.2 * 0.5 * mh / (sqrt(vh) + 1e-8);
        }
        haq_optimizer_step(o, 0.2f);
        for (int i = 0; i < 2; i++)
            CU_ASSERT_DOUBLE_EQUAL((double)x[i], want[i], 1e-5);
    }
    haq_optimizer_free(o);
    CU_ASSERT_EQUAL(haq_optimizer_new(&o, "adamw", &p, 1, &d), HAQ_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "adam, sgd"));
}

/* ---- weights --------------------------------------------------------------
 */

enum { ROWS = 5, K = 32 };

static void weights(float *w)
{
    struct haq_rng r;
    haq_rng_seed(&r, 21);
    for (int i = 0; i < ROWS * K; i++)
        w[i] = i / K == 3 ? 0 : (float)haq_rng_normal(&r);
}

/* Codes that another method chose stay until training moves them, in every
 * integer format. */
static void training_begins_where_the_codes_are(void)
{
    static const char *const spec[] = {
        "int4",    "int2:group16", "uint4:group16", "int8:tensor",
        "ternary", "binary",       "int3:full",     "int4:pow2"};
    for (size_t f = 0; f < sizeof spec / sizeof *spec; f++) {
        float w[ROWS * K], used[ROWS * K], want[ROWS * K];
        struct haq_weight_spec s;
        struct haq_qweight q;
        struct haq_train_weight t;
        struct haq_diag d;
        weights(w);
        CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&s, spec[f], &d), HAQ_OK);
        CU_ASSERT_EQUAL_FATAL(haq_qweight_scales(&q, w, ROWS, K, &s, &d),
                              HAQ_OK);
        CU_ASSERT_EQUAL_FATAL(haq_qweight_round(&q, w, &d), HAQ_OK);
        /* Some codes that are not the nearest. */
        for (int i = 0; i < ROWS * K; i += 7)
            if (i / K != 3 && haq_qweight_is_code(&s, q.codes[i] - 1))
                q.codes[i]--;
        haq_qweight_dequantize(want, &q);
        CU_ASSERT_EQUAL_FATAL(haq_train_weight_init(&t, &q, w, &d), HAQ_OK);
        haq_train_weight_use(&t, used);
        CU_ASSERT_EQUAL(memcmp(t.q.codes, q.codes, ROWS * K), 0);
        for (int i = 0; i < ROWS * K; i++)
            CU_ASSERT_DOUBLE_EQUAL((double)used[i], (double)want[i], 1e-6);
        haq_train_weight_fini(&t);
        haq_qweight_fini(&q);
    }
}

/* LSQ, equation 3: inside round(v) - v, outside the code. */
static void gradients_of_a_scale_are_lsqs(void)
{
    const float w[4] = {0.2f, -0.9f, 2.6f, -3.1f}, dw[4] = {1, 2, 3, -4};
    float used[4];
    struct haq_weight_spec s;
    struct haq_qweight q;
    struct haq_train_weight t;
    struct haq_diag d;
    CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&s, "int2", &d), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_qweight_scales(&q, w, 1, 4, &s, &d), HAQ_OK);
    haq_qweight_set_scale(&q, 0, 1, 0);
    CU_ASSERT_EQUAL_FATAL(haq_qweight_round(&q, w, &d), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_train_weight_init(&t, &q, w, &d), HAQ_OK);
    haq_train_weight_use(&t, used);
    haq_train_weight_back(&t, dw);
    /* 0.2 -> 0, -0.9 -> -1, 2.6 -> 1 (outside), -3.1 -> -1 (outside). */
    CU_ASSERT_DOUBLE_EQUAL((double)t.dt[0], -0.2 * 1 - 0.1 * 2 + 3 + 4, 1e-5);
    CU_ASSERT_EQUAL(t.du[0], 1);
    CU_ASSERT_EQUAL(t.du[1], 2);
    CU_ASSERT_EQUAL(t.du[2], 3); /* leads back inside */
    CU_ASSERT_EQUAL(t.du[3], -4);
    const float away[4] = {1, 2, -3, 4};
    haq_train_weight_back(&t, away);
    CU_ASSERT_EQUAL(t.du[2], 0);
    CU_ASSERT_EQUAL(t.du[3], 0);
    haq_train_weight_fini(&t);
    haq_qweight_fini(&q);
}

/* ---- blocks ---------------------------------------------------------------
 */

/* Blocks of at least one layer: ResNet-20 has its first layer, nine residual
 * blocks and the last layer; the transformer an attention and a feed-forward
 * part for each of five layers, and the head. */
static void networks_fall_apart_where_one_tensor_goes_on(void)
{
    static const struct {
        const char *model;
        size_t blocks;
    } want[] = {
        {"resnet20-cifar10", 11}, {"stories260k-lm", 11}, {"dscnn-kws", 10}};
    const char *dir = shared_data();
    for (size_t m = 0; dir && m < sizeof want / sizeof *want; m++) {
        char path[512];
        struct haq_diag d;
        struct haq_graph *g;
        struct haq_net *net;
        struct haq_train_block *block;
        size_t n;
        struct haq_import_options opt = {.batch = 2};
        snprintf(path, sizeof path, "%s/%s/model.onnx", dir, want[m].model);
        CU_ASSERT_EQUAL_FATAL(haq_onnx_load(&g, path, &opt, &d), HAQ_OK);
        CU_ASSERT_EQUAL_FATAL(haq_net_new(&net, g, NULL, &d), HAQ_OK);
        CU_ASSERT_EQUAL_FATAL(haq_train_blocks(&block, &n, net, 1, &d), HAQ_OK);
        CU_ASSERT_EQUAL(n, want[m].blocks);
        for (size_t i = 0; i + 1 < n; i++) {
            CU_ASSERT_EQUAL(block[i].end, block[i + 1].begin);
            CU_ASSERT_EQUAL(block[i].out, block[i + 1].in);
        }
        CU_ASSERT_EQUAL(block[0].begin, 0);
        CU_ASSERT_EQUAL(block[n - 1].end, net->steps);
        CU_ASSERT_EQUAL(block[n - 1].out, net->output);
        free(block);
        haq_net_free(net);
        haq_graph_free(g);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(losses_have_their_gradients),
        HAQ_TEST(losses_have_known_values),
        HAQ_TEST(adam_does_what_its_paper_says),
        HAQ_TEST(training_begins_where_the_codes_are),
        HAQ_TEST(gradients_of_a_scale_are_lsqs),
        HAQ_TEST(networks_fall_apart_where_one_tensor_goes_on),
        CU_TEST_INFO_NULL};
    return run_suite("train/training", tests);
}
