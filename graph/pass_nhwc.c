/* Layout: convolution and pooling get NHWC tensors.
 *
 * One sweep in topological order.  A value is native NHWC when its producer was
 * rewritten to make it so; operators that do not care for the layout follow
 * their inputs, with axes, pads and per-channel constants permuted; all others
 * get the tensor back in the file's order.  Conversions are made on demand,
 * once per value: a plain CNN ends with one at its input, and with none at a
 * Flatten of 1 x 1 maps because there a conversion moves nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/pass_priv.h"

/* Axis a of NCHW is axis to_nhwc[a] of NHWC; axis i of NHWC is axis
 * from_nhwc[i] of NCHW. */
static const int to_nhwc[4] = {0, 3, 1, 2};
static const int from_nhwc[4] = {0, 2, 3, 1};

enum { NONE = -1 };

struct layouts {
    struct haq_graph *g;
    struct haq_diag *d;
    int *nhwc; /* [cap] the value that holds v in NHWC (v itself: native) */
    int *nchw; /* [cap] the value that holds v in the file's order */
    int cap;
    haq_status status; /* first failure; later work is skipped */
};

static bool is_native(const struct layouts *l, int v)
{
    return v != HAQ_NO_VALUE && l->nhwc[v] == v && l->nchw[v] != v;
}

static void permute(int64_t dims[4], const int order[4])
{
    int64_t old[4];

    memcpy(old, dims, sizeof old);
    for (int i = 0; i < 4; i++)
        dims[i] = old[order[i]];
}

/* Output k is made in NHWC from now on. */
static void make_native(struct layouts *l, const struct haq_node *n, int k)
{
    int v = n->out[k];

    permute(l->g->values[v].shape.dims, from_nhwc);
    l->nhwc[v] = v;
    l->nchw[v] = NONE;
}

static int fail_memory(struct layouts *l)
{
    if (!l->status)
        l->status = haq_fail(l->d, HAQ_NOMEM, "changing the layout");
    return NONE;
}

/* A value with the source of v and its dims in another order. */
static int add_twin(struct layouts *l, int v, const int order[4])
{
    struct haq_value from = l->g->values[v];
    const char *name = haq_graph_fresh_name(l->g, from.name);
    int twin;

    permute(from.shape.dims, order);
    if (!name || l->g->n_values >= l->cap)
        return fail_memory(l);
    twin = haq_graph_add_value(l->g, name, from.dtype, &from.shape);
    if (twin < 0)
        return fail_memory(l);
    l->g->values[twin].source = from.source;
    return twin;
}

/* Node that turns v into its twin. */
static int convert(struct layouts *l, int v, const int order[4])
{
    int twin = add_twin(l, v, order);
    int i = twin < 0 ? -1
                     : haq_graph_add_node(l->g, haq_op(HAQ_OP_TRANSPOSE),
                                          l->g->values[twin].name, 1, 1);

    if (i < 0)
        return fail_memory(l);
    struct haq_node *n = &l->g->nodes[i];
    n->in[0] = v;
    n->out[0] = twin;
    n->attr.n_ints = 4;
    for (int k = 0; k < 4; k++)
        n->attr.ints[0][k] = order[k];
    l->g->values[twin].producer = i;
    return twin;
}

/* A constant that broadcasts against NCHW tensors, for NHWC ones. */
static int permute_constant(struct layouts *l, int v)
{
    struct haq_value from = l->g->values[v];
    size_t size = haq_dtype_info(from.dtype)->bytes;
    int64_t dims[4] = {1, 1, 1, 1}, stride[4], step = 1;
    struct haq_shape shape = {4, {0}};
    const char *name = haq_graph_fresh_name(l->g, from.name);
    char *data = haq_arena_array(&l->g->arena, from.count, size), *p = data;
    int twin;

    memcpy(dims + 4 - from.shape.rank, from.shape.dims,
           (size_t)from.shape.rank * sizeof *dims);
    for (int i = 3; i >= 0; i--) {
        stride[i] = step;
        step *= dims[i];
    }
    permute(dims, from_nhwc);
    permute(stride, from_nhwc);
    memcpy(shape.dims, dims, sizeof dims);
    if (!name || !data || l->g->n_values >= l->cap ||
        (twin = haq_graph_add_value(l->g, name, from.dtype, &shape)) < 0)
        return fail_memory(l);
    for (size_t i = 0; i < from.count; i++, p += size) {
        size_t left = i, at = 0;
        for (int k = 3; k >= 0; k--) {
            at += left % (size_t)dims[k] * (size_t)stride[k];
            left /= (size_t)dims[k];
        }
        memcpy(p, (const char *)from.data + at * size, size);
    }
    l->g->values[twin].data = data;
    l->g->values[twin].source = from.source;
    l->nhwc[twin] = twin;
    return twin;
}

/* The file itself came from NHWC: its Transpose read what we want. */
static int undo_transpose(const struct layouts *l, int v)
{
    int p = l->g->values[v].producer;
    const struct haq_node *n = p < 0 ? NULL : &l->g->nodes[p];

    if (!n || n->op->code != HAQ_OP_TRANSPOSE || n->attr.n_ints != 4 ||
        is_native(l, n->in[0]))
        return NONE;
    for (int i = 0; i < 4; i++)
        if (n->attr.ints[0][i] != to_nhwc[i])
            return NONE;
    return n->in[0];
}

static int as_nhwc(struct layouts *l, int v)
{
    const struct haq_value *x = &l->g->values[v];

    if (l->nhwc[v] != NONE)
        return l->nhwc[v];
    int twin = x->data ? permute_constant(l, v) : undo_transpose(l, v);
    if (twin == NONE && !l->status) {
        twin = convert(l, v, from_nhwc);
        if (twin != NONE) {
            l->nhwc[twin] = twin;
            l->nchw[twin] = v;
        }
    }
    l->nhwc[v] = twin;
    return twin == NONE ? v : twin;
}

static int as_nchw(struct layouts *l, int v)
{
    if (l->nchw[v] != NONE)
        return l->nchw[v];
    int twin = convert(l, v, to_nhwc);
    if (twin == NONE)
        return v;
    l->nchw[twin] = twin;
    l->nhwc[twin] = v;
    return l->nchw[v] = twin;
}

/* ---- what each kind of operator does --------------------------------------
 */

static void plain(struct layouts *l, int i)
{
    for (int k = 0; k < l->g->nodes[i].n_in; k++) {
        int v = l->g->nodes[i].in[k];
        if (v != HAQ_NO_VALUE)
            v = as_nchw(l, v);
        l->g->nodes[i].in[k] = v;
    }
}

static void spatial(struct layouts *l, int i)
{
    int x = l->g->nodes[i].in[0];

    if (l->g->values[x].shape.rank != 4) {
        plain(l, i);
        return;
    }
    x = as_nhwc(l, x);
    l->g->nodes[i].in[0] = x;
    make_native(l, &l->g->nodes[i], 0);
}

static bool any_native(const struct layouts *l, const struct haq_node *n)
{
    for (int k = 0; k < n->n_in; k++)
        if (is_native(l, n->in[k]))
            return true;
    return false;
}

/* Can input v take part in an operation on NHWC tensors, when its axes align
 * from the right (broadcast) or one by one? */
static bool follows(const struct layouts *l, int v, bool broadcast)
{
    const struct haq_value *x = &l->g->values[v];

    if (x->shape.rank == 4)
        return true;
    return broadcast && x->shape.rank < 4 && (x->data || x->count == 1);
}

/* All inputs to NHWC and the outputs too; false: the operator stays plain. */
static bool follow(struct layouts *l, int i, bool broadcast)
{
    struct haq_graph *g = l->g;

    if (!any_native(l, &g->nodes[i]))
        return false;
    for (int k = 0; k < g->nodes[i].n_in; k++)
        if (g->nodes[i].in[k] == HAQ_NO_VALUE ||
            !follows(l, g->nodes[i].in[k], broadcast))
            return false;
    for (int k = 0; k < g->nodes[i].n_in; k++) {
        int v = g->nodes[i].in[k];
        if (!broadcast || g->values[v].count != 1 || is_native(l, v))
            v = as_nhwc(l, v);
        g->nodes[i].in[k] = v;
    }
    return true;
}

static void elementwise(struct layouts *l, int i)
{
    if (!follow(l, i, true)) {
        plain(l, i);
        return;
    }
    make_native(l, &l->g->nodes[i], 0);
}

/* Concat, Split, Softmax: an axis with another number. */
static void one_axis(struct layouts *l, int i)
{
    if (!follow(l, i, false)) {
        plain(l, i);
        return;
    }
    struct haq_node *n = &l->g->nodes[i];
    n->attr.axis = to_nhwc[n->attr.axis];
    for (int k = 0; k < n->n_out; k++)
        make_native(l, n, k);
}

/* Slice, Pad: one entry per axis. */
static void all_axes(struct layouts *l, int i)
{
    if (!follow(l, i, false)) {
        plain(l, i);
        return;
    }
    struct haq_node *n = &l->g->nodes[i];
    for (int k = 0; k < 4; k++)
        permute(n->attr.ints[k], from_nhwc);
    make_native(l, n, 0);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Without keepdims the axes that are left must stand in the file's order. */
static bool rest_in_order(const struct haq_attrs *a)
{
    int last = -1;

    for (int axis = 0; axis < 4; axis++) {
        bool cut = false;
        for (int k = 0; k < a->n_axes; k++)
            cut |= a->axes[k] == axis;
        if (cut)
            continue;
        if (to_nhwc[axis] < last)
            return false;
        last = to_nhwc[axis];
    }
    return true;
}

static void reduce(struct layouts *l, int i)
{
    struct haq_attrs *a = &l->g->nodes[i].attr;

    if ((!a->keepdims && !rest_in_order(a)) || !follow(l, i, false)) {
        plain(l, i);
        return;
    }
    struct haq_node *n = &l->g->nodes[i];
    for (int k = 0; k < n->attr.n_axes; k++)
        n->attr.axes[k] = to_nhwc[n->attr.axes[k]];
    qsort(n->attr.axes, (size_t)n->attr.n_axes, sizeof *n->attr.axes, by_value);
    if (n->attr.keepdims || !n->attr.n_axes)
        make_native(l, n, 0);
}

static void transpose(struct layouts *l, int i)
{
    struct haq_node *n = &l->g->nodes[i];

    if (!is_native(l, n->in[0])) {
        plain(l, i);
        return;
    }
    for (int k = 0; k < 4; k++)
        n->attr.ints[0][k] = to_nhwc[n->attr.ints[0][k]];
}

/* One channel or one pixel: both orders are the same bytes. */
static bool same_bytes(const struct haq_shape *nhwc)
{
    return nhwc->dims[3] == 1 || (nhwc->dims[1] == 1 && nhwc->dims[2] == 1);
}

static void view(struct layouts *l, int i)
{
    struct haq_node *n = &l->g->nodes[i];

    if (is_native(l, n->in[0]) && same_bytes(&l->g->values[n->in[0]].shape))
        haq_pass_make_reshape(l->g, n, n->in[0]);
    else
        plain(l, i);
}

/* Lines or columns of an image, as resizing takes them. */
static void gather(struct layouts *l, int i)
{
    struct haq_node *n = &l->g->nodes[i];
    const struct haq_value *index = &l->g->values[n->in[1]];

    if (!is_native(l, n->in[0]) || index->shape.rank != 1 || !index->data) {
        plain(l, i);
        return;
    }
    n->attr.axis = to_nhwc[n->attr.axis];
    make_native(l, n, 0);
}

/* Operators that are not plain and not elementwise. */
static const struct {
    enum haq_opcode code;
    void (*rewrite)(struct layouts *l, int i);
} rules[] = {
    {HAQ_OP_CONV, spatial},         {HAQ_OP_MAX_POOL, spatial},
    {HAQ_OP_AVERAGE_POOL, spatial}, {HAQ_OP_GLOBAL_AVERAGE_POOL, spatial},
    {HAQ_OP_BATCH_NORM, spatial},   {HAQ_OP_CONCAT, one_axis},
    {HAQ_OP_SPLIT, one_axis},       {HAQ_OP_SOFTMAX, one_axis},
    {HAQ_OP_LOG_SOFTMAX, one_axis}, {HAQ_OP_SLICE, all_axes},
    {HAQ_OP_PAD, all_axes},         {HAQ_OP_REDUCE_MEAN, reduce},
    {HAQ_OP_REDUCE_SUM, reduce},    {HAQ_OP_REDUCE_MAX, reduce},
    {HAQ_OP_TRANSPOSE, transpose},  {HAQ_OP_RESHAPE, view},
    {HAQ_OP_FLATTEN, view},         {HAQ_OP_SQUEEZE, view},
    {HAQ_OP_UNSQUEEZE, view},       {HAQ_OP_GATHER, gather},
};

static void rewrite(struct layouts *l, int i)
{
    const struct haq_op *op = l->g->nodes[i].op;

    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
        if (rules[r].code == op->code) {
            rules[r].rewrite(l, i);
            return;
        }
    (op->flags & HAQ_OP_ELEMENTWISE ? elementwise : plain)(l, i);
}

/* The graph's outputs are the file's: order and name. */
static void restore_outputs(struct layouts *l)
{
    struct haq_graph *g = l->g;

    for (int i = 0; i < g->n_outputs; i++) {
        int v = g->outputs[i];
        if (!is_native(l, v))
            continue;
        int twin = as_nchw(l, v);
        if (l->status)
            return;
        const char *name = g->values[twin].name;
        g->values[twin].name = g->values[v].name;
        g->values[v].name = name;
        g->outputs[i] = twin;
    }
}

haq_status haq_pass_nhwc(struct haq_graph *g, struct haq_diag *d)
{
    struct layouts l = {.g = g, .d = d};
    int n_nodes = g->n_nodes;

    /* Each value gets at most one twin of each kind. */
    l.cap = g->n_values * 3 + 1;
    l.nhwc = malloc((size_t)l.cap * sizeof *l.nhwc);
    l.nchw = malloc((size_t)l.cap * sizeof *l.nchw);
    if (!l.nhwc || !l.nchw) {
        fail_memory(&l);
        goto done;
    }
    for (int i = 0; i < l.cap; i++) {
        l.nhwc[i] = NONE;
        l.nchw[i] = i < g->n_values ? i : NONE;
    }
    for (int i = 0; i < n_nodes && !l.status; i++)
        rewrite(&l, i);
    if (!l.status)
        restore_outputs(&l);
    g->nhwc = true;
    if (!l.status)
        l.status = haq_graph_rebuild(g, d);
done:
    free(l.nhwc);
    free(l.nchw);
    return l.status;
}
