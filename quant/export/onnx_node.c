#include "quant/export/onnx_node.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/dtype.h"

enum { BASE_OPSET = 13, AXES_ARE_INPUTS = 18 };

/* One node on its way out. */
struct put {
    struct haq_build *b;
    const struct haq_onnx_pair *p;
    const struct haq_node *n;
    const char *const *in;
    const char *const *out;
};

typedef void put_fn(const struct put *c);

struct haq_shape haq_onnx_shape(const struct haq_onnx_pair *p, int value)
{
    struct haq_shape s = p->g->values[value].shape;
    const struct haq_shape *o = &p->other->values[value].shape;
    for (int i = 0; i < s.rank; i++)
        if (o->dims[i] != s.dims[i])
            s.dims[i] = -1;
    return s;
}

/* ---- pieces ---------------------------------------------------------------
 */

/* The node with its own inputs and `extra` more behind them. */
static Onnx__NodeProto *start(const struct put *c, const char *op, size_t extra)
{
    size_t n_in = (size_t)c->n->n_in, n_out = (size_t)c->n->n_out;
    Onnx__NodeProto *n = haq_build_node(c->b, op, n_in + extra, n_out);
    for (size_t i = 0; i < n_in; i++)
        haq_build_in(c->b, n, i, c->in[i]);
    for (size_t i = 0; i < n_out; i++)
        haq_build_out(c->b, n, i, c->out[i]);
    return n;
}

static Onnx__NodeProto *start_plain(const struct put *c)
{
    return start(c, c->n->op->name, 0);
}

/* A node whose last input is a list of integers. */
static Onnx__NodeProto *start_list(const struct put *c, const char *stem,
                                   const int64_t *v, int count)
{
    size_t n_in = (size_t)c->n->n_in;
    const char *list = haq_build_list(c->b, stem, v, (size_t)count);
    Onnx__NodeProto *n = start(c, c->n->op->name, 1);
    haq_build_in(c->b, n, n_in, list);
    return n;
}

static const char *float_input(const struct put *c, const char *stem, float v)
{
    return haq_build_scalar(c->b, stem, HAQ_F32, &v);
}

void haq_onnx_put_clamp(struct haq_build *b, const struct haq_clamp *c,
                        const char *x, const char *y)
{
    bool relu = c->lo == 0 && isinf(c->hi);
    const char *lo = NULL, *hi = NULL;
    if (!relu && isfinite(c->lo))
        lo = haq_build_scalar(b, "clip_min", HAQ_F32, &c->lo);
    if (!relu && isfinite(c->hi))
        hi = haq_build_scalar(b, "clip_max", HAQ_F32, &c->hi);
    Onnx__NodeProto *n =
        haq_build_node(b, relu ? "Relu" : "Clip", relu ? 1 : 3, 1);
    haq_build_in(b, n, 0, x);
    haq_build_in(b, n, 1, lo);
    haq_build_in(b, n, 2, hi);
    haq_build_out(b, n, 0, y);
}

/* ---- one function per kind of operator ------------------------------------
 */

static void put_plain(const struct put *c)
{
    start_plain(c);
}

static void put_same(const struct put *c)
{
    start(c, "Identity", 0);
}

static void put_clamped(const struct put *c)
{
    haq_onnx_put_clamp(c->b, &c->n->clamp, c->in[0], c->out[0]);
}

static void put_alpha(const struct put *c)
{
    haq_build_float(c->b, start_plain(c), "alpha", c->n->attr.alpha);
}

static void put_alpha_beta(const struct put *c)
{
    Onnx__NodeProto *n = start_plain(c);
    haq_build_float(c->b, n, "alpha", c->n->attr.alpha);
    haq_build_float(c->b, n, "beta", c->n->attr.beta);
}

static void put_epsilon(const struct put *c)
{
    haq_build_float(c->b, start_plain(c), "epsilon", c->n->attr.epsilon);
}

static void put_axis(const struct put *c)
{
    haq_build_int(c->b, start_plain(c), "axis", c->n->attr.axis);
}

static void put_layer_norm(const struct put *c)
{
    Onnx__NodeProto *n = start_plain(c);
    haq_build_int(c->b, n, "axis", c->n->attr.axis);
    haq_build_float(c->b, n, "epsilon", c->n->attr.epsilon);
}

/* A node of its own; b may be NULL. */
static const char *put_part(const struct put *c, const char *op, const char *a,
                            const char *b, const char *y)
{
    y = y ? y : haq_build_name(c->b, c->out[0], "_part");
    Onnx__NodeProto *n = haq_build_node(c->b, op, b ? 2 : 1, 1);
    haq_build_in(c->b, n, 0, a);
    if (b)
        haq_build_in(c->b, n, 1, b);
    haq_build_out(c->b, n, 0, y);
    return y;
}

/* Swish is too new for runtimes to have: its two parts. */
static void put_silu(const struct put *c)
{
    const char *gate = put_part(c, "Sigmoid", c->in[0], NULL, NULL);
    put_part(c, "Mul", c->in[0], gate, c->out[0]);
}

static void put_gelu(const struct put *c)
{
    haq_build_str(c->b, start_plain(c), "approximate",
                  c->n->attr.mode ? c->n->attr.mode : "none");
}

static void put_cast(const struct put *c)
{
    enum haq_dtype to = (enum haq_dtype)c->n->attr.to;
    haq_build_int(c->b, start_plain(c), "to", haq_dtype_info(to)->onnx);
}

/* A 1-D window travels as H = 1 between reshapes, so two axes always fit. */
static Onnx__NodeProto *start_window(const struct put *c)
{
    const struct haq_window *w = &c->n->attr.window;
    Onnx__NodeProto *n = start_plain(c);
    haq_build_ints(c->b, n, "kernel_shape", w->kernel, 2);
    haq_build_ints(c->b, n, "strides", w->stride, 2);
    haq_build_ints(c->b, n, "pads", w->pad, 4);
    return n;
}

static void put_dilations(const struct put *c, Onnx__NodeProto *n)
{
    haq_build_ints(c->b, n, "dilations", c->n->attr.window.dilation, 2);
}

static void put_conv(const struct put *c)
{
    Onnx__NodeProto *n = start_window(c);
    put_dilations(c, n);
    haq_build_int(c->b, n, "group", c->n->attr.window.group);
}

static void put_max_pool(const struct put *c)
{
    Onnx__NodeProto *n = start_window(c);
    put_dilations(c, n);
    haq_build_int(c->b, n, "ceil_mode", c->n->attr.window.ceil_mode);
}

static bool dilated(const struct haq_node *n)
{
    const struct haq_window *w = &n->attr.window;
    return w->dilation[0] > 1 || w->dilation[1] > 1;
}

static void put_average_pool(const struct put *c)
{
    Onnx__NodeProto *n = start_window(c);
    haq_build_int(c->b, n, "ceil_mode", c->n->attr.window.ceil_mode);
    haq_build_int(c->b, n, "count_include_pad", c->n->attr.window.count_pad);
    if (dilated(c->n))
        put_dilations(c, n);
}

static void put_gemm(const struct put *c)
{
    Onnx__NodeProto *n = start_plain(c);
    haq_build_int(c->b, n, "transA", c->n->attr.trans_a);
    haq_build_int(c->b, n, "transB", c->n->attr.trans_b);
}

/* The bias of a MatMul is ours: ONNX wants an Add. */
static void put_matmul(const struct put *c)
{
    bool bias = c->n->n_in > 2 && c->in[2];
    const char *product =
        bias ? haq_build_name(c->b, c->out[0], "_product") : c->out[0];
    Onnx__NodeProto *n = haq_build_node(c->b, "MatMul", 2, 1);
    haq_build_in(c->b, n, 0, c->in[0]);
    haq_build_in(c->b, n, 1, c->in[1]);
    haq_build_out(c->b, n, 0, product);
    if (!bias)
        return;
    n = haq_build_node(c->b, "Add", 2, 1);
    haq_build_in(c->b, n, 0, product);
    haq_build_in(c->b, n, 1, c->in[2]);
    haq_build_out(c->b, n, 0, c->out[0]);
}

/* Nothing is reduced without axes; ONNX would then reduce all. */
static void put_reduce(const struct put *c, bool axes_are_inputs)
{
    const struct haq_attrs *a = &c->n->attr;
    if (!a->n_axes) {
        put_same(c);
        return;
    }
    Onnx__NodeProto *n = axes_are_inputs
                             ? start_list(c, "axes", a->axes, a->n_axes)
                             : start_plain(c);
    haq_build_int(c->b, n, "keepdims", a->keepdims);
    if (!axes_are_inputs)
        haq_build_ints(c->b, n, "axes", a->axes, (size_t)a->n_axes);
}

static void put_reduce_sum(const struct put *c)
{
    put_reduce(c, true);
}

static void put_reduce_other(const struct put *c)
{
    put_reduce(c, c->b->opset >= AXES_ARE_INPUTS);
}

/* RMSNormalization is too new as well.  Its axes are the last ones. */
static void put_rms_norm(const struct put *c)
{
    const struct haq_attrs *a = &c->n->attr;
    int rank = c->p->g->values[c->n->in[0]].shape.rank;
    bool axes_are_inputs = c->b->opset >= AXES_ARE_INPUTS;
    int64_t axes[HAQ_MAX_RANK];
    size_t n_axes = 0;
    for (int64_t i = a->axis; i < rank; i++)
        axes[n_axes++] = i;
    const char *v = put_part(c, "Mul", c->in[0], c->in[0], NULL);
    const char *mean = haq_build_name(c->b, c->out[0], "_mean");
    Onnx__NodeProto *n =
        haq_build_node(c->b, "ReduceMean", axes_are_inputs ? 2 : 1, 1);
    haq_build_in(c->b, n, 0, v);
    haq_build_out(c->b, n, 0, mean);
    if (axes_are_inputs)
        haq_build_in(c->b, n, 1, haq_build_list(c->b, "axes", axes, n_axes));
    else
        haq_build_ints(c->b, n, "axes", axes, n_axes);
    v = put_part(c, "Add", mean, float_input(c, "epsilon", a->epsilon), NULL);
    v = put_part(c, "Sqrt", v, NULL, NULL);
    v = put_part(c, "Reciprocal", v, NULL, NULL);
    v = put_part(c, "Mul", c->in[0], v, NULL);
    put_part(c, "Mul", v, c->in[1], c->out[0]);
}

static void put_axes(const struct put *c)
{
    start_list(c, "axes", c->n->attr.axes, c->n->attr.n_axes);
}

static void put_perm(const struct put *c)
{
    haq_build_ints(c->b, start_plain(c), "perm", c->n->attr.ints[0],
                   (size_t)c->n->attr.n_ints);
}

static void put_reshape(const struct put *c)
{
    struct haq_shape s = haq_onnx_shape(c->p, c->n->out[0]);
    start_list(c, "shape", s.dims, s.rank);
}

/* A 1 in the wanted shape keeps what the input has: the batch. */
static void put_expand(const struct put *c)
{
    struct haq_shape s = haq_onnx_shape(c->p, c->n->out[0]);
    for (int i = 0; i < s.rank; i++)
        if (s.dims[i] < 0)
            s.dims[i] = 1;
    start_list(c, "shape", s.dims, s.rank);
}

static void put_split(const struct put *c)
{
    const int64_t axis = c->n->attr.axis;
    size_t count = (size_t)c->n->n_out;
    int64_t *v = haq_arena_array(&c->b->arena, count, sizeof *v);
    if (!v) {
        c->b->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        v[i] = c->p->g->values[c->n->out[i]].shape.dims[axis];
    haq_build_int(c->b, start_list(c, "split", v, c->n->n_out), "axis", axis);
}

static bool whole_axis(const struct haq_graph *g, const struct haq_node *n,
                       int i)
{
    const struct haq_attrs *a = &n->attr;
    return a->ints[0][i] == 0 && a->ints[2][i] == 1 &&
           a->ints[1][i] == g->values[n->in[0]].shape.dims[i];
}

/* Axes that are taken whole are left out: they may follow the batch. */
static void put_slice(const struct put *c)
{
    const struct haq_attrs *a = &c->n->attr;
    int64_t v[4][HAQ_MAX_RANK]; /* starts, ends, axes, steps */
    size_t m = 0, n_in = (size_t)c->n->n_in;
    static const char *const stems[] = {"starts", "ends", "axes", "steps"};
    for (int i = 0; i < a->n_ints; i++) {
        if (whole_axis(c->p->g, c->n, i))
            continue;
        v[0][m] = a->ints[0][i];
        /* -1 would count from the end: "before the first" is the least. */
        v[1][m] = a->ints[1][i] < 0 ? INT64_MIN + 1 : a->ints[1][i];
        v[2][m] = i;
        v[3][m] = a->ints[2][i];
        m++;
    }
    const char *lists[4];
    for (size_t k = 0; k < 4; k++)
        lists[k] = haq_build_list(c->b, stems[k], v[k], m);
    Onnx__NodeProto *n = start(c, "Slice", 4);
    for (size_t k = 0; k < 4; k++)
        haq_build_in(c->b, n, n_in + k, lists[k]);
}

static void put_pad(const struct put *c)
{
    const struct haq_attrs *a = &c->n->attr;
    int64_t pads[2 * HAQ_MAX_RANK];
    size_t n_in = (size_t)c->n->n_in;
    for (int i = 0; i < a->n_ints; i++) {
        pads[i] = a->ints[0][i];
        pads[a->n_ints + i] = a->ints[1][i];
    }
    const char *list =
        haq_build_list(c->b, "pads", pads, 2 * (size_t)a->n_ints);
    const char *value = a->mode ? NULL : float_input(c, "pad_value", a->alpha);
    Onnx__NodeProto *n = start(c, "Pad", value ? 2 : 1);
    haq_build_in(c->b, n, n_in, list);
    if (value)
        haq_build_in(c->b, n, n_in + 1, value);
    haq_build_str(c->b, n, "mode", a->mode ? a->mode : "constant");
}

/* Never in a graph after import: graph/op.h, "always folded away". */
static void put_never(const struct put *c)
{
    (void)c;
    assert(0 && "folded operators cannot be exported");
}

/* ---- what depends on the batch --------------------------------------------
 */

typedef bool batch_fn(const struct haq_onnx_pair *p, const struct haq_node *n,
                      const struct haq_node *o);

static bool same_ints(const struct haq_onnx_pair *p, const struct haq_node *n,
                      const struct haq_node *o)
{
    (void)p;
    const struct haq_attrs *a = &n->attr, *b = &o->attr;
    return a->n_ints == b->n_ints && a->axis == b->axis &&
           a->n_axes == b->n_axes &&
           !memcmp(a->axes, b->axes, sizeof a->axes) &&
           !memcmp(a->ints, b->ints, sizeof a->ints);
}

/* One -1 is all that Reshape understands. */
static bool one_batch_axis(const struct haq_onnx_pair *p,
                           const struct haq_node *n, const struct haq_node *o)
{
    (void)o;
    struct haq_shape s = haq_onnx_shape(p, n->out[0]);
    int found = 0;
    for (int i = 0; i < s.rank; i++)
        found += s.dims[i] < 0;
    return found <= 1;
}

/* The batch must come from the input, not from the wanted shape. */
static bool expand_keeps_batch(const struct haq_onnx_pair *p,
                               const struct haq_node *n,
                               const struct haq_node *o)
{
    (void)o;
    struct haq_shape to = haq_onnx_shape(p, n->out[0]);
    struct haq_shape from = haq_onnx_shape(p, n->in[0]);
    for (int i = 0; i < to.rank; i++) {
        int k = i - (to.rank - from.rank);
        if (to.dims[i] < 0 && (k < 0 || from.dims[k] >= 0))
            return false;
    }
    return true;
}

static bool slice_keeps_batch(const struct haq_onnx_pair *p,
                              const struct haq_node *n,
                              const struct haq_node *o)
{
    for (int i = 0; i < n->attr.n_ints; i++) {
        bool whole = whole_axis(p->g, n, i) && whole_axis(p->other, o, i);
        for (int k = 0; k < 3 && !whole; k++)
            if (n->attr.ints[k][i] != o->attr.ints[k][i])
                return false;
    }
    return true;
}

static bool split_keeps_batch(const struct haq_onnx_pair *p,
                              const struct haq_node *n,
                              const struct haq_node *o)
{
    (void)o;
    for (int i = 0; i < n->n_out; i++)
        if (haq_onnx_shape(p, n->out[i]).dims[n->attr.axis] < 0)
            return false;
    return true;
}

/* ---- the table ------------------------------------------------------------
 */

struct row {
    put_fn *put;
    int64_t opset;   /* first that has the operator; 0: all of ours */
    batch_fn *batch; /* NULL: same_ints */
};

static const struct row rows[HAQ_OP_COUNT] = {
    [HAQ_OP_CONV] = {put_conv, 0, NULL},
    [HAQ_OP_GEMM] = {put_gemm, 0, NULL},
    [HAQ_OP_MATMUL] = {put_matmul, 0, NULL},
    [HAQ_OP_BATCH_NORM] = {put_epsilon, 0, NULL},
    [HAQ_OP_RELU] = {put_clamped, 0, NULL},
    [HAQ_OP_CLIP] = {put_clamped, 0, NULL},
    [HAQ_OP_LEAKY_RELU] = {put_alpha, 0, NULL},
    [HAQ_OP_SIGMOID] = {put_plain, 0, NULL},
    [HAQ_OP_SILU] = {put_silu, 0, NULL},
    [HAQ_OP_TANH] = {put_plain, 0, NULL},
    [HAQ_OP_HARD_SIGMOID] = {put_alpha_beta, 0, NULL},
    [HAQ_OP_HARD_SWISH] = {put_plain, 14, NULL},
    [HAQ_OP_ERF] = {put_plain, 0, NULL},
    [HAQ_OP_GELU] = {put_gelu, 20, NULL},
    [HAQ_OP_EXP] = {put_plain, 0, NULL},
    [HAQ_OP_LOG] = {put_plain, 0, NULL},
    [HAQ_OP_NEG] = {put_plain, 0, NULL},
    [HAQ_OP_ABS] = {put_plain, 0, NULL},
    [HAQ_OP_SQRT] = {put_plain, 0, NULL},
    [HAQ_OP_RECIPROCAL] = {put_plain, 0, NULL},
    [HAQ_OP_ADD] = {put_plain, 0, NULL},
    [HAQ_OP_SUB] = {put_plain, 0, NULL},
    [HAQ_OP_MUL] = {put_plain, 0, NULL},
    [HAQ_OP_DIV] = {put_plain, 0, NULL},
    [HAQ_OP_POW] = {put_plain, 0, NULL},
    [HAQ_OP_MIN] = {put_plain, 0, NULL},
    [HAQ_OP_MAX] = {put_plain, 0, NULL},
    [HAQ_OP_EQUAL] = {put_plain, 0, NULL},
    [HAQ_OP_WHERE] = {put_plain, 0, NULL},
    [HAQ_OP_MAX_POOL] = {put_max_pool, 0, NULL},
    [HAQ_OP_AVERAGE_POOL] = {put_average_pool, 0, NULL},
    [HAQ_OP_GLOBAL_AVERAGE_POOL] = {put_plain, 0, NULL},
    [HAQ_OP_REDUCE_MEAN] = {put_reduce_other, 0, NULL},
    [HAQ_OP_REDUCE_SUM] = {put_reduce_sum, 0, NULL},
    [HAQ_OP_REDUCE_MAX] = {put_reduce_other, 0, NULL},
    [HAQ_OP_SOFTMAX] = {put_axis, 0, NULL},
    [HAQ_OP_LOG_SOFTMAX] = {put_axis, 0, NULL},
    [HAQ_OP_RMS_NORM] = {put_rms_norm, 0, NULL},
    [HAQ_OP_LAYER_NORM] = {put_layer_norm, 17, NULL},
    [HAQ_OP_RESHAPE] = {put_reshape, 0, one_batch_axis},
    [HAQ_OP_FLATTEN] = {put_axis, 0, NULL},
    [HAQ_OP_SQUEEZE] = {put_axes, 0, NULL},
    [HAQ_OP_UNSQUEEZE] = {put_axes, 0, NULL},
    [HAQ_OP_TRANSPOSE] = {put_perm, 0, NULL},
    [HAQ_OP_CONCAT] = {put_axis, 0, NULL},
    [HAQ_OP_SPLIT] = {put_split, 0, split_keeps_batch},
    [HAQ_OP_SLICE] = {put_slice, 0, slice_keeps_batch},
    [HAQ_OP_PAD] = {put_pad, 0, NULL},
    [HAQ_OP_GATHER] = {put_axis, 0, NULL},
    [HAQ_OP_EXPAND] = {put_expand, 0, expand_keeps_batch},
    [HAQ_OP_CAST] = {put_cast, 0, NULL},
    [HAQ_OP_SHAPE] = {put_never, 0, NULL},
    [HAQ_OP_RANGE] = {put_never, 0, NULL},
    [HAQ_OP_CONSTANT_OF_SHAPE] = {put_never, 0, NULL},
    [HAQ_OP_CONSTANT] = {put_never, 0, NULL},
    [HAQ_OP_IDENTITY] = {put_same, 0, NULL},
    [HAQ_OP_DROPOUT] = {put_same, 0, NULL},
};

static bool same_constants(const struct haq_onnx_pair *p)
{
    for (int i = 0; i < p->g->n_values; i++) {
        const struct haq_value *v = &p->g->values[i];
        const struct haq_value *o = &p->other->values[i];
        if (v->shape.rank != o->shape.rank || !v->data != !o->data ||
            v->dtype != o->dtype || strcmp(v->name, o->name))
            return false;
        if (v->data && (!haq_shape_equal(&v->shape, &o->shape) ||
                        memcmp(v->data, o->data,
                               v->count * haq_dtype_info(v->dtype)->bytes)))
            return false;
    }
    return true;
}

bool haq_onnx_any_batch(const struct haq_onnx_pair *p)
{
    if (p->g->n_values != p->other->n_values ||
        p->g->n_nodes != p->other->n_nodes || !same_constants(p))
        return false;
    for (int i = 0; i < p->g->n_nodes; i++) {
        const struct haq_node *n = &p->g->nodes[i], *o = &p->other->nodes[i];
        batch_fn *ok = rows[n->op->code].batch;
        if (n->op != o->op || n->n_in != o->n_in || n->n_out != o->n_out ||
            memcmp(n->in, o->in, (size_t)n->n_in * sizeof *n->in) ||
            !(ok ? ok : same_ints)(p, n, o))
            return false;
    }
    return true;
}

int64_t haq_onnx_opset(const struct haq_graph *g)
{
    int64_t opset = BASE_OPSET;
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        int64_t least = rows[n->op->code].opset;
        if (n->op->code == HAQ_OP_AVERAGE_POOL && dilated(n))
            least = 19; /* the attribute is younger than the operator */
        opset = least > opset ? least : opset;
    }
    return opset;
}

void haq_onnx_put_node(struct haq_build *b, const struct haq_onnx_pair *p,
                       int index, const char *const *in, const char *const *out)
{
    struct put c = {
        .b = b, .p = p, .n = &p->g->nodes[index], .in = in, .out = out};
    if (!b->failed)
        rows[c.n->op->code].put(&c);
}
