/* One meaning, many spellings: what exporters of different years write must
 * arrive as the same graph. */
#include <math.h>

#include "graph/dump.h"
#include "graph/onnx_import.h"
#include "graph/op.h"
#include "tests/suite.h"
#include "tests/support/onnx_writer.h"

static struct haq_graph *import(struct onnx *m)
{
    struct haq_graph *g = NULL;
    struct haq_diag d = {0};
    struct haq_import_options opt = {.raw = true};
    struct wire file = finish(m);

    if (haq_onnx_parse(&g, "form", file.data, file.len, &opt, &d))
        printf("\n    %s\n", d.text);
    free(file.data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    return g;
}

static struct onnx start(int64_t opset)
{
    struct onnx m = {.opset = opset};

    input(&m, "x", ONNX_F32, 4, (int64_t[]){1, 4, 6, 5});
    return m;
}

/* Import both and compare their text. */
static void check_equal(struct onnx *a, struct onnx *b)
{
    struct onnx *models[] = {a, b};
    char *text[2];
    size_t len[2];

    for (int i = 0; i < 2; i++) {
        FILE *f = open_memstream(&text[i], &len[i]);
        output(models[i], "y");
        struct haq_graph *g = import(models[i]);
        haq_graph_dump(g, f);
        haq_graph_free(g);
        fclose(f);
    }
    CU_ASSERT_STRING_EQUAL(text[0], text[1]);
    free(text[0]);
    free(text[1]);
}

/* The node with ints as attributes in an old opset, and as inputs in a new
 * one, in the order of ONNX's inputs. */
static void check_moved(const char *op, int64_t old, int64_t recent, size_t n,
                        const char *const names[], const int64_t *const v[],
                        const size_t len[])
{
    struct onnx a = start(old), b = start(recent);
    struct wire node_a = node(op, "x", "y");
    char list[128] = "x";

    for (size_t i = 0; i < n; i++) {
        if (v[i]) {
            attr_ints(&node_a, names[i], len[i], v[i]);
            ints(&b, names[i], len[i], v[i]);
        }
        strcat(list, ",");
        strcat(list, v[i] ? names[i] : "");
    }
    add(&a, node_a);
    add(&b, node(op, list, "y"));
    check_equal(&a, &b);
}

static void axes_as_attribute_and_as_input_are_the_same(void)
{
    static const int64_t last[] = {-1}, two[] = {-1, 2}, front[] = {0},
                         part[] = {1, 3};
    const char *const axes[] = {"axes"};

    check_moved("ReduceSum", 11, 13, 1, axes, (const int64_t *[]){two},
                (size_t[]){2});
    check_moved("ReduceMean", 13, 18, 1, axes, (const int64_t *[]){last},
                (size_t[]){1});
    check_moved("ReduceMax", 11, 20, 1, axes, (const int64_t *[]){last},
                (size_t[]){1});
    check_moved("Squeeze", 9, 13, 1, axes, (const int64_t *[]){front},
                (size_t[]){1});
    check_moved("Unsqueeze", 11, 21, 1, axes, (const int64_t *[]){two},
                (size_t[]){2});
    check_moved(
        "Slice", 9, 10, 3, (const char *[]){"starts", "ends", "axes"},
        (const int64_t *[]){part, (int64_t[]){3, -1}, (int64_t[]){1, 3}},
        (size_t[]){2, 2, 2});
}

static void pad_clip_split_and_dropout_of_every_opset_agree(void)
{
    int64_t pads[] = {0, 0, 1, 1, 0, 0, 2, 2}, sizes[] = {1, 3};
    float value = 2, lo = 0, hi = 6;
    struct onnx a = start(9), b = start(19);
    struct wire n = node("Pad", "x", "y");

    attr_ints(&n, "pads", 8, pads);
    attr_float(&n, "value", value);
    attr_str(&n, "mode", "constant");
    add(&a, n);
    ints(&b, "pads", 4, (int64_t[]){1, 1, 2, 2});
    ints(&b, "axes", 2, (int64_t[]){2, -1});
    initializer(&b, "value", ONNX_F32, 0, NULL, &value, sizeof value);
    add(&b, node("Pad", "x,pads,value,axes", "y"));
    check_equal(&a, &b);

    a = start(9), b = start(13);
    n = node("Clip", "x", "y");
    attr_float(&n, "min", lo);
    attr_float(&n, "max", hi);
    add(&a, n);
    initializer(&b, "lo", ONNX_F32, 0, NULL, &lo, sizeof lo);
    initializer(&b, "hi", ONNX_F32, 0, NULL, &hi, sizeof hi);
    add(&b, node("Clip", "x,lo,hi", "y"));
    check_equal(&a, &b);

    a = start(11), b = start(18);
    n = node("Split", "x", "y,z");
    attr_int(&n, "axis", 1);
    attr_ints(&n, "split", 2, sizes);
    add(&a, n);
    ints(&b, "sizes", 2, sizes);
    n = node("Split", "x,sizes", "y,z");
    attr_int(&n, "axis", -3);
    add(&b, n);
    check_equal(&a, &b);

    a = start(9), b = start(13);
    n = node("Dropout", "x", "y");
    attr_float(&n, "ratio", 0.5f);
    add(&a, n);
    initializer(&b, "r", ONNX_F32, 0, NULL, &hi, sizeof hi);
    add(&b, node("Dropout", "x,r", "y"));
    check_equal(&a, &b);
}

static void defaults_that_are_spelled_out_change_nothing(void)
{
    struct onnx a = start(13), b = start(13);
    float w[4 * 4 * 9] = {0};
    struct wire n;

    for (int i = 0; i < 2; i++)
        initializer(i ? &b : &a, "w", ONNX_F32, 4, (int64_t[]){4, 4, 3, 3}, w,
                    sizeof w);
    add(&a, node("Conv", "x,w", "c"));
    add(&a, node("Transpose", "c", "t"));
    add(&a, node("Flatten", "t", "f"));
    add(&a, node("Softmax", "f", "y"));
    n = node("Conv", "x,w,", "c");
    attr_str(&n, "auto_pad", "VALID");
    attr_ints(&n, "dilations", 2, (int64_t[]){1, 1});
    attr_int(&n, "group", 1);
    attr_ints(&n, "kernel_shape", 2, (int64_t[]){3, 3});
    attr_ints(&n, "strides", 2, (int64_t[]){1, 1});
    add(&b, n);
    n = node("Transpose", "c", "t");
    attr_ints(&n, "perm", 4, (int64_t[]){3, 2, 1, 0});
    add(&b, n);
    n = node("Flatten", "t", "f");
    attr_int(&n, "axis", -3);
    add(&b, n);
    n = node("Softmax", "f", "y");
    attr_int(&n, "axis", 1);
    add(&b, n);
    check_equal(&a, &b);
}

/* Before opset 13 Softmax flattened from its axis on, 1 by default. */
static void old_softmax_over_several_axes_is_refused(void)
{
    struct onnx m = start(12);
    struct haq_graph *g = NULL;
    struct haq_diag d;

    add(&m, node("Softmax", "x", "y"));
    output(&m, "y");
    struct wire file = finish(&m);
    CU_ASSERT_EQUAL(haq_onnx_parse(&g, "f", file.data, file.len, NULL, &d),
                    HAQ_UNSUPPORTED);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "several axes"));
    free(file.data);
}

/* ONNX Conv, SAME_UPPER: total = (ceil(in / s) - 1) s + (k - 1) d + 1 - in. */
static void same_padding_is_resolved_as_the_standard_says(void)
{
    static const struct {
        const char *mode;
        int64_t k, s, pad[4];
    } cases[] = {
        /* height 6, width 5 */
        {"SAME_UPPER", 3, 2, {0, 1, 1, 1}}, {"SAME_LOWER", 3, 2, {1, 1, 0, 1}},
        {"SAME_UPPER", 2, 1, {0, 0, 1, 1}}, {"SAME_LOWER", 4, 1, {2, 2, 1, 1}},
        {"VALID", 3, 1, {0, 0, 0, 0}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct onnx m = start(13);
        struct wire n = node("MaxPool", "x", "y");
        attr_str(&n, "auto_pad", cases[i].mode);
        attr_ints(&n, "kernel_shape", 2, (int64_t[]){cases[i].k, cases[i].k});
        attr_ints(&n, "strides", 2, (int64_t[]){cases[i].s, cases[i].s});
        add(&m, n);
        output(&m, "y");
        struct haq_graph *g = import(&m);
        for (int k = 0; k < 4; k++)
            CU_ASSERT_EQUAL(g->nodes[0].attr.window.pad[k], cases[i].pad[k]);
        haq_graph_free(g);
    }
}

/* torch.nn.MaxPool2d on 1 x 4 x 6 x 5, sizes as PyTorch documents them. */
static void pooling_sizes_round_as_torch_does(void)
{
    static const struct {
        int64_t k, s, pad, ceil, h, w;
    } cases[] = {
        {2, 2, 0, 0, 3, 2}, {2, 2, 0, 1, 3, 3}, {3, 2, 1, 0, 3, 3},
        {3, 2, 1, 1, 4, 3}, {1, 2, 0, 1, 3, 3}, {3, 3, 0, 1, 2, 2},
        {2, 3, 1, 1, 3, 2},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct onnx m = start(13);
        struct wire n = node("MaxPool", "x", "y");
        int64_t p = cases[i].pad;
        attr_ints(&n, "kernel_shape", 2, (int64_t[]){cases[i].k, cases[i].k});
        attr_ints(&n, "strides", 2, (int64_t[]){cases[i].s, cases[i].s});
        attr_ints(&n, "pads", 4, (int64_t[]){p, p, p, p});
        attr_int(&n, "ceil_mode", cases[i].ceil);
        add(&m, n);
        output(&m, "y");
        struct haq_graph *g = import(&m);
        const int64_t *y = g->values[g->outputs[0]].shape.dims;
        CU_ASSERT_EQUAL(y[2], cases[i].h);
        CU_ASSERT_EQUAL(y[3], cases[i].w);
        haq_graph_free(g);
    }
}

/* The tensor [1, -2, 0.5] in every way a file can hold it. */
static struct wire stored(int form)
{
    static const float f[] = {1, -2, 0.5f};
    static const double dbl[] = {1, -2, 0.5};
    static const uint16_t half[] = {0x3c00, 0xc000, 0x3800};
    struct wire t = {0}, packed = {0};

    wire_int(&t, 1, 3);
    wire_int(&t, 2, form < 3 ? 1 : form < 5 ? 10 : 11);
    wire_str(&t, 8, "w");
    if (form == 0)
        wire_bytes(&t, 9, f, sizeof f);
    else if (form == 1)
        wire_bytes(&t, 4, f, sizeof f);
    for (int i = 0; i < 3 && form == 2; i++)
        wire_float(&t, 4, f[i]);
    if (form == 3)
        wire_bytes(&t, 9, half, sizeof half);
    for (int i = 0; i < 3 && form == 4; i++)
        wire_number(&packed, half[i]);
    if (form == 4)
        wire_sub(&t, 5, &packed);
    if (form == 5)
        wire_bytes(&t, 10, dbl, sizeof dbl);
    else if (form == 6)
        wire_bytes(&t, 9, dbl, sizeof dbl);
    return t;
}

static void a_tensor_reads_the_same_however_it_is_stored(void)
{
    static const float want[] = {1, -2, 0.5f};

    for (int form = 0; form < 7; form++) {
        struct onnx m = {.opset = 13};
        struct wire t = stored(form);
        input(&m, "x", ONNX_F32, 1, (int64_t[]){3});
        wire_sub(&m.graph, 5, &t);
        add(&m, node("Mul", "x,w", "y"));
        output(&m, "y");
        struct haq_graph *g = import(&m);
        const struct haq_value *w = &g->values[haq_graph_find_value(g, "w")];
        CU_ASSERT_EQUAL(w->dtype, HAQ_F32);
        CU_ASSERT_EQUAL_FATAL(w->count, 3);
        CU_ASSERT(!memcmp(w->data, want, sizeof want));
        haq_graph_free(g);
    }
}

static void gemm_factors_go_into_the_constants(void)
{
    struct onnx m = {.opset = 13};
    float b[] = {1, 2, 3, 4}, c = 5;

    input(&m, "x", ONNX_F32, 2, (int64_t[]){1, 2});
    initializer(&m, "b", ONNX_F32, 2, (int64_t[]){2, 2}, b, sizeof b);
    initializer(&m, "c", ONNX_F32, 0, NULL, &c, sizeof c);
    struct wire n = node("Gemm", "x,b,c", "y");
    attr_float(&n, "alpha", 2);
    attr_float(&n, "beta", 3);
    add(&m, n);
    output(&m, "y");
    struct haq_graph *g = import(&m);
    const struct haq_node *gemm = &g->nodes[0];
    const struct haq_value *w = &g->values[gemm->in[1]];
    const struct haq_value *bias = &g->values[gemm->in[2]];
    CU_ASSERT_EQUAL(gemm->attr.alpha, 1);
    CU_ASSERT_EQUAL(((const float *)w->data)[3], 8);
    CU_ASSERT_STRING_EQUAL(w->source, "b");
    CU_ASSERT_EQUAL(bias->shape.rank, 1);
    CU_ASSERT_EQUAL(((const float *)bias->data)[0], 15);
    CU_ASSERT_EQUAL(((const float *)bias->data)[1], 15);
    haq_graph_free(g);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(axes_as_attribute_and_as_input_are_the_same),
        HAQ_TEST(pad_clip_split_and_dropout_of_every_opset_agree),
        HAQ_TEST(defaults_that_are_spelled_out_change_nothing),
        HAQ_TEST(old_softmax_over_several_axes_is_refused),
        HAQ_TEST(same_padding_is_resolved_as_the_standard_says),
        HAQ_TEST(pooling_sizes_round_as_torch_does),
        HAQ_TEST(a_tensor_reads_the_same_however_it_is_stored),
        HAQ_TEST(gemm_factors_go_into_the_constants),
        CU_TEST_INFO_NULL,
    };
    return run_suite("graph/onnx_forms", tests);
}
