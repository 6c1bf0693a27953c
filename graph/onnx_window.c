/* Convolution and pooling attributes. */
#include <string.h>

#include "graph/onnx_node_priv.h"

/* Two values of a 2-D window attribute, or the default. */
static void read_pair(struct haq_onnx_node *c, const char *name, int64_t dst[2],
                      int64_t def)
{
    struct haq_onnx_ints v;

    haq_onnx_ints(c, name, &v);
    dst[0] = dst[1] = def;
    if (!v.given)
        return;
    if (v.n != 2) {
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has %d values in '%s' (only 2-D)",
                        v.n, name);
        return;
    }
    memcpy(dst, v.v, 2 * sizeof *dst);
}

/* ONNX Conv: SAME makes ceil(in / stride) outputs, with the odd element of the
 * padding behind (UPPER) or in front (LOWER). */
static void pad_same(struct haq_onnx_node *c, struct haq_window *w, bool upper)
{
    const struct haq_shape *x = &haq_onnx_input(c, 0)->shape;

    for (int i = 0; i < 2; i++) {
        int64_t in = x->rank == 4 ? x->dims[2 + i] : 0, total;
        int64_t s = w->stride[i], k = w->kernel[i], dil = w->dilation[i];
        const int64_t max = 1 << 24;
        if (in < 1 || in > INT32_MAX || s < 1 || s > max || k < 1 || k > max ||
            dil < 1 || dil > max) {
            haq_onnx_refuse(c, HAQ_FORMAT, "has a window out of range");
            return;
        }
        total = ((in + s - 1) / s - 1) * s + (k - 1) * dil + 1 - in;
        total = total < 0 ? 0 : total;
        w->pad[i] = upper ? total / 2 : total - total / 2;
        w->pad[i + 2] = total - w->pad[i];
    }
}

static void read_pads(struct haq_onnx_node *c, struct haq_window *w)
{
    const char *mode = haq_onnx_str(c, "auto_pad", "NOTSET");
    struct haq_onnx_ints pads;

    haq_onnx_ints(c, "pads", &pads);
    if (!strcmp(mode, "SAME_UPPER") || !strcmp(mode, "SAME_LOWER")) {
        pad_same(c, w, !strcmp(mode, "SAME_UPPER"));
    } else if (!strcmp(mode, "NOTSET")) {
        if (pads.given && pads.n != 4)
            haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has %d pads (only 2-D)",
                            pads.n);
        else if (pads.given)
            memcpy(w->pad, pads.v, sizeof w->pad);
    } else if (strcmp(mode, "VALID") != 0) {
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has auto_pad '%.40s'", mode);
    }
}

void haq_onnx_read_conv(struct haq_onnx_node *c)
{
    const struct haq_value *w = haq_onnx_input(c, 1);
    struct haq_window *win = &haq_onnx_self(c)->attr.window;
    struct haq_onnx_ints kernel;

    if (!w->data || w->shape.rank != 4) {
        haq_onnx_refuse(c, HAQ_UNSUPPORTED,
                        w->data ? "has a weight of %d axes (only 2-D)"
                                : "has a weight that is not constant",
                        w->shape.rank);
        return;
    }
    win->kernel[0] = w->shape.dims[2];
    win->kernel[1] = w->shape.dims[3];
    haq_onnx_ints(c, "kernel_shape", &kernel);
    if (kernel.given && (kernel.n != 2 || kernel.v[0] != win->kernel[0] ||
                         kernel.v[1] != win->kernel[1]))
        haq_onnx_refuse(c, HAQ_FORMAT,
                        "has a kernel_shape that is not its weight's");
    win->group = haq_onnx_int(c, "group", 1);
    read_pair(c, "strides", win->stride, 1);
    read_pair(c, "dilations", win->dilation, 1);
    read_pads(c, win);
}

void haq_onnx_read_pool(struct haq_onnx_node *c)
{
    struct haq_window *win = &haq_onnx_self(c)->attr.window;

    win->group = 1;
    read_pair(c, "kernel_shape", win->kernel, 0);
    read_pair(c, "strides", win->stride, 1);
    read_pair(c, "dilations", win->dilation, 1);
    win->ceil_mode = haq_onnx_int(c, "ceil_mode", 0) != 0;
    win->count_pad = haq_onnx_int(c, "count_include_pad", 0) != 0;
    haq_onnx_int(c, "storage_order", 0); /* concerns the indices only */
    read_pads(c, win);
}
