/* Resize and Upsample become what the graph already knows: nearest neighbours
 * are a Gather along each axis, and linear interpolation is
 *
 *     y = gather(x, low) * (1 - w) + gather(x, high) * w
 *
 * one axis after the other.  Coordinates are those of the ONNX operator,
 * in float32 as ONNX Runtime computes them, since a sample more or less to the
 * left is another sample.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/onnx_node_priv.h"

struct resize {
    struct haq_onnx_node *c;
    const char *coordinates, *nearest;
    bool linear;
    int x;     /* value so far */
    int out;   /* the file's output */
    bool used; /* the node itself has been made use of */
    int rank;
    int64_t to[HAQ_MAX_RANK]; /* size of each axis */
    float scale[HAQ_MAX_RANK];
};

/* Where in the input output index i lies. */
static float coordinate(const struct resize *r, int64_t i, float scale,
                        int64_t in, int64_t out)
{
    const char *mode = r->coordinates;
    float at = (float)i, half = (at + 0.5f) / scale - 0.5f;
    if (!strcmp(mode, "asymmetric"))
        return at / scale;
    if (!strcmp(mode, "align_corners"))
        return out == 1 ? 0 : at * (float)(in - 1) / (float)(out - 1);
    if (!strcmp(mode, "pytorch_half_pixel"))
        return out > 1 ? half : 0;
    if (!strcmp(mode, "tf_half_pixel_for_nn"))
        return (at + 0.5f) / scale;
    if (!strcmp(mode, "half_pixel_symmetric")) {
        float center = (float)in / 2;
        float adjusted = (float)out / (scale * (float)in);
        return center * (1 - adjusted) + (at + 0.5f) / scale - 0.5f;
    }
    return half;
}

static float nearest(const struct resize *r, float at)
{
    if (!strcmp(r->nearest, "floor"))
        return floorf(at);
    if (!strcmp(r->nearest, "ceil"))
        return ceilf(at);
    if (!strcmp(r->nearest, "round_prefer_ceil"))
        return floorf(at + 0.5f);
    return ceilf(at - 0.5f);
}

static int64_t inside(float at, int64_t n)
{
    return !(at > 0) ? 0 : at >= (float)(n - 1) ? n - 1 : (int64_t)at;
}

/* ---- nodes -------------------------------------------------------------- */

static int refuse_memory(struct resize *r)
{
    haq_onnx_refuse(r->c, HAQ_NOMEM, "cannot be rewritten");
    return -1;
}

/* Append a node of two inputs (the first one is the file's own); its output, or
 * -1.  `last`: it makes the file's output. */
static int emit(struct resize *r, enum haq_opcode op, int a, int b, int axis,
                bool last)
{
    struct haq_graph *g = r->c->g;
    struct haq_shape none = {0};
    const char *name = haq_graph_fresh_name(g, g->values[r->out].name);
    int i = r->c->index, v = r->out;

    if (a < 0 || b < 0 || !name)
        return r->c->status ? -1 : refuse_memory(r);
    if (!last)
        v = haq_graph_add_value(g, name, HAQ_F32, &none);
    if (r->used)
        i = haq_graph_add_node(g, haq_op(op), name, 2, 1);
    if (v < 0 || i < 0)
        return refuse_memory(r);
    r->used = true;
    struct haq_node *n = &g->nodes[i];
    n->op = haq_op(op);
    n->n_in = 2;
    n->in[0] = a;
    n->in[1] = b;
    n->out[0] = v;
    n->attr.axis = axis;
    g->values[v].producer = i;
    haq_status s = n->op->infer(g, n, r->c->diag);
    if (s && !r->c->status)
        r->c->status = s;
    return s ? -1 : v;
}

static int add_constant(struct resize *r, enum haq_dtype type, int axis,
                        int64_t count, const void *data)
{
    struct haq_graph *g = r->c->g;
    const char *name = haq_graph_fresh_name(g, g->values[r->out].name);
    struct haq_shape shape = {1, {count}};
    if (type == HAQ_F32) { /* broadcasts along the axis */
        shape.rank = r->rank - axis;
        for (int i = 1; i < shape.rank; i++)
            shape.dims[i] = 1;
    }
    int v = name ? haq_graph_add_const(g, name, type, &shape, data) : -1;
    return v < 0 ? refuse_memory(r) : v;
}

static int gather(struct resize *r, int axis, const int64_t *index, bool last)
{
    int v = add_constant(r, HAQ_I64, axis, r->to[axis], index);
    return emit(r, HAQ_OP_GATHER, r->x, v, axis, last);
}

static int weighted(struct resize *r, int x, int axis, const float *w)
{
    int v = add_constant(r, HAQ_F32, axis, r->to[axis], w);
    return emit(r, HAQ_OP_MUL, x, v, 0, false);
}

static void resize_axis(struct resize *r, int axis, bool last)
{
    int64_t in = haq_onnx_input(r->c, 0)->shape.dims[axis], out = r->to[axis];
    size_t n = (size_t)out;
    int64_t *index = malloc(2 * n * sizeof *index);
    float *w = malloc(2 * n * sizeof *w);

    if (!index || !w) {
        refuse_memory(r);
    } else if (r->linear) {
        for (size_t i = 0; i < n; i++) {
            float at = coordinate(r, (int64_t)i, r->scale[axis], in, out);
            at = fminf(fmaxf(at, 0), (float)(in - 1));
            index[i] = inside(at, in);
            index[n + i] = index[i] + 1 < in ? index[i] + 1 : in - 1;
            w[n + i] = at - (float)index[i];
            w[i] = 1 - w[n + i];
        }
        int low = weighted(r, gather(r, axis, index, false), axis, w);
        int high = weighted(r, gather(r, axis, index + n, false), axis, w + n);
        r->x = emit(r, HAQ_OP_ADD, low, high, 0, last);
    } else {
        for (size_t i = 0; i < n; i++)
            index[i] = inside(
                nearest(r, coordinate(r, (int64_t)i, r->scale[axis], in, out)),
                in);
        r->x = gather(r, axis, index, last);
    }
    free(index);
    free(w);
}

/* ---- reading ------------------------------------------------------------ */

/* Sizes of up to 2^24 a side: everything beyond is a mistake. */
static void set_axis(struct resize *r, int axis, double out, double scale)
{
    if (!(out >= 1 && out <= 1 << 24 && scale > 0))
        haq_onnx_refuse(r->c, HAQ_FORMAT, "has a size or scale out of range");
    else
        r->to[axis] = (int64_t)out;
    r->scale[axis] = (float)scale;
}

/* Constant input k with elements, or NULL. */
static const struct haq_value *constant(struct resize *r, int k)
{
    const struct haq_value *v = haq_onnx_input(r->c, k);
    if (v && !v->data && v->count)
        haq_onnx_refuse(r->c, HAQ_UNSUPPORTED,
                        "has sizes or scales that are computed");
    return v && v->count ? v : NULL;
}

/* scales, sizes: one of them, for all axes or those of `axes`. */
static void read_sizes(struct resize *r, const struct haq_value *scales,
                       const struct haq_value *sizes,
                       const struct haq_onnx_ints *axes)
{
    const struct haq_shape *x = &haq_onnx_input(r->c, 0)->shape;
    const struct haq_value *given = sizes ? sizes : scales;
    int count = axes->given ? axes->n : x->rank;

    for (int i = 0; i < x->rank; i++) {
        r->to[i] = x->dims[i];
        r->scale[i] = 1;
    }
    if (!given || (size_t)count != given->count) {
        haq_onnx_refuse(r->c, HAQ_FORMAT, "has no size for each axis");
        return;
    }
    for (int i = 0; i < count && !r->c->status; i++) {
        int64_t axis =
            haq_onnx_axis(r->c, axes->given ? axes->v[i] : i, x->rank);
        if (r->c->status)
            return;
        double n = (double)x->dims[axis];
        double value = haq_dtype_get(given->dtype, given->data, (size_t)i);
        if (sizes)
            set_axis(r, (int)axis, value, value / n);
        else
            set_axis(r, (int)axis, floor(n * value), value);
    }
}

static bool one_of(const char *text, const char *const *list)
{
    while (*list && strcmp(text, *list))
        list++;
    return *list;
}

static void check_modes(struct resize *r, const char *mode)
{
    static const char *const coordinates[] = {"half_pixel",
                                              "asymmetric",
                                              "align_corners",
                                              "pytorch_half_pixel",
                                              "tf_half_pixel_for_nn",
                                              "half_pixel_symmetric",
                                              NULL};
    static const char *const roundings[] = {
        "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    static const char *const modes[] = {"nearest", "linear", NULL};

    if (!one_of(mode, modes))
        haq_onnx_refuse(r->c, HAQ_UNSUPPORTED, "has mode '%.40s'", mode);
    if (!one_of(r->coordinates, coordinates))
        haq_onnx_refuse(r->c, HAQ_UNSUPPORTED, "has coordinates '%.40s'",
                        r->coordinates);
    if (!one_of(r->nearest, roundings))
        haq_onnx_refuse(r->c, HAQ_UNSUPPORTED, "has nearest_mode '%.40s'",
                        r->nearest);
    if (haq_onnx_int(r->c, "antialias", 0))
        haq_onnx_refuse(r->c, HAQ_UNSUPPORTED, "has antialias");
    if (strcmp(haq_onnx_str(r->c, "keep_aspect_ratio_policy", "stretch"),
               "stretch"))
        haq_onnx_refuse(r->c, HAQ_UNSUPPORTED, "keeps the aspect ratio");
    haq_onnx_attr(r->c, "cubic_coeff_a"); /* of modes that are refused */
    haq_onnx_attr(r->c, "exclude_outside");
    haq_onnx_attr(r->c, "extrapolation_value");
}

static void rewrite(struct resize *r)
{
    const struct haq_shape x = haq_onnx_input(r->c, 0)->shape;
    int last = -1;

    for (int i = 0; i < x.rank; i++)
        if (r->to[i] != x.dims[i])
            last = i;
    if (last < 0) {
        struct haq_node *n = haq_onnx_self(r->c);
        n->op = haq_op(HAQ_OP_IDENTITY);
        n->n_in = 1;
        return;
    }
    for (int i = 0; i <= last && !r->c->status; i++)
        if (r->to[i] != x.dims[i])
            resize_axis(r, i, i == last);
}

void haq_onnx_read_resize(struct haq_onnx_node *c)
{
    bool old = c->g->opset < 11; /* Upsample and the first Resize */
    struct haq_node *n = haq_onnx_self(c);
    const char *mode = haq_onnx_str(c, "mode", "nearest");
    struct resize r = {.c = c, .x = n->in[0], .out = n->out[0]};
    struct haq_onnx_ints axes;

    r.linear = strcmp(mode, "nearest") != 0;
    r.rank = haq_onnx_input(c, 0)->shape.rank;
    r.coordinates = haq_onnx_str(c, "coordinate_transformation_mode",
                                 old ? "asymmetric" : "half_pixel");
    r.nearest =
        haq_onnx_str(c, "nearest_mode", old ? "floor" : "round_prefer_floor");
    haq_onnx_ints(c, "axes", &axes);
    check_modes(&r, mode);
    if (haq_onnx_input(c, 0)->dtype != HAQ_F32)
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "of another type than float32");
    const struct haq_value *scales = constant(&r, old ? 1 : 2);
    const struct haq_value *sizes = old ? NULL : constant(&r, 3);
    if (!c->status)
        read_sizes(&r, scales, sizes, &axes);
    if (!c->status)
        rewrite(&r);
}
