/* A network that runs backwards: its outputs are the engine's, its gradients
 * are what central differences of its own loss say. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "graph/onnx_import.h"
#include "graph/op.h"
#include "quant/layer_weight.h"
#include "runtime/exec.h"
#include "tests/suite.h"
#include "train/net.h"

/* ---- a loss and its slope along a direction -------------------------------
 */

struct trial {
    struct haq_net *net;
    struct haq_tape *tape;
    float *weight;  /* what one number of the output counts in the loss */
    float **w, **v; /* weights of each layer, and the direction */
    struct haq_rng rng;
};

static void open_trial(struct trial *t, const struct haq_graph *g,
                       const struct haq_qgraph *q)
{
    struct haq_diag d = {0};
    memset(t, 0, sizeof *t);
    haq_rng_seed(&t->rng, 7);
    haq_net_new(&t->net, g, q, &d);
    CU_ASSERT_STRING_EQUAL_FATAL(d.text, "");
    CU_ASSERT_EQUAL_FATAL(haq_tape_new(&t->tape, t->net, &d), HAQ_OK);
    size_t n = t->net->slot[t->net->output].count;
    t->weight = malloc(n * sizeof *t->weight);
    for (size_t i = 0; i < n; i++)
        t->weight[i] = (float)haq_rng_normal(&t->rng);
    t->w = calloc(t->net->layers, sizeof *t->w);
    t->v = calloc(t->net->layers, sizeof *t->v);
    for (size_t l = 0; l < t->net->layers; l++) {
        struct haq_layer_weight w;
        size_t count = t->net->layer[l].n * t->net->layer[l].k;
        CU_ASSERT_EQUAL_FATAL(
            haq_layer_weight_get(&w, g, &g->nodes[t->net->layer[l].node], &d),
            HAQ_OK);
        t->w[l] = malloc(count * sizeof(float));
        t->v[l] = malloc(count * sizeof(float));
        memcpy(t->w[l], w.w, count * sizeof(float));
        haq_layer_weight_fini(&w);
        for (size_t i = 0; i < count; i++)
            t->v[l][i] =
                (float)haq_rng_normal(&t->rng) * (1e-3f + fabsf(t->w[l][i]));
    }
}

static void close_trial(struct trial *t)
{
    for (size_t l = 0; l < t->net->layers; l++) {
        free(t->w[l]);
        free(t->v[l]);
    }
    free(t->w);
    free(t->v);
    free(t->weight);
    haq_tape_free(t->tape);
    haq_net_free(t->net);
}

/* The loss with all weights moved by `step` along the direction. */
static double loss_at(struct trial *t, double step)
{
    for (size_t l = 0; l < t->net->layers; l++) {
        size_t count = t->net->layer[l].n * t->net->layer[l].k;
        float *w = malloc(count * sizeof *w);
        for (size_t i = 0; i < count; i++)
            w[i] = (float)((double)t->w[l][i] + step * (double)t->v[l][i]);
        haq_net_set_weight(t->net, l, w);
        free(w);
    }
    haq_tape_forward(t->tape, 0, t->net->steps);
    const float *y = haq_tape_value(t->tape, t->net->output);
    double sum = 0;
    for (size_t i = 0; i < t->net->slot[t->net->output].count; i++)
        sum += (double)y[i] * (double)t->weight[i];
    return sum;
}

static double norm(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* The slope along the direction; `steepest` makes the gradient the direction
 * first, in every layer as long as its weights: where few kinks and little
 * rounding hide it. */
static double slope_backwards(struct trial *t, bool steepest)
{
    double sum = 0;
    loss_at(t, 0);
    haq_tape_reset(t->tape, 0, t->net->steps);
    haq_tape_clear(t->tape);
    memcpy(haq_tape_gradient(t->tape, t->net->output), t->weight,
           t->net->slot[t->net->output].count * sizeof(float));
    haq_tape_backward(t->tape, 0, t->net->steps);
    for (size_t l = 0; l < t->net->layers; l++) {
        const struct haq_train_layer *layer = &t->net->layer[l];
        size_t count = layer->n * layer->k;
        float *dw = calloc(count, sizeof *dw), *db = calloc(layer->n, 4);
        haq_tape_layer_sums(t->tape, l, dw, db);
        double scale = norm(t->w[l], count) / norm(dw, count);
        for (size_t i = 0; steepest && i < count; i++)
            t->v[l][i] = (float)(scale * (double)dw[i]);
        for (size_t i = 0; i < count; i++)
            sum += (double)dw[i] * (double)t->v[l][i];
        free(dw);
        free(db);
    }
    return sum;
}

/* Richardson's combination of two central differences. */
static double slope_by_differences(struct trial *t, double step)
{
    double one = (loss_at(t, step) - loss_at(t, -step)) / (2 * step);
    double two = (loss_at(t, 2 * step) - loss_at(t, -2 * step)) / (4 * step);
    return (4 * one - two) / 3;
}

static void agree(struct trial *t, bool steepest, double step, double tolerance,
                  const char *what)
{
    double a = slope_backwards(t, steepest), b = slope_by_differences(t, step);
    bool ok = fabs(a - b) <= tolerance * fmax(fabs(b), 1e-2);
    if (!ok)
        printf("\n    %s: backwards %.6g, differences %.6g\n", what, a, b);
    CU_ASSERT_TRUE(ok);
}

/* ---- one operator behind a layer ------------------------------------------
 */

static void fill(struct haq_rng *r, float *x, size_t n, float about)
{
    for (size_t i = 0; i < n; i++)
        x[i] = about + (float)haq_rng_normal(r) * 0.5f;
}

/* A graph that ends with a node whose inputs are the layer's output and what
 * the caller adds. */
struct small {
    struct haq_graph *g;
    struct haq_rng rng;
    int hidden;
    float about; /* mean of what the layer makes: keeps logarithms real */
};

static int constant(struct small *s, const char *name, struct haq_shape shape,
                    float about)
{
    size_t n = 0;
    haq_shape_count(&shape, &n);
    float *x = malloc(n * sizeof *x);
    fill(&s->rng, x, n, about);
    int v = haq_graph_add_const(s->g, name, HAQ_F32, &shape, x);
    free(x);
    return v;
}

/* A 1x1 convolution over [2, 5, 6, 3] to four channels. */
static void begin_image(struct small *s, float about)
{
    struct haq_shape in = {4, {2, 5, 6, 3}}, out = {4, {2, 5, 6, 4}};
    s->g = haq_graph_new();
    haq_rng_seed(&s->rng, 3);
    s->g->nhwc = true;
    s->g->batch = 2;
    s->g->inputs = haq_arena_alloc(&s->g->arena, sizeof(int));
    s->g->outputs = haq_arena_alloc(&s->g->arena, sizeof(int));
    s->g->n_inputs = s->g->n_outputs = 1;
    s->g->inputs[0] = haq_graph_add_value(s->g, "x", HAQ_F32, &in);
    int w = constant(s, "w", (struct haq_shape){4, {4, 3, 1, 1}}, 0);
    int b = constant(s, "b", (struct haq_shape){1, {4}}, about);
    s->hidden = haq_graph_add_value(s->g, "h", HAQ_F32, &out);
    int n = haq_graph_add_node(s->g, haq_op(HAQ_OP_CONV), "conv", 3, 1);
    struct haq_node *node = &s->g->nodes[n];
    node->in[0] = s->g->inputs[0];
    node->in[1] = w;
    node->in[2] = b;
    node->out[0] = s->hidden;
    node->layer = "h";
    node->clamp = (struct haq_clamp){-INFINITY, INFINITY};
    node->attr.window = (struct haq_window){
        .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .group = 1};
}

static struct haq_node *add(struct small *s, enum haq_opcode code, int n_in,
                            struct haq_shape out)
{
    int n = haq_graph_add_node(s->g, haq_op(code), "last", n_in, 1);
    int y = haq_graph_add_value(s->g, "y", HAQ_F32, &out);
    struct haq_node *node = &s->g->nodes[n];
    for (int i = 0; i < n_in; i++)
        node->in[i] = s->hidden;
    node->out[0] = s->g->outputs[0] = y;
    s->g->values[y].producer = n;
    node->clamp = (struct haq_clamp){-INFINITY, INFINITY};
    node->attr.alpha = 0.2f;
    node->attr.beta = 0.5f;
    node->attr.epsilon = 1e-3f;
    return node;
}

static void check(struct small *s, const char *what)
{
    struct trial t;
    open_trial(&t, s->g, NULL);
    fill(&s->rng, haq_tape_value(t.tape, t.net->input),
         t.net->slot[t.net->input].count, 0);
    agree(&t, false, 2e-3, 5e-3, what);
    close_trial(&t);
    haq_graph_free(s->g);
}

static const struct haq_shape MAP = {4, {2, 5, 6, 4}};

static void functions_of_one_number(void)
{
    static const struct {
        enum haq_opcode code;
        float about; /* positive for some, away from kinks for others */
    } row[] = {{HAQ_OP_LEAKY_RELU, 4},   {HAQ_OP_SIGMOID, 0},
               {HAQ_OP_SILU, 0},         {HAQ_OP_TANH, 0},
               {HAQ_OP_HARD_SIGMOID, 0}, {HAQ_OP_HARD_SWISH, 0},
               {HAQ_OP_ERF, 0},          {HAQ_OP_GELU, 0},
               {HAQ_OP_EXP, 0},          {HAQ_OP_LOG, 5},
               {HAQ_OP_NEG, 0},          {HAQ_OP_ABS, -4},
               {HAQ_OP_SQRT, 5},         {HAQ_OP_RECIPROCAL, 5},
               {HAQ_OP_RELU, 0}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct small s;
        begin_image(&s, row[i].about);
        struct haq_node *n = add(&s, row[i].code, 1, MAP);
        if (row[i].code == HAQ_OP_RELU)
            n->clamp.lo = 0;
        check(&s, haq_op(row[i].code)->name);
    }
}

static void functions_of_two_numbers_broadcast(void)
{
    static const enum haq_opcode code[] = {HAQ_OP_ADD, HAQ_OP_SUB, HAQ_OP_MUL,
                                           HAQ_OP_DIV, HAQ_OP_POW, HAQ_OP_MIN,
                                           HAQ_OP_MAX};
    for (size_t i = 0; i < sizeof code / sizeof *code; i++)
        for (int side = 0; side < 2; side++) {
            struct small s;
            begin_image(&s, 4);
            int c = constant(&s, "c", (struct haq_shape){2, {6, 1}}, 2);
            add(&s, code[i], 2, MAP)->in[side] = c;
            check(&s, haq_op(code[i])->name);
        }
    struct small s;
    begin_image(&s, 1);
    add(&s, HAQ_OP_MUL, 2, MAP); /* both sides are the layer: a square */
    check(&s, "square");
}

static void windows_pool(void)
{
    static const enum haq_opcode code[] = {HAQ_OP_MAX_POOL,
                                           HAQ_OP_AVERAGE_POOL};
    for (size_t i = 0; i < 2; i++)
        for (int count = 0; count < 2; count++) {
            struct small s;
            begin_image(&s, 0);
            struct haq_node *n =
                add(&s, code[i], 1, (struct haq_shape){4, {2, 3, 3, 4}});
            n->attr.window = (struct haq_window){.kernel = {3, 2},
                                                 .stride = {2, 2},
                                                 .dilation = {1, 1},
                                                 .pad = {1, 0, 1, 0},
                                                 .group = 1,
                                                 .count_pad = count};
            check(&s, haq_op(code[i])->name);
        }
    struct small s;
    begin_image(&s, 0);
    add(&s, HAQ_OP_GLOBAL_AVERAGE_POOL, 1, (struct haq_shape){4, {2, 1, 1, 4}});
    check(&s, "global pool");
}

static void rows_are_normalized(void)
{
    static const enum haq_opcode code[] = {HAQ_OP_LAYER_NORM, HAQ_OP_RMS_NORM};
    for (size_t i = 0; i < 2; i++) {
        struct small s;
        begin_image(&s, 0);
        int scale = constant(&s, "scale", (struct haq_shape){1, {4}}, 1);
        struct haq_node *n = add(&s, code[i], 2, MAP);
        n->in[1] = scale;
        n->attr.axis = 3;
        check(&s, haq_op(code[i])->name);
    }
}

/* At the end a softmax would be the loss's: something stands behind it. */
static void softmax_along_any_axis(void)
{
    static const enum haq_opcode code[] = {HAQ_OP_SOFTMAX, HAQ_OP_LOG_SOFTMAX};
    for (size_t i = 0; i < 4; i++) {
        struct small s;
        begin_image(&s, 0);
        struct haq_node *n = add(&s, code[i % 2], 1, MAP);
        n->attr.axis = i < 2 ? 3 : 2;
        s.hidden = n->out[0];
        s.g->values[s.hidden].name = "softmax";
        add(&s, HAQ_OP_EXP, 1, MAP);
        check(&s, haq_op(code[i % 2])->name);
    }
}

static void sums_and_means(void)
{
    static const enum haq_opcode code[] = {HAQ_OP_REDUCE_MEAN,
                                           HAQ_OP_REDUCE_SUM};
    for (size_t i = 0; i < 2; i++) {
        struct small s;
        begin_image(&s, 0);
        struct haq_node *n = add(&s, code[i], 1, (struct haq_shape){2, {2, 6}});
        n->attr.axes[0] = 1;
        n->attr.axes[1] = 3;
        n->attr.n_axes = 2;
        check(&s, haq_op(code[i])->name);
    }
}

static void numbers_move(void)
{
    struct small s;
    begin_image(&s, 0);
    struct haq_node *n =
        add(&s, HAQ_OP_TRANSPOSE, 1, (struct haq_shape){4, {2, 4, 5, 6}});
    memcpy(n->attr.ints[0], (int64_t[]){0, 3, 1, 2}, 4 * sizeof(int64_t));
    n->attr.n_ints = 4;
    check(&s, "Transpose");

    begin_image(&s, 0);
    n = add(&s, HAQ_OP_CONCAT, 2, (struct haq_shape){4, {2, 5, 6, 8}});
    n->attr.axis = 3;
    check(&s, "Concat");

    begin_image(&s, 0);
    n = add(&s, HAQ_OP_PAD, 1, (struct haq_shape){4, {2, 5, 7, 4}});
    memset(n->attr.ints, 0, sizeof n->attr.ints);
    n->attr.ints[0][2] = 1;
    n->attr.n_ints = 4;
    check(&s, "Pad");

    begin_image(&s, 0);
    n = add(&s, HAQ_OP_SLICE, 1, (struct haq_shape){4, {2, 5, 3, 4}});
    for (int i = 0; i < 4; i++) {
        n->attr.axes[i] = i;
        n->attr.ints[0][i] = 0;
        n->attr.ints[1][i] = MAP.dims[i];
        n->attr.ints[2][i] = i == 2 ? 2 : 1;
    }
    n->attr.n_axes = n->attr.n_ints = 4;
    check(&s, "Slice");
}

static void convolution(struct small *s, int64_t group, int64_t per,
                        int64_t made, const char *what)
{
    begin_image(s, 0);
    int w = constant(s, "w2", (struct haq_shape){4, {made, per, 3, 2}}, 0);
    struct haq_node *n =
        add(s, HAQ_OP_CONV, 2, (struct haq_shape){4, {2, 3, 3, made}});
    n->in[1] = w;
    n->layer = "y";
    n->attr.window = (struct haq_window){.kernel = {3, 2},
                                         .stride = {2, 2},
                                         .dilation = {1, 1},
                                         .pad = {1, 0, 1, 0},
                                         .group = group};
    check(s, what);
}

static void windows_are_convolved(void)
{
    struct small s;
    convolution(&s, 1, 4, 5, "dense");
    convolution(&s, 4, 1, 4, "depthwise");
    convolution(&s, 4, 1, 8, "depthwise, twice");
    convolution(&s, 2, 2, 6, "groups");
}

static void two_activations_are_multiplied(void)
{
    for (int which = 0; which < 4; which++) {
        struct small s;
        begin_image(&s, 0);
        struct haq_node *n =
            add(&s, HAQ_OP_TRANSPOSE, 1, (struct haq_shape){4, {2, 5, 4, 6}});
        memcpy(n->attr.ints[0], (int64_t[]){0, 1, 3, 2}, 4 * sizeof(int64_t));
        n->attr.n_ints = 4;
        int turned = n->out[0], plain = s.hidden;
        s.g->values[turned].name = "turned";
        struct haq_node *m =
            add(&s, HAQ_OP_MATMUL, 2, (struct haq_shape){4, {2, 5, 6, 6}});
        m->in[0] = which & 1 ? turned : plain;
        m->attr.trans_a = which & 1;
        m->in[1] = which & 2 ? plain : turned;
        m->attr.trans_b = which >> 1 & 1;
        check(&s, "MatMul");
    }
}

static void what_cannot_be_trained_is_refused_by_name(void)
{
    struct small s;
    struct haq_net *net;
    struct haq_diag d = {0};
    begin_image(&s, 0);
    add(&s, HAQ_OP_REDUCE_MAX, 1, MAP);
    CU_ASSERT_EQUAL(haq_net_new(&net, s.g, NULL, &d), HAQ_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "ReduceMax last"));
    haq_graph_free(s.g);
}

/* ---- real networks --------------------------------------------------------
 */

static const char *const models[] = {"resnet20-cifar10", "fashion-mnist-cnn",
                                     "dscnn-kws", "mobilenetv1-vww",
                                     "stories260k-lm"};
enum { MODELS = sizeof models / sizeof *models };

static struct haq_graph *load(const char *dir, const char *model)
{
    char path[512];
    struct haq_diag d = {0};
    struct haq_graph *g = NULL;
    struct haq_import_options opt = {.batch = 2};
    snprintf(path, sizeof path, "%s/%s/model.onnx", dir, model);
    CU_ASSERT_EQUAL_FATAL(haq_onnx_load(&g, path, &opt, &d), HAQ_OK);
    return g;
}

static void make_input(void *to, const struct haq_value *v)
{
    struct haq_rng r;
    haq_rng_seed(&r, 11);
    for (size_t i = 0; i < v->count; i++)
        if (v->dtype == HAQ_F32)
            ((float *)to)[i] = (float)haq_rng_normal(&r);
        else
            ((int64_t *)to)[i] = (int64_t)haq_rng_below(&r, 500);
}

static void outputs_are_those_of_the_engine(void)
{
    const char *dir = shared_data();
    for (int m = 0; dir && m < MODELS; m++) {
        struct haq_graph *g = load(dir, models[m]);
        struct haq_plan_options opt = {.isa = 0};
        struct haq_diag d = {0};
        struct haq_plan *plan;
        struct haq_exec *exec;
        struct haq_net *net;
        struct haq_tape *tape;
        const struct haq_value *in = &g->values[g->inputs[0]];
        CU_ASSERT_EQUAL_FATAL(haq_plan_new(&plan, g, NULL, &opt, &d), HAQ_OK);
        CU_ASSERT_EQUAL_FATAL(haq_exec_new(&exec, plan, NULL, &d), HAQ_OK);
        CU_ASSERT_EQUAL_FATAL(haq_net_new(&net, g, NULL, &d), HAQ_OK);
        CU_ASSERT_EQUAL_FATAL(haq_tape_new(&tape, net, &d), HAQ_OK);
        make_input(haq_exec_input(exec, 0), in);
        make_input(haq_tape_value(tape, net->input), in);
        haq_exec_run(exec);
        haq_tape_forward(tape, 0, net->steps);
        const float *a = haq_exec_output(exec, 0);
        const float *b = haq_tape_read(tape, net->slot_of[g->outputs[0]]);
        float most = 0, apart = 0;
        for (size_t i = 0; i < g->values[g->outputs[0]].count; i++) {
            most = fmaxf(most, fabsf(a[i]));
            apart = fmaxf(apart, fabsf(a[i] - b[i]));
        }
        CU_ASSERT_TRUE(apart <= 2e-5f * most);
        haq_tape_free(tape);
        haq_net_free(net);
        haq_exec_free(exec);
        haq_plan_free(plan);
        haq_graph_free(g);
    }
}

static void gradients_of_whole_networks(void)
{
    const char *dir = shared_data();
    for (int m = 0; dir && m < MODELS; m++) {
        struct haq_graph *g = load(dir, models[m]);
        struct trial t;
        open_trial(&t, g, NULL);
        make_input(haq_tape_value(t.tape, t.net->input),
                   &g->values[g->inputs[0]]);
        agree(&t, true, 4e-6, 0.01, models[m]);
        close_trial(&t);
        haq_graph_free(g);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(functions_of_one_number),
                           HAQ_TEST(functions_of_two_numbers_broadcast),
                           HAQ_TEST(windows_pool),
                           HAQ_TEST(rows_are_normalized),
                           HAQ_TEST(softmax_along_any_axis),
                           HAQ_TEST(sums_and_means),
                           HAQ_TEST(numbers_move),
                           HAQ_TEST(windows_are_convolved),
                           HAQ_TEST(two_activations_are_multiplied),
                           HAQ_TEST(what_cannot_be_trained_is_refused_by_name),
                           HAQ_TEST(outputs_are_those_of_the_engine),
                           HAQ_TEST(gradients_of_whole_networks),
                           CU_TEST_INFO_NULL};
    return run_suite("train/net", tests);
}
