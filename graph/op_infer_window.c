#include "graph/op_infer_priv.h"

/* Where batch, channels, height and width are. */
struct layout {
    int n, c, h, w;
};

static struct layout layout_of(const struct haq_graph *g)
{
    return g->nhwc ? (struct layout){0, 3, 1, 2} : (struct layout){0, 1, 2, 3};
}

/* Output size of a window along one axis; -1 when it does not fit.
 * ONNX, MaxPool: floor or ceil of (in + pads - extent) / stride, plus 1; a
 * window of ceil_mode that would start behind the input and its leading pad is
 * left out, as PyTorch and ONNX Runtime do. */
static int64_t window_out(const struct haq_window *w, int axis, int64_t in)
{
    int64_t extent = (w->kernel[axis] - 1) * w->dilation[axis] + 1;
    int64_t padded = in + w->pad[axis] + w->pad[axis + 2];
    int64_t room = padded - extent, stride = w->stride[axis];

    if (in < 1 || room < 0)
        return -1;
    int64_t out = room / stride + 1;
    if (w->ceil_mode && room % stride != 0 && out * stride < in + w->pad[axis])
        out++;
    return out;
}

/* Small enough that no sum or product of these can overflow. */
static bool window_sane(const struct haq_window *w)
{
    const int64_t max = 1 << 24;

    for (int i = 0; i < 2; i++)
        if (w->kernel[i] < 1 || w->kernel[i] > max || w->stride[i] < 1 ||
            w->stride[i] > max || w->dilation[i] < 1 || w->dilation[i] > max)
            return false;
    for (int i = 0; i < 4; i++)
        if (w->pad[i] < 0 || w->pad[i] > max)
            return false;
    return true;
}

static haq_status set_window(struct haq_graph *g, struct haq_node *n,
                             int64_t channels, struct haq_diag *d)
{
    const struct haq_window *w = &n->attr.window;
    struct haq_shape out = haq_in(g, n, 0)->shape;
    struct layout at = layout_of(g);

    if (!window_sane(w))
        return haq_infer_bad(n,
                             "has a kernel, stride, dilation or pad out of "
                             "range",
                             d);
    out.dims[at.c] = channels;
    if (out.dims[at.h] > INT64_MAX / 4 || out.dims[at.w] > INT64_MAX / 4)
        return haq_infer_bad(n, "reads a tensor that is too large", d);
    out.dims[at.h] = window_out(w, 0, out.dims[at.h]);
    out.dims[at.w] = window_out(w, 1, out.dims[at.w]);
    if (out.dims[at.h] < 1 || out.dims[at.w] < 1)
        return haq_infer_bad(n, "has a window larger than its input", d);
    return haq_infer_set(g, n, 0, HAQ_F32, &out, d);
}

static haq_status want_image(const struct haq_graph *g,
                             const struct haq_node *n, struct haq_diag *d)
{
    haq_status s = haq_infer_want_f32(g, n, d);

    if (!s && haq_in(g, n, 0)->shape.rank != 4)
        return haq_fail(d, HAQ_UNSUPPORTED,
                        "node '%.120s': %s on a tensor of %d axes (only 4)",
                        n->name, n->op->name, haq_in(g, n, 0)->shape.rank);
    return s;
}

haq_status haq_infer_conv(struct haq_graph *g, struct haq_node *n,
                          struct haq_diag *d)
{
    haq_status s = want_image(g, n, d);
    if (s)
        return s;

    const struct haq_shape *x = &haq_in(g, n, 0)->shape;
    const struct haq_shape *w = &haq_in(g, n, 1)->shape;
    const struct haq_window *win = &n->attr.window;
    int64_t channels = x->dims[layout_of(g).c];

    if (w->rank != 4 || w->dims[2] != win->kernel[0] ||
        w->dims[3] != win->kernel[1])
        return haq_infer_bad(n, "has a weight that is not [O][I][kh][kw]", d);
    if (win->group < 1 || channels % win->group != 0 ||
        w->dims[0] % win->group != 0 || w->dims[0] < 1 ||
        w->dims[1] != channels / win->group)
        return haq_infer_bad(n, "has channels that do not fit weight and group",
                             d);
    if (haq_has_in(n, 2)) {
        const struct haq_shape *b = &haq_in(g, n, 2)->shape;
        if (b->rank != 1 || b->dims[0] != w->dims[0])
            return haq_infer_bad(n, "has a bias of the wrong shape", d);
    }
    return set_window(g, n, w->dims[0], d);
}

haq_status haq_infer_pool(struct haq_graph *g, struct haq_node *n,
                          struct haq_diag *d)
{
    haq_status s = want_image(g, n, d);

    return s ? s
             : set_window(g, n, haq_in(g, n, 0)->shape.dims[layout_of(g).c], d);
}

haq_status haq_infer_global_pool(struct haq_graph *g, struct haq_node *n,
                                 struct haq_diag *d)
{
    haq_status s = want_image(g, n, d);
    if (s)
        return s;

    struct haq_shape out = haq_in(g, n, 0)->shape;
    struct layout at = layout_of(g);
    if (out.dims[at.h] < 1 || out.dims[at.w] < 1)
        return haq_infer_bad(n, "reads an empty tensor", d);
    out.dims[at.h] = out.dims[at.w] = 1;
    return haq_infer_set(g, n, 0, HAQ_F32, &out, d);
}

haq_status haq_infer_batch_norm(struct haq_graph *g, struct haq_node *n,
                                struct haq_diag *d)
{
    const struct haq_shape *x = &haq_in(g, n, 0)->shape;
    haq_status s = haq_infer_want_f32(g, n, d);

    if (s)
        return s;
    if (x->rank < 2)
        return haq_infer_bad(n, "reads a tensor without channels", d);
    int64_t channels = x->dims[g->nhwc && x->rank == 4 ? 3 : 1];
    for (int k = 1; k < 5; k++) {
        const struct haq_shape *p = &haq_in(g, n, k)->shape;
        if (p->rank != 1 || p->dims[0] != channels)
            return haq_infer_bad(n, "has parameters of the wrong shape", d);
    }
    return haq_infer_same(g, n, d);
}

int64_t haq_macs_conv(const struct haq_graph *g, const struct haq_node *n)
{
    const struct haq_shape *w = &haq_in(g, n, 1)->shape;

    return (int64_t)g->values[n->out[0]].count * w->dims[1] * w->dims[2] *
           w->dims[3];
}
