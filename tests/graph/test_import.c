/* The real models, and the two networks everybody exports from torch. */
#include <math.h>

#include "graph/layers.h"
#include "graph/onnx_import.h"
#include "graph/op.h"
#include "tests/suite.h"
#include "tests/support/onnx_writer.h"

static struct haq_graph *load(const char *model, int64_t batch, bool raw,
                              bool keep_nchw)
{
    char path[512];
    struct haq_graph *g = NULL;
    struct haq_diag d = {0};
    struct haq_import_options opt = {
        .batch = batch, .raw = raw, .keep_nchw = keep_nchw};

    snprintf(path, sizeof path, "%s/%s", shared_data(), model);
    if (haq_onnx_load(&g, path, &opt, &d))
        printf("\n    %s\n", d.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    return g;
}

static int count_ops(const struct haq_graph *g, enum haq_opcode code)
{
    int n = 0;

    for (int i = 0; i < g->n_nodes; i++)
        n += g->nodes[i].op->code == code;
    return n;
}

static void check_shape(const struct haq_graph *g, int v, int rank,
                        const int64_t *dims)
{
    CU_ASSERT_EQUAL(g->values[v].shape.rank, rank);
    for (int i = 0; i < rank; i++)
        CU_ASSERT_EQUAL(g->values[v].shape.dims[i], dims[i]);
}

static const char *const models[] = {
    "dscnn-kws/model.onnx",       "fashion-mnist-cnn/model.onnx",
    "mobilenetv1-vww/model.onnx", "resnet20-cifar10/model.onnx",
    "stories260k-lm/model.onnx",  "resnet20-cifar10/model_torch_export.onnx",
};
enum { MODELS = sizeof models / sizeof *models };

static void every_shared_model_imports_at_any_batch_and_layout(void)
{
    if (!shared_data())
        return;
    for (int m = 0; m < MODELS; m++)
        for (int64_t batch = 1; batch <= 7; batch += 6)
            for (int form = 0; form < 3; form++) {
                struct haq_graph *g =
                    load(models[m], batch, form == 1, form == 2);
                CU_ASSERT_EQUAL(g->batch, batch);
                CU_ASSERT_EQUAL(g->nhwc, form == 0);
                CU_ASSERT_EQUAL(g->values[g->inputs[0]].shape.dims[0], batch);
                CU_ASSERT_EQUAL(g->values[g->outputs[0]].shape.dims[0], batch);
                haq_graph_free(g);
            }
}

/* What README.md of the data says about each network. */
static void inputs_and_outputs_have_the_documented_shapes(void)
{
    static const struct {
        const char *in, *out;
        int in_rank, out_rank;
        int64_t in_dims[4], out_dims[4];
    } want[] = {
        {"input", "probs", 4, 2, {1, 1, 49, 10}, {1, 12}},
        {"input", "logits", 4, 2, {1, 1, 28, 28}, {1, 10}},
        {"input", "probs", 4, 2, {1, 3, 96, 96}, {1, 2}},
        {"input", "logits", 4, 2, {1, 3, 32, 32}, {1, 10}},
        {"tokens", "logits", 2, 3, {1, 128}, {1, 128, 512}},
        {"input", "logits", 4, 2, {1, 3, 32, 32}, {1, 10}},
    };

    if (!shared_data())
        return;
    for (int m = 0; m < MODELS; m++) {
        struct haq_graph *g = load(models[m], 1, false, false);
        CU_ASSERT_STRING_EQUAL(g->values[g->inputs[0]].name, want[m].in);
        CU_ASSERT_STRING_EQUAL(g->values[g->outputs[0]].name, want[m].out);
        check_shape(g, g->inputs[0], want[m].in_rank, want[m].in_dims);
        check_shape(g, g->outputs[0], want[m].out_rank, want[m].out_dims);
        haq_graph_free(g);
    }
}

static void batch_norm_activations_and_constants_disappear(void)
{
    /* Conv, Gemm, MatMul as the README of each network counts them. */
    static const int conv[MODELS] = {9, 2, 27, 19, 0, 19};
    static const int gemm[MODELS] = {1, 2, 1, 1, 0, 1};
    static const int matmul[MODELS] = {0, 0, 0, 0, 46, 0};

    if (!shared_data())
        return;
    for (int m = 0; m < MODELS; m++) {
        struct haq_graph *g = load(models[m], 1, false, false);
        int layers = 0;
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_CONV), conv[m]);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_GEMM), gemm[m]);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_MATMUL), matmul[m]);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_BATCH_NORM), 0);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_RELU), 0);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_CONSTANT_OF_SHAPE), 0);
        for (int i = 0; i < g->n_nodes; i++)
            layers += g->nodes[i].layer != NULL;
        CU_ASSERT_EQUAL(layers, conv[m] + gemm[m] + (matmul[m] ? 36 : 0));
        haq_graph_free(g);
    }
}

static void an_image_is_transposed_once_and_a_grey_one_never(void)
{
    static const int transposes[MODELS] = {0, 1, 1, 1, 25, 1};

    if (!shared_data())
        return;
    for (int m = 0; m < MODELS; m++) {
        struct haq_graph *g = load(models[m], 3, false, false);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_TRANSPOSE), transposes[m]);
        haq_graph_free(g);
    }
}

static void raw_torch_export_becomes_the_folded_network(void)
{
    if (!shared_data())
        return;
    struct haq_graph *a = load(models[3], 2, false, false);
    struct haq_graph *b = load(models[5], 2, false, false);
    double worst = 0;

    CU_ASSERT_EQUAL_FATAL(a->n_nodes, b->n_nodes);
    for (int i = 0; i < a->n_nodes; i++) {
        const struct haq_node *x = &a->nodes[i], *y = &b->nodes[i];
        CU_ASSERT_PTR_EQUAL_FATAL(x->op, y->op);
        CU_ASSERT_EQUAL(x->clamp.lo, y->clamp.lo);
        CU_ASSERT(!memcmp(x->attr.ints, y->attr.ints, sizeof x->attr.ints));
        CU_ASSERT(haq_shape_equal(&a->values[x->out[0]].shape,
                                  &b->values[y->out[0]].shape));
        for (int k = 1; x->layer && k < 3; k++) {
            const struct haq_value *v = &a->values[x->in[k]];
            const struct haq_value *w = &b->values[y->in[k]];
            CU_ASSERT_EQUAL_FATAL(v->count, w->count);
            for (size_t e = 0; e < v->count; e++) {
                double u = ((const float *)v->data)[e];
                worst =
                    fmax(worst, fabs(u - (double)((const float *)w->data)[e]) /
                                    fmax(1, fabs(u)));
            }
        }
    }
    /* torch folded in float32, we in double. */
    CU_ASSERT(worst < 2e-6);
    haq_graph_free(a);
    haq_graph_free(b);
}

static void layers_are_named_by_the_file_whatever_the_batch(void)
{
    if (!shared_data())
        return;
    struct haq_graph *a = load(models[3], 1, false, false);
    struct haq_graph *b = load(models[3], 7, false, true);

    CU_ASSERT(haq_graph_find_layer(a, "/conv1/Conv_output_0") >= 0);
    CU_ASSERT(haq_graph_find_layer(a, "logits") >= 0);
    CU_ASSERT_EQUAL(haq_graph_find_layer(a, "/Relu_output_0"), -1);
    for (int i = 0; i < a->n_nodes; i++)
        if (a->nodes[i].layer)
            CU_ASSERT(haq_graph_find_layer(b, a->nodes[i].layer) >= 0);
    /* The fused activation's tensor is what the convolution makes now. */
    int first = haq_graph_find_layer(a, "/conv1/Conv_output_0");
    CU_ASSERT_STRING_EQUAL(a->values[a->nodes[first].out[0]].source,
                           "/Relu_output_0");
    haq_graph_free(a);
    haq_graph_free(b);
}

static void hash_is_that_of_the_file(void)
{
    char alone[HAQ_HASH_HEX], file[HAQ_HASH_HEX], path[512];

    if (!shared_data())
        return;
    struct haq_graph *g = load(models[1], 1, false, false);
    snprintf(path, sizeof path, "%s/%s", shared_data(), models[1]);
    CU_ASSERT_EQUAL(haq_onnx_hash(alone, path, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_hash_file(file, path, NULL), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(alone, file);
    CU_ASSERT_STRING_EQUAL(g->model_hash, file);
    haq_graph_free(g);
}

/* ---- networks written the way torch writes them ---------------------------
 */

struct net {
    struct onnx m;
    int n;      /* names so far */
    bool bn;    /* BatchNormalization as a node of its own */
    char x[32]; /* tensor the next node reads */
};

static void weights(struct net *t, const char *name, size_t rank,
                    const int64_t *dims)
{
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    float *w = malloc(count * sizeof *w);
    for (size_t i = 0; i < count; i++)
        w[i] = 0.01f * (float)(i % 17) + 0.01f;
    initializer(&t->m, name, ONNX_F32, rank, dims, w, count * sizeof *w);
    free(w);
}

static void conv(struct net *t, int64_t in, int64_t out, int64_t kernel,
                 int64_t stride, int64_t group)
{
    char w[16], b[16], y[16], list[128];
    int64_t dims[] = {out, in / group, kernel, kernel};
    int64_t square[] = {kernel, kernel}, step[] = {stride, stride};
    int64_t pad = kernel / 2, pads[] = {pad, pad, pad, pad};
    int id = t->n++;

    snprintf(w, sizeof w, "w%d", id);
    snprintf(b, sizeof b, "b%d", id);
    snprintf(y, sizeof y, "y%d", id);
    weights(t, w, 4, dims);
    if (!t->bn)
        weights(t, b, 1, &out);
    snprintf(list, sizeof list, t->bn ? "%s,%s" : "%s,%s,%s", t->x, w, b);
    struct wire n = node("Conv", list, y);
    attr_ints(&n, "dilations", 2, (int64_t[]){1, 1});
    attr_int(&n, "group", group);
    attr_ints(&n, "kernel_shape", 2, square);
    attr_ints(&n, "pads", 4, pads);
    attr_ints(&n, "strides", 2, step);
    add(&t->m, n);
    snprintf(t->x, sizeof t->x, "%s", y);
    if (!t->bn)
        return;
    snprintf(list, sizeof list, "%s,g%d,h%d,m%d,v%d", y, id, id, id, id);
    for (size_t k = 0; k < 4; k++) {
        char name[16];
        snprintf(name, sizeof name, "%c%d", "ghmv"[k], id);
        weights(t, name, 1, &out);
    }
    snprintf(y, sizeof y, "n%d", id);
    n = node("BatchNormalization", list, y);
    attr_float(&n, "epsilon", 1e-5f);
    attr_float(&n, "momentum", 0.9f);
    attr_int(&n, "training_mode", 0);
    add(&t->m, n);
    snprintf(t->x, sizeof t->x, "%s", y);
}

static void unary(struct net *t, const char *op, const char *rest)
{
    char y[16], list[96];

    snprintf(y, sizeof y, "u%d", t->n++);
    snprintf(list, sizeof list, "%s%s", t->x, rest);
    struct wire n = node(op, list, y);
    if (!strcmp(op, "MaxPool")) {
        attr_int(&n, "ceil_mode", 0);
        attr_ints(&n, "kernel_shape", 2, (int64_t[]){3, 3});
        attr_ints(&n, "pads", 4, (int64_t[]){1, 1, 1, 1});
        attr_ints(&n, "strides", 2, (int64_t[]){2, 2});
    }
    add(&t->m, n);
    snprintf(t->x, sizeof t->x, "%s", y);
}

static void residual(struct net *t, const char *other)
{
    char y[16], list[96];

    snprintf(y, sizeof y, "u%d", t->n++);
    snprintf(list, sizeof list, "%s,%s", t->x, other);
    add(&t->m, node("Add", list, y));
    snprintf(t->x, sizeof t->x, "%s", y);
}

static struct haq_graph *classify(struct net *t, int64_t features)
{
    char list[64];
    struct haq_graph *g = NULL;
    struct haq_diag d = {0};
    struct haq_import_options opt = {.batch = 2};

    unary(t, "GlobalAveragePool", "");
    unary(t, "Flatten", "");
    weights(t, "fc.weight", 2, (int64_t[]){1000, features});
    weights(t, "fc.bias", 1, (int64_t[]){1000});
    snprintf(list, sizeof list, "%s,fc.weight,fc.bias", t->x);
    struct wire n = node("Gemm", list, "output");
    attr_float(&n, "alpha", 1);
    attr_float(&n, "beta", 1);
    attr_int(&n, "transB", 1);
    add(&t->m, n);
    output(&t->m, "output");
    struct wire file = finish(&t->m);
    if (haq_onnx_parse(&g, "net", file.data, file.len, &opt, &d))
        printf("\n    %s\n", d.text);
    free(file.data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    return g;
}

static void begin(struct net *t, bool bn)
{
    memset(t, 0, sizeof *t);
    t->m.opset = 13;
    t->bn = bn;
    strcpy(t->x, "input");
    input(&t->m, "input", ONNX_F32, 4, (int64_t[]){-1, 3, 224, 224});
}

static void basic_block(struct net *t, int64_t in, int64_t out, int64_t stride)
{
    char shortcut[32], main_path[32];

    snprintf(shortcut, sizeof shortcut, "%s", t->x);
    conv(t, in, out, 3, stride, 1);
    unary(t, "Relu", "");
    conv(t, out, out, 3, 1, 1);
    if (stride != 1) {
        snprintf(main_path, sizeof main_path, "%s", t->x);
        snprintf(t->x, sizeof t->x, "%s", shortcut);
        conv(t, in, out, 1, stride, 1);
        snprintf(shortcut, sizeof shortcut, "%s", t->x);
        snprintf(t->x, sizeof t->x, "%s", main_path);
    }
    residual(t, shortcut);
    unary(t, "Relu", "");
}

/* 1,814,073,344 multiply-adds and 11,689,512 parameters are torchvision's
 * figures; 9,600 of the parameters are in batch norms, of which half remain as
 * biases. */
static void resnet18_imports_with_the_published_cost(void)
{
    for (int bn = 0; bn < 2; bn++) {
        struct net t;
        begin(&t, bn);
        conv(&t, 3, 64, 7, 2, 1);
        unary(&t, "Relu", "");
        unary(&t, "MaxPool", "");
        int64_t in = 64;
        for (int64_t out = 64; out <= 512; out *= 2) {
            basic_block(&t, in, out, out == 64 ? 1 : 2);
            basic_block(&t, out, out, 1);
            in = out;
        }
        struct haq_graph *g = classify(&t, 512);
        struct haq_layers table;
        CU_ASSERT_EQUAL_FATAL(haq_layers_make(&table, g, "r.onnx", NULL),
                              HAQ_OK);
        CU_ASSERT_EQUAL(table.n, 21);
        CU_ASSERT_EQUAL(table.macs, 1814073344);
        CU_ASSERT_EQUAL(table.params, 11689512 - 4800);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_TRANSPOSE), 1);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_BATCH_NORM), 0);
        CU_ASSERT_EQUAL(g->n_nodes, 1 + 20 + 1 + 8 + 1 + 1 + 1);
        haq_layers_fini(&table);
        haq_graph_free(g);
    }
}

static void inverted_residual(struct net *t, int64_t in, int64_t out,
                              int64_t stride, int64_t expand)
{
    char shortcut[32];

    snprintf(shortcut, sizeof shortcut, "%s", t->x);
    if (expand != 1) {
        conv(t, in, in * expand, 1, 1, 1);
        unary(t, "Clip", ",zero,six");
    }
    conv(t, in * expand, in * expand, 3, stride, in * expand);
    unary(t, "Clip", ",zero,six");
    conv(t, in * expand, out, 1, 1, 1);
    if (stride == 1 && in == out)
        residual(t, shortcut);
}

/* torchvision: 300,774,272 multiply-adds, 3,504,872 parameters, 34,112 of them
 * in batch norms. */
static void mobilenet_v2_imports_with_the_published_cost(void)
{
    static const int64_t blocks[][4] = {
        {1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
        {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

    for (int bn = 0; bn < 2; bn++) {
        struct net t;
        float zero = 0, six = 6;
        begin(&t, bn);
        initializer(&t.m, "zero", ONNX_F32, 0, NULL, &zero, sizeof zero);
        initializer(&t.m, "six", ONNX_F32, 0, NULL, &six, sizeof six);
        conv(&t, 3, 32, 3, 2, 1);
        unary(&t, "Clip", ",zero,six");
        int64_t in = 32;
        for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
            for (int64_t k = 0; k < blocks[b][2]; k++) {
                inverted_residual(&t, in, blocks[b][1], k ? 1 : blocks[b][3],
                                  blocks[b][0]);
                in = blocks[b][1];
            }
        conv(&t, 320, 1280, 1, 1, 1);
        unary(&t, "Clip", ",zero,six");
        unary(&t, "Dropout", "");
        struct haq_graph *g = classify(&t, 1280);
        struct haq_layers table;
        CU_ASSERT_EQUAL_FATAL(haq_layers_make(&table, g, "m.onnx", NULL),
                              HAQ_OK);
        CU_ASSERT_EQUAL(table.n, 53);
        CU_ASSERT_EQUAL(table.macs, 300774272);
        CU_ASSERT_EQUAL(table.params, 3504872 - 34112 / 2);
        CU_ASSERT_EQUAL(table.layer[1].depthwise, true);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_CLIP), 0);
        CU_ASSERT_EQUAL(count_ops(g, HAQ_OP_TRANSPOSE), 1);
        CU_ASSERT_EQUAL(g->n_nodes, 1 + 52 + 10 + 1 + 1 + 1);
        haq_layers_fini(&table);
        haq_graph_free(g);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_shared_model_imports_at_any_batch_and_layout),
        HAQ_TEST(inputs_and_outputs_have_the_documented_shapes),
        HAQ_TEST(batch_norm_activations_and_constants_disappear),
        HAQ_TEST(an_image_is_transposed_once_and_a_grey_one_never),
        HAQ_TEST(raw_torch_export_becomes_the_folded_network),
        HAQ_TEST(layers_are_named_by_the_file_whatever_the_batch),
        HAQ_TEST(hash_is_that_of_the_file),
        HAQ_TEST(resnet18_imports_with_the_published_cost),
        HAQ_TEST(mobilenet_v2_imports_with_the_published_cost),
        CU_TEST_INFO_NULL,
    };
    return run_suite("graph/import", tests);
}
