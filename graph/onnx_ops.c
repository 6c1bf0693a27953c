/* How each operator of a file becomes the normal form of graph/op.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/onnx_node_priv.h"

static void read_nothing(struct haq_onnx_node *c)
{
    (void)c;
}

static void read_ignored_ratio(struct haq_onnx_node *c)
{
    haq_onnx_attr(c, "ratio");
    haq_onnx_attr(c, "seed");
    haq_onnx_self(c)->n_in = 1;
}

static void read_batch_norm(struct haq_onnx_node *c)
{
    haq_onnx_self(c)->attr.epsilon = haq_onnx_float(c, "epsilon", 1e-5f);
    haq_onnx_attr(c, "momentum");
    if (haq_onnx_int(c, "training_mode", 0))
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "is in training mode");
}

static void read_relu(struct haq_onnx_node *c)
{
    haq_onnx_self(c)->clamp = (struct haq_clamp){0, INFINITY};
}

static void read_clip(struct haq_onnx_node *c)
{
    struct haq_clamp *clamp = &haq_onnx_self(c)->clamp;

    haq_onnx_real_or_input(c, "min", 1, &clamp->lo);
    haq_onnx_real_or_input(c, "max", 2, &clamp->hi);
    /* ONNX: with min above max everything becomes max. */
    if (clamp->lo > clamp->hi)
        clamp->lo = clamp->hi;
    haq_onnx_self(c)->n_in = 1;
}

static void read_leaky_relu(struct haq_onnx_node *c)
{
    haq_onnx_self(c)->attr.alpha = haq_onnx_float(c, "alpha", 0.01f);
}

static void read_hard_sigmoid(struct haq_onnx_node *c)
{
    haq_onnx_self(c)->attr.alpha = haq_onnx_float(c, "alpha", 0.2f);
    haq_onnx_self(c)->attr.beta = haq_onnx_float(c, "beta", 0.5f);
}

static void read_swish(struct haq_onnx_node *c)
{
    if (haq_onnx_float(c, "alpha", 1) != 1)
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has an alpha other than 1");
}

static void read_gelu(struct haq_onnx_node *c)
{
    const char *mode = haq_onnx_str(c, "approximate", "none");

    if (strcmp(mode, "none") && strcmp(mode, "tanh"))
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has approximate '%.40s'", mode);
    haq_onnx_self(c)->attr.mode = strcmp(mode, "none") ? mode : NULL;
}

static void read_reduce(struct haq_onnx_node *c)
{
    struct haq_node *n = haq_onnx_self(c);
    int rank = haq_onnx_input(c, 0)->shape.rank;
    bool noop = haq_onnx_int(c, "noop_with_empty_axes", 0) != 0;
    struct haq_onnx_ints axes;

    n->attr.keepdims = haq_onnx_int(c, "keepdims", 1) != 0;
    haq_onnx_ints_or_input(c, "axes", 1, &axes);
    for (int i = 0; i < rank && !axes.given && !noop; i++)
        axes.v[axes.n++] = i;
    if (axes.given && !axes.n && !noop)
        for (int i = 0; i < rank; i++)
            axes.v[axes.n++] = i;
    haq_onnx_set_axes(c, &axes, rank);
    n->n_in = 1;
}

/* Before opset 13 everything from `axis` on was one row. */
static void read_softmax(struct haq_onnx_node *c)
{
    const struct haq_shape *x = &haq_onnx_input(c, 0)->shape;
    bool old = c->g->opset < 13;
    int64_t axis = haq_onnx_int(c, "axis", old ? 1 : -1);

    axis = haq_onnx_axis(c, axis, x->rank);
    haq_onnx_self(c)->attr.axis = axis;
    for (int64_t i = axis + 1; i < x->rank && old; i++)
        if (x->dims[i] != 1)
            haq_onnx_refuse(c, HAQ_UNSUPPORTED,
                            "of opset %lld runs over several axes",
                            (long long)c->g->opset);
}

static void read_layer_norm(struct haq_onnx_node *c)
{
    struct haq_attrs *a = &haq_onnx_self(c)->attr;

    a->axis = haq_onnx_axis(c, haq_onnx_int(c, "axis", -1),
                            haq_onnx_input(c, 0)->shape.rank);
    a->epsilon = haq_onnx_float(c, "epsilon", 1e-5f);
    haq_onnx_attr(c, "stash_type");
}

static void read_concat(struct haq_onnx_node *c)
{
    if (!haq_onnx_attr(c, "axis"))
        haq_onnx_refuse(c, HAQ_FORMAT, "lacks 'axis'");
    haq_onnx_self(c)->attr.axis = haq_onnx_axis(
        c, haq_onnx_int(c, "axis", 0), haq_onnx_input(c, 0)->shape.rank);
}

static void read_gather(struct haq_onnx_node *c)
{
    haq_onnx_self(c)->attr.axis = haq_onnx_axis(
        c, haq_onnx_int(c, "axis", 0), haq_onnx_input(c, 0)->shape.rank);
}

static void read_cast(struct haq_onnx_node *c)
{
    int64_t code = haq_onnx_int(c, "to", 0);
    int to = code > 0 && code < 64 ? haq_onnx_dtype((int)code) : -1;

    haq_onnx_attr(c, "saturate");
    if (to < 0)
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "to ONNX element type %lld",
                        (long long)code);
    haq_onnx_self(c)->attr.to = to;
}

/* The exponent may have a type of its own: a constant one gets the base's. */
static void read_pow(struct haq_onnx_node *c)
{
    const struct haq_value *x = haq_onnx_input(c, 0);
    const struct haq_value *e = haq_onnx_input(c, 1);
    struct haq_graph *g = c->g;
    const char *name;
    int v = -1;

    if (x->dtype != HAQ_F32 || e->dtype == HAQ_F32 || !e->data)
        return;
    struct haq_value old = *e;
    float *real = malloc((old.count + 1) * sizeof *real);
    for (size_t i = 0; real && i < old.count; i++)
        real[i] = (float)haq_dtype_get(old.dtype, old.data, i);
    if (real && (name = haq_graph_fresh_name(g, old.name)))
        v = haq_graph_add_const(g, name, HAQ_F32, &old.shape, real);
    free(real);
    if (v < 0) {
        haq_onnx_refuse(c, HAQ_NOMEM, "cannot convert its exponent");
        return;
    }
    g->values[v].source = old.source;
    haq_onnx_self(c)->in[1] = v;
}

/* A constant like `v` under a new name, times `factor`, `count` elements (one
 * element is repeated).  Index or -1. */
static int scaled_constant(struct haq_onnx_node *c, int v, float factor,
                           const struct haq_shape *shape)
{
    struct haq_graph *g = c->g;
    struct haq_value from = g->values[v];
    size_t count = 0;
    const char *name = haq_graph_fresh_name(g, from.name);
    float *data;
    int made = -1;

    if (!name || !haq_shape_count(shape, &count))
        return -1;
    data = malloc((count + 1) * sizeof *data);
    if (!data)
        return -1;
    for (size_t i = 0; i < count; i++)
        data[i] = factor * ((const float *)from.data)[from.count == 1 ? 0 : i];
    made = haq_graph_add_const(g, name, HAQ_F32, shape, data);
    if (made >= 0)
        g->values[made].source = from.source;
    free(data);
    return made;
}

/* Gemm's C, which may broadcast, to one value per column. */
static void normalize_bias(struct haq_onnx_node *c, float beta)
{
    struct haq_node *n = haq_onnx_self(c);
    const struct haq_value *b = haq_onnx_input(c, 1);
    const struct haq_value *bias = haq_onnx_input(c, 2);
    int64_t columns = b->shape.dims[!n->attr.trans_b];
    struct haq_shape row = {1, {columns}};
    bool is_row = bias->count == 1 ||
                  (bias->shape.rank &&
                   bias->shape.dims[bias->shape.rank - 1] == columns &&
                   bias->count == (size_t)columns);

    if (!bias->data || bias->dtype != HAQ_F32 || !is_row) {
        haq_onnx_refuse(c, HAQ_UNSUPPORTED,
                        "has a C that is not one constant per column");
        return;
    }
    if (beta == 1 && haq_shape_equal(&bias->shape, &row))
        return;
    n->in[2] = scaled_constant(c, n->in[2], beta, &row);
    if (n->in[2] < 0)
        haq_onnx_refuse(c, HAQ_NOMEM, "cannot scale its bias");
}

static void read_gemm(struct haq_onnx_node *c)
{
    struct haq_node *n = haq_onnx_self(c);
    float alpha = haq_onnx_float(c, "alpha", 1);
    float beta = haq_onnx_float(c, "beta", 1);
    const struct haq_value *b = haq_onnx_input(c, 1);

    n->attr.alpha = n->attr.beta = 1;
    n->attr.trans_a = haq_onnx_int(c, "transA", 0) != 0;
    n->attr.trans_b = haq_onnx_int(c, "transB", 0) != 0;
    if (n->attr.trans_a)
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has transA");
    if (b->shape.rank != 2 || b->dtype != HAQ_F32)
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "wants a float32 matrix as B");
    if (!c->status && haq_onnx_input(c, 2))
        normalize_bias(c, beta);
    if (c->status || alpha == 1)
        return;
    if (!b->data) {
        haq_onnx_refuse(c, HAQ_UNSUPPORTED,
                        "has alpha on a matrix that is not constant");
        return;
    }
    struct haq_shape shape = haq_onnx_input(c, 1)->shape;
    n->in[1] = scaled_constant(c, n->in[1], alpha, &shape);
    if (n->in[1] < 0)
        haq_onnx_refuse(c, HAQ_NOMEM, "cannot scale its weight");
}

/* How many inputs the file may give (the normal form may have fewer), and how
 * to read them.  NULL: neither attributes nor steering inputs. */
struct row {
    int min_in, max_in;
    haq_onnx_reader *read;
};

static const struct row rows[HAQ_OP_COUNT] = {
    [HAQ_OP_CONV] = {2, 3, haq_onnx_read_conv},
    [HAQ_OP_GEMM] = {2, 3, read_gemm},
    [HAQ_OP_MATMUL] = {2, 2, NULL},
    [HAQ_OP_BATCH_NORM] = {5, 5, read_batch_norm},
    [HAQ_OP_RELU] = {1, 1, read_relu},
    [HAQ_OP_CLIP] = {1, 3, read_clip},
    [HAQ_OP_LEAKY_RELU] = {1, 1, read_leaky_relu},
    [HAQ_OP_HARD_SIGMOID] = {1, 1, read_hard_sigmoid},
    [HAQ_OP_SILU] = {1, 1, read_swish},
    [HAQ_OP_GELU] = {1, 1, read_gelu},
    [HAQ_OP_POW] = {2, 2, read_pow},
    [HAQ_OP_MAX_POOL] = {1, 1, haq_onnx_read_pool},
    [HAQ_OP_AVERAGE_POOL] = {1, 1, haq_onnx_read_pool},
    [HAQ_OP_REDUCE_MEAN] = {1, 2, read_reduce},
    [HAQ_OP_REDUCE_SUM] = {1, 2, read_reduce},
    [HAQ_OP_REDUCE_MAX] = {1, 2, read_reduce},
    [HAQ_OP_SOFTMAX] = {1, 1, read_softmax},
    [HAQ_OP_LOG_SOFTMAX] = {1, 1, read_softmax},
    [HAQ_OP_LAYER_NORM] = {2, 3, read_layer_norm},
    [HAQ_OP_RMS_NORM] = {2, 2, read_layer_norm},
    [HAQ_OP_RESHAPE] = {2, 2, haq_onnx_read_reshape},
    [HAQ_OP_FLATTEN] = {1, 1, haq_onnx_read_flatten},
    [HAQ_OP_SQUEEZE] = {1, 2, haq_onnx_read_squeeze},
    [HAQ_OP_UNSQUEEZE] = {1, 2, haq_onnx_read_unsqueeze},
    [HAQ_OP_TRANSPOSE] = {1, 1, haq_onnx_read_transpose},
    [HAQ_OP_CONCAT] = {1, HAQ_OP_ANY, read_concat},
    [HAQ_OP_SPLIT] = {1, 2, haq_onnx_read_split},
    [HAQ_OP_SLICE] = {1, 5, haq_onnx_read_slice},
    [HAQ_OP_PAD] = {1, 4, haq_onnx_read_pad},
    [HAQ_OP_RESIZE] = {1, 4, haq_onnx_read_resize},
    [HAQ_OP_UPSAMPLE] = {2, 2, haq_onnx_read_resize},
    [HAQ_OP_GATHER] = {2, 2, read_gather},
    [HAQ_OP_EXPAND] = {2, 2, haq_onnx_read_expand},
    [HAQ_OP_CAST] = {1, 1, read_cast},
    [HAQ_OP_SHAPE] = {1, 1, haq_onnx_read_shape},
    [HAQ_OP_CONSTANT_OF_SHAPE] = {1, 1, haq_onnx_read_filled},
    [HAQ_OP_DROPOUT] = {1, 3, read_ignored_ratio},
};

haq_status haq_onnx_normalize(struct haq_onnx_node *c)
{
    struct haq_node *n = haq_onnx_self(c);
    const struct row *row = &rows[n->op->code];
    int min = row->read || row->max_in ? row->min_in : n->op->min_in;
    int max = row->read || row->max_in ? row->max_in : n->op->max_in;

    if (n->n_in < min || n->n_in > max)
        haq_onnx_refuse(c, HAQ_FORMAT, "has %d inputs", n->n_in);
    for (int k = 0; k < min && !c->status; k++)
        if (n->in[k] == HAQ_NO_VALUE)
            haq_onnx_refuse(c, HAQ_FORMAT, "lacks input %d", k);
    if (!c->status)
        (row->read ? row->read : read_nothing)(c);
    if (!c->status)
        haq_onnx_check_read(c);
    return c->status;
}
