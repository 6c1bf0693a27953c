/* Passes are lossless: a network computes the same before and after. */
#include "graph/dump.h"
#include "graph/onnx_import.h"
#include "tests/graph/reference.h"
#include "tests/support/onnx_writer.h"

static struct haq_graph *import(struct wire file, bool raw, bool keep_nchw)
{
    struct haq_graph *g = NULL;
    struct haq_diag d = {0};
    struct haq_import_options opt = {
        .batch = 2, .raw = raw, .keep_nchw = keep_nchw};

    if (haq_onnx_parse(&g, "net", file.data, file.len, &opt, &d))
        printf("\n    %s\n", d.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    return g;
}

/* Largest difference of all outputs relative to the largest value. */
static double difference(const struct haq_graph *a, const struct haq_graph *b)
{
    double worst = 0;

    CU_ASSERT_EQUAL_FATAL(a->n_outputs, b->n_outputs);
    for (int o = 0; o < a->n_outputs; o++) {
        const struct haq_value *x = &a->values[a->outputs[o]];
        const struct haq_value *y = &b->values[b->outputs[o]];
        double top = 1e-3, gap = 0;
        CU_ASSERT_STRING_EQUAL(x->name, y->name);
        CU_ASSERT_FATAL(haq_shape_equal(&x->shape, &y->shape));
        for (size_t i = 0; i < x->count; i++) {
            double u = (double)((const float *)x->data)[i];
            double v = (double)((const float *)y->data)[i];
            top = fmax(top, fabs(u));
            gap = fmax(gap, isfinite(v) ? fabs(u - v) : INFINITY);
        }
        worst = fmax(worst, gap / top);
    }
    return worst;
}

/* Raw, optimized, and optimized for NHWC agree; the last is left to look at. */
static struct haq_graph *check_same(struct onnx *m)
{
    struct wire file = finish(m);
    struct haq_graph *raw = import(file, true, false);
    struct haq_graph *nchw = import(file, false, true);
    struct haq_graph *nhwc = import(file, false, false);
    struct haq_graph *kept = import(file, false, false);

    free(file.data);
    ref_run(raw, 1);
    ref_run(nchw, 1);
    ref_run(nhwc, 1);
    CU_ASSERT(difference(raw, nchw) < 1e-5);
    CU_ASSERT(difference(raw, nhwc) < 1e-5);
    haq_graph_free(raw);
    haq_graph_free(nchw);
    haq_graph_free(nhwc);
    return kept;
}

/* ---- random networks -------------------------------------------------------
 */

struct shape4 {
    int64_t n, c, h, w;
    int id; /* tensor "t<id>", or "x" for 0 */
};

struct random_net {
    struct onnx m;
    uint64_t seed;
    struct shape4 pool[64];
    int n_pool, n_names;
};

static int64_t draw(struct random_net *r, int64_t lo, int64_t hi)
{
    return lo + (int64_t)(next_random(&r->seed) % (uint64_t)(hi - lo + 1));
}

static const char *name_of(char buf[16], int id)
{
    if (id)
        snprintf(buf, 16, "t%d", id);
    else
        strcpy(buf, "x");
    return buf;
}

/* Random float constant; its name comes back in buf. */
static const char *constant(struct random_net *r, char buf[16], size_t rank,
                            const int64_t *dims, float lo, float hi)
{
    size_t count = 1;

    snprintf(buf, 16, "k%d", ++r->n_names);
    for (size_t i = 0; i < rank; i++)
        count *= (size_t)dims[i];
    float *v = malloc(count * sizeof *v);
    for (size_t i = 0; i < count; i++)
        v[i] =
            lo + (hi - lo) * (float)(next_random(&r->seed) >> 40) / (1 << 24);
    initializer(&r->m, buf, ONNX_F32, rank, dims, v, count * sizeof *v);
    free(v);
    return buf;
}

/* Node from the inputs in `list` to a fresh tensor of shape s. */
static struct wire begin_node(struct random_net *r, const char *op,
                              const char *list, struct shape4 *s)
{
    char out[16];

    s->id = ++r->n_names;
    return node(op, list, name_of(out, s->id));
}

static void end_node(struct random_net *r, struct wire n, struct shape4 s)
{
    add(&r->m, n);
    if (r->n_pool < 64)
        r->pool[r->n_pool++] = s;
}

typedef void step_fn(struct random_net *r, struct shape4 x);

static void step_unary(struct random_net *r, struct shape4 x)
{
    static const char *const ops[] = {"Relu",     "Sigmoid", "Neg",
                                      "Identity", "Dropout", "Abs"};
    char in[16];
    int64_t k = draw(r, 0, 5);
    name_of(in, x.id);
    end_node(r, begin_node(r, ops[k], in, &x), x);
}

static void step_conv(struct random_net *r, struct shape4 x)
{
    char in[16], w[16], b[16], list[64];
    bool depthwise = draw(r, 0, 2) == 0;
    int64_t out = depthwise ? x.c : draw(r, 1, 6), k = draw(r, 1, 3);
    int64_t stride = draw(r, 1, 2), pad = draw(r, 0, 1);
    int64_t dims[] = {out, depthwise ? 1 : x.c, k, k};

    if (x.h + 2 * pad < k || x.w + 2 * pad < k)
        return;
    constant(r, w, 4, dims, -1, 1);
    name_of(in, x.id);
    if (draw(r, 0, 1))
        snprintf(list, sizeof list, "%s,%s,%s", in, w,
                 constant(r, b, 1, &out, -1, 1));
    else
        snprintf(list, sizeof list, "%s,%s", in, w);
    struct shape4 y = {x.n, out, (x.h + 2 * pad - k) / stride + 1,
                       (x.w + 2 * pad - k) / stride + 1, 0};
    struct wire n = begin_node(r, "Conv", list, &y);
    attr_int(&n, "group", depthwise ? x.c : 1);
    attr_ints(&n, "strides", 2, (int64_t[]){stride, stride});
    attr_ints(&n, "pads", 4, (int64_t[]){pad, pad, pad, pad});
    end_node(r, n, y);
}

static void step_batch_norm(struct random_net *r, struct shape4 x)
{
    char in[16], k[4][16], list[128];

    for (int i = 0; i < 4; i++)
        constant(r, k[i], 1, &x.c, i == 3 ? 0.5f : -1, 1.5f);
    snprintf(list, sizeof list, "%s,%s,%s,%s,%s", name_of(in, x.id), k[0], k[1],
             k[2], k[3]);
    end_node(r, begin_node(r, "BatchNormalization", list, &x), x);
}

static void step_pool(struct random_net *r, struct shape4 x)
{
    static const char *const ops[] = {"MaxPool", "AveragePool"};
    char in[16];
    int64_t k = draw(r, 1, 3), stride = draw(r, 1, 2), ceil = draw(r, 0, 1);
    struct shape4 y = x;

    if (x.h < k || x.w < k)
        return;
    y.h = (x.h - k) / stride + 1;
    y.w = (x.w - k) / stride + 1;
    /* A last window only where it would start inside. */
    y.h += ceil && (x.h - k) % stride && y.h * stride < x.h;
    y.w += ceil && (x.w - k) % stride && y.w * stride < x.w;
    struct wire n = begin_node(r, ops[draw(r, 0, 1)], name_of(in, x.id), &y);
    attr_ints(&n, "kernel_shape", 2, (int64_t[]){k, k});
    attr_ints(&n, "strides", 2, (int64_t[]){stride, stride});
    attr_int(&n, "ceil_mode", ceil);
    end_node(r, n, y);
}

/* Squeeze and excitation: scale each channel by something pooled. */
static void step_excite(struct random_net *r, struct shape4 x)
{
    char in[16], pooled[16], list[64];
    struct shape4 p = {x.n, x.c, 1, 1, 0};

    end_node(r, begin_node(r, "GlobalAveragePool", name_of(in, x.id), &p), p);
    snprintf(list, sizeof list, "%s,%s", name_of(pooled, p.id), in);
    end_node(r, begin_node(r, draw(r, 0, 1) ? "Mul" : "Add", list, &x), x);
}

static void step_constant(struct random_net *r, struct shape4 x)
{
    char in[16], k[16], list[64];
    int64_t forms[][4] = {{x.c, 1, 1, 0}, {1, x.c, 1, 1}, {x.w, 0, 0, 0},
                          {x.h, 1, 0, 0}, {1, 0, 0, 0},   {x.n, 1, x.h, x.w}};
    size_t ranks[] = {3, 4, 1, 2, 0, 4};
    int64_t form = draw(r, 0, 5);

    constant(r, k, ranks[form], forms[form], -1, 1);
    name_of(in, x.id);
    bool first = draw(r, 0, 1);
    snprintf(list, sizeof list, "%s,%s", first ? in : k, first ? k : in);
    end_node(r, begin_node(r, draw(r, 0, 1) ? "Sub" : "Mul", list, &x), x);
}

static void step_pair(struct random_net *r, struct shape4 x)
{
    char a[16], b[16], list[64];

    for (int i = 0; i < r->n_pool; i++) {
        struct shape4 y = r->pool[i];
        if (y.n != x.n || y.c != x.c || y.h != x.h || y.w != x.w)
            continue;
        snprintf(list, sizeof list, "%s,%s", name_of(a, y.id),
                 name_of(b, x.id));
        end_node(r, begin_node(r, "Add", list, &x), x);
        return;
    }
}

static void step_concat(struct random_net *r, struct shape4 x)
{
    char a[16], list[64];
    int64_t axis = draw(r, 1, 3);
    struct shape4 y = x;

    name_of(a, x.id);
    snprintf(list, sizeof list, "%s,%s", a, a);
    *(axis == 1 ? &y.c : axis == 2 ? &y.h : &y.w) *= 2;
    if (y.c > 8 || y.h > 10 || y.w > 10)
        return;
    struct wire n = begin_node(r, "Concat", list, &y);
    attr_int(&n, "axis", axis - (draw(r, 0, 1) ? 4 : 0));
    end_node(r, n, y);
}

static void step_split(struct random_net *r, struct shape4 x)
{
    char in[16], out[64], a[16], b[16];
    int64_t axis = draw(r, 1, 3);
    struct shape4 y = x, z;

    int64_t *dim = axis == 1 ? &y.c : axis == 2 ? &y.h : &y.w;
    if (*dim % 2)
        return;
    *dim /= 2;
    z = y;
    y.id = ++r->n_names;
    z.id = ++r->n_names;
    snprintf(out, sizeof out, "%s,%s", name_of(a, y.id), name_of(b, z.id));
    struct wire n = node("Split", name_of(in, x.id), out);
    attr_int(&n, "axis", axis);
    end_node(r, n, y);
    if (r->n_pool < 64)
        r->pool[r->n_pool++] = z;
}

static void step_slice(struct random_net *r, struct shape4 x)
{
    char in[16], k[4][16], list[128];
    int64_t axis = draw(r, 1, 3), step = draw(r, 1, 2);
    struct shape4 y = x;
    int64_t *dim = axis == 1 ? &y.c : axis == 2 ? &y.h : &y.w;
    bool back = draw(r, 0, 3) == 0;
    int64_t start = back ? -1 : draw(r, 0, *dim - 1);
    int64_t v[] = {start, back ? INT64_MIN : INT64_MAX, axis,
                   back ? -step : step};

    for (int i = 0; i < 4; i++) {
        snprintf(k[i], sizeof k[i], "k%d", ++r->n_names);
        ints(&r->m, k[i], 1, &v[i]);
    }
    *dim = ((back ? *dim : *dim - start) - 1) / step + 1;
    snprintf(list, sizeof list, "%s,%s,%s,%s,%s", name_of(in, x.id), k[0], k[1],
             k[2], k[3]);
    end_node(r, begin_node(r, "Slice", list, &y), y);
}

static void step_pad(struct random_net *r, struct shape4 x)
{
    static const char *const modes[] = {"constant", "constant", "edge",
                                        "reflect"};
    char in[16], k[16], list[64];
    int64_t c = draw(r, 0, 3) ? 0 : 1, h = draw(r, 0, 1), w = draw(r, 0, 1);
    int64_t pads[8] = {0, c, h, w, 0, 0, h, 1}, mode = draw(r, 0, 3);
    struct shape4 y = {x.n, x.c + c, x.h + 2 * h, x.w + w + 1, 0};

    if (mode == 3 && (x.c < 2 || x.h < 2 || x.w < 2))
        mode = 0;
    snprintf(k, sizeof k, "k%d", ++r->n_names);
    ints(&r->m, k, 8, pads);
    snprintf(list, sizeof list, "%s,%s", name_of(in, x.id), k);
    struct wire n = begin_node(r, "Pad", list, &y);
    attr_str(&n, "mode", modes[mode]);
    end_node(r, n, y);
}

/* With or without keepdims; the axes come back at once. */
static void step_reduce(struct random_net *r, struct shape4 x)
{
    char in[16], k[16], list[64];
    int64_t axes[2] = {draw(r, 1, 2), 3}, n_axes = draw(r, 1, 2);
    struct shape4 y = x;
    bool keep = draw(r, 0, 1);

    if (n_axes == 1)
        axes[0] = draw(r, 1, 3);
    for (int64_t i = 0; i < n_axes; i++)
        *(axes[i] == 1 ? &y.c : axes[i] == 2 ? &y.h : &y.w) = 1;
    struct wire n = begin_node(r, "ReduceMean", name_of(in, x.id), &y);
    attr_ints(&n, "axes", (size_t)n_axes, axes);
    attr_int(&n, "keepdims", keep);
    if (keep) {
        end_node(r, n, y);
        return;
    }
    add(&r->m, n);
    snprintf(k, sizeof k, "k%d", ++r->n_names);
    ints(&r->m, k, (size_t)n_axes, axes);
    snprintf(list, sizeof list, "%s,%s", name_of(in, y.id), k);
    end_node(r, begin_node(r, "Unsqueeze", list, &y), y);
}

static void step_softmax(struct random_net *r, struct shape4 x)
{
    char in[16];
    struct wire n = begin_node(r, "Softmax", name_of(in, x.id), &x);

    attr_int(&n, "axis", draw(r, -3, 3));
    end_node(r, n, x);
}

static void step_transpose(struct random_net *r, struct shape4 x)
{
    static const int64_t perms[][4] = {
        {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 1, 3, 2}, {0, 3, 2, 1}, {0, 1, 2, 3}};
    const int64_t *p = perms[draw(r, 0, 4)];
    int64_t d[] = {x.n, x.c, x.h, x.w};
    char in[16];
    struct shape4 y = {d[p[0]], d[p[1]], d[p[2]], d[p[3]], 0};
    struct wire n = begin_node(r, "Transpose", name_of(in, x.id), &y);

    attr_ints(&n, "perm", 4, p);
    end_node(r, n, y);
}

static void step_reshape(struct random_net *r, struct shape4 x)
{
    char in[16], k[16], list[64];
    int64_t want[] = {0, -1, x.w, x.h};
    struct shape4 y = {x.n, x.c, x.w, x.h, 0};

    snprintf(k, sizeof k, "k%d", ++r->n_names);
    ints(&r->m, k, 4, want);
    snprintf(list, sizeof list, "%s,%s", name_of(in, x.id), k);
    end_node(r, begin_node(r, "Reshape", list, &y), y);
}

static void step_matmul(struct random_net *r, struct shape4 x)
{
    char in[16], w[16], b[16], list[64];
    struct shape4 y = x;

    y.w = draw(r, 1, 6);
    constant(r, w, 2, (int64_t[]){x.w, y.w}, -1, 1);
    snprintf(list, sizeof list, "%s,%s", name_of(in, x.id), w);
    end_node(r, begin_node(r, "MatMul", list, &y), y);
    snprintf(list, sizeof list, "%s,%s", name_of(in, y.id),
             constant(r, b, 1, &y.w, -1, 1));
    end_node(r, begin_node(r, "Add", list, &y), y);
}

static step_fn *const steps[] = {
    step_conv,    step_conv,      step_conv,     step_unary,  step_unary,
    step_pool,    step_excite,    step_constant, step_pair,   step_pair,
    step_concat,  step_split,     step_slice,    step_pad,    step_reduce,
    step_softmax, step_transpose, step_reshape,  step_matmul, step_batch_norm,
};

static void random_networks_compute_the_same_after_every_pass(void)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct random_net r = {.m = {.opset = 13}, .seed = seed};
        char name[16];
        unsigned before = CU_get_number_of_failures();

        input(&r.m, "x", ONNX_F32, 4, (int64_t[]){-1, 3, 6, 7});
        r.pool[r.n_pool++] = (struct shape4){2, 3, 6, 7, 0};
        for (int i = 0; i < 14; i++) {
            int back = (int)draw(&r, 0, 3);
            int at = r.n_pool - 1 - (back < r.n_pool ? back : 0);
            steps[next_random(&r.seed) % (sizeof steps / sizeof *steps)](
                &r, r.pool[at]);
        }
        if (r.n_pool < 3)
            step_unary(&r, r.pool[0]), step_unary(&r, r.pool[0]);
        output(&r.m, name_of(name, r.pool[r.n_pool - 1].id));
        output(&r.m, name_of(name, r.pool[r.n_pool / 2].id));
        struct haq_graph *g = check_same(&r.m);
        if (CU_get_number_of_failures() != before)
            printf("\n    seed %llu\n", (unsigned long long)seed);
        haq_graph_free(g);
    }
}

/* ---- single rules -----------------------------------------------------------
 */

static int count(const struct haq_graph *g, enum haq_opcode code)
{
    int n = 0;

    for (int i = 0; i < g->n_nodes; i++)
        n += g->nodes[i].op->code == code;
    return n;
}

static struct onnx start(void)
{
    struct onnx m = {.opset = 13};
    float w[12];

    for (int i = 0; i < 12; i++)
        w[i] = (float)(i % 5) - 2;
    input(&m, "x", ONNX_F32, 4, (int64_t[]){-1, 3, 4, 4});
    initializer(&m, "w", ONNX_F32, 4, (int64_t[]){4, 3, 1, 1}, w, sizeof w);
    initializer(&m, "four", ONNX_F32, 1, (int64_t[]){4}, w + 3, 4 * sizeof *w);
    return m;
}

static void an_activation_that_somebody_else_reads_is_not_fused(void)
{
    struct onnx m = start();

    add(&m, node("Conv", "x,w", "c"));
    add(&m, node("Relu", "c", "r"));
    add(&m, node("Add", "c,r", "y"));
    output(&m, "y");
    struct haq_graph *g = check_same(&m);
    CU_ASSERT_EQUAL(count(g, HAQ_OP_RELU), 1);
    haq_graph_free(g);

    m = start();
    add(&m, node("Conv", "x,w", "c"));
    add(&m, node("Relu", "c", "r"));
    output(&m, "r");
    output(&m, "c");
    g = check_same(&m);
    CU_ASSERT_EQUAL(count(g, HAQ_OP_RELU), 1);
    haq_graph_free(g);
}

static void two_activations_in_a_row_become_one_clamp(void)
{
    struct onnx m = start();
    float lo = -1, hi = 2;

    initializer(&m, "lo", ONNX_F32, 0, NULL, &lo, sizeof lo);
    initializer(&m, "hi", ONNX_F32, 0, NULL, &hi, sizeof hi);
    add(&m, node("Conv", "x,w,four", "c"));
    add(&m, node("Relu", "c", "r"));
    add(&m, node("Clip", "r,lo,hi", "y"));
    output(&m, "y");
    struct haq_graph *g = check_same(&m);
    int conv = haq_graph_find_layer(g, "c");
    CU_ASSERT_FATAL(conv >= 0);
    CU_ASSERT_EQUAL(g->nodes[conv].clamp.lo, 0);
    CU_ASSERT_EQUAL(g->nodes[conv].clamp.hi, 2);
    CU_ASSERT_EQUAL(g->n_nodes, 3); /* Transpose, Conv, Transpose */
    haq_graph_free(g);
}

static void zero_padding_moves_into_the_convolution(void)
{
    struct onnx m = start();

    ints(&m, "p", 8, (int64_t[]){0, 0, 1, 2, 0, 0, 3, 0});
    add(&m, node("Pad", "x,p", "xp"));
    add(&m, node("Conv", "xp,w,four", "y"));
    output(&m, "y");
    struct haq_graph *g = check_same(&m);
    const int64_t *pad = g->nodes[haq_graph_find_layer(g, "y")].attr.window.pad;
    CU_ASSERT_EQUAL(count(g, HAQ_OP_PAD), 0);
    CU_ASSERT(pad[0] == 1 && pad[1] == 2 && pad[2] == 3 && pad[3] == 0);
    haq_graph_free(g);
}

static void folded_weights_keep_the_names_of_the_file(void)
{
    struct onnx m = start();
    float one[] = {1, 2, 3, 4};

    initializer(&m, "var", ONNX_F32, 1, (int64_t[]){4}, one, sizeof one);
    add(&m, node("Conv", "x,w", "c"));
    add(&m, node("BatchNormalization", "c,four,four,four,var", "bn"));
    output(&m, "bn");
    struct haq_graph *g = check_same(&m);
    const struct haq_node *n = &g->nodes[haq_graph_find_layer(g, "c")];
    CU_ASSERT_STRING_EQUAL(g->values[n->in[1]].source, "w");
    CU_ASSERT_EQUAL(n->n_in, 3);
    CU_ASSERT_EQUAL(count(g, HAQ_OP_BATCH_NORM), 0);
    haq_graph_free(g);
}

static void a_variance_that_cannot_be_is_refused(void)
{
    struct onnx m = start();
    float bad[] = {1, 1, -1, 1};
    struct haq_graph *g = NULL;
    struct haq_diag d;

    initializer(&m, "var", ONNX_F32, 1, (int64_t[]){4}, bad, sizeof bad);
    add(&m, node("Conv", "x,w", "c"));
    add(&m, node("BatchNormalization", "c,four,four,four,var", "bn"));
    output(&m, "bn");
    struct wire file = finish(&m);
    CU_ASSERT_EQUAL(haq_onnx_parse(&g, "f", file.data, file.len, NULL, &d),
                    HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "variance of channel 2"));
    free(file.data);
}

static void a_network_that_was_nhwc_gets_no_transposes(void)
{
    struct onnx m = {.opset = 13};
    float w[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6};

    input(&m, "x", ONNX_F32, 4, (int64_t[]){-1, 4, 4, 3});
    initializer(&m, "w", ONNX_F32, 4, (int64_t[]){4, 3, 1, 1}, w, sizeof w);
    struct wire n = node("Transpose", "x", "t");
    attr_ints(&n, "perm", 4, (int64_t[]){0, 3, 1, 2});
    add(&m, n);
    add(&m, node("Conv", "t,w", "c"));
    n = node("Transpose", "c", "y");
    attr_ints(&n, "perm", 4, (int64_t[]){0, 2, 3, 1});
    add(&m, n);
    output(&m, "y");
    struct haq_graph *g = check_same(&m);
    CU_ASSERT_EQUAL(g->n_nodes, 1);
    haq_graph_free(g);
}

/* x.view(x.size(0), -1) and x ** 2 with an integer, as torch writes them. */
static void a_flatten_made_of_shape_arithmetic_becomes_a_view(void)
{
    struct onnx m = start();
    int64_t zero = 0, minus = -1, two = 2;

    initializer(&m, "zero", ONNX_I64, 0, NULL, &zero, sizeof zero);
    initializer(&m, "two", ONNX_I64, 0, NULL, &two, sizeof two);
    ints(&m, "axis", 1, &zero);
    ints(&m, "minus", 1, &minus);
    add(&m, node("Conv", "x,w,four", "c"));
    add(&m, node("GlobalAveragePool", "c", "p"));
    add(&m, node("Shape", "p", "s"));
    add(&m, node("Gather", "s,zero", "n"));
    add(&m, node("Unsqueeze", "n,axis", "n1"));
    struct wire n = node("Concat", "n1,minus", "want");
    attr_int(&n, "axis", 0);
    add(&m, n);
    add(&m, node("Reshape", "p,want", "y"));
    output(&m, "y");
    struct haq_graph *g = check_same(&m);
    CU_ASSERT_EQUAL(g->n_nodes, 4); /* Transpose Conv Pool Reshape */
    CU_ASSERT_EQUAL(count(g, HAQ_OP_TRANSPOSE), 1);
    haq_graph_free(g);

    m = start();
    add(&m, node("Pow", "x,two", "y"));
    initializer(&m, "two", ONNX_I64, 0, NULL, &two, sizeof two);
    output(&m, "y");
    struct wire file = finish(&m);
    g = import(file, false, false);
    free(file.data);
    CU_ASSERT_EQUAL(g->values[g->nodes[0].in[1]].dtype, HAQ_F32);
    haq_graph_free(g);
}

static void verify_catches_a_pass_that_breaks_a_graph(void)
{
    struct onnx m = start();
    struct haq_diag d;

    add(&m, node("Conv", "x,w", "y"));
    output(&m, "y");
    struct haq_graph *g = check_same(&m);
    int conv = haq_graph_find_layer(g, "y");
    struct haq_value *out = &g->values[g->nodes[conv].out[0]];
    CU_ASSERT_EQUAL(haq_graph_verify(g, &d), HAQ_OK);
    out->shape.dims[3]++;
    CU_ASSERT_EQUAL(haq_graph_verify(g, &d), HAQ_INVALID);
    haq_shape_count(&out->shape, &out->count);
    CU_ASSERT_EQUAL(haq_graph_verify(g, &d), HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "'y'"));
    haq_graph_free(g);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(random_networks_compute_the_same_after_every_pass),
        HAQ_TEST(an_activation_that_somebody_else_reads_is_not_fused),
        HAQ_TEST(two_activations_in_a_row_become_one_clamp),
        HAQ_TEST(zero_padding_moves_into_the_convolution),
        HAQ_TEST(folded_weights_keep_the_names_of_the_file),
        HAQ_TEST(a_variance_that_cannot_be_is_refused),
        HAQ_TEST(a_network_that_was_nhwc_gets_no_transposes),
        HAQ_TEST(a_flatten_made_of_shape_arithmetic_becomes_a_view),
        HAQ_TEST(verify_catches_a_pass_that_breaks_a_graph),
        CU_TEST_INFO_NULL,
    };
    return run_suite("graph/passes", tests);
}
