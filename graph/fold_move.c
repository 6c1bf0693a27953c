#include <assert.h>
#include <string.h>

#include "graph/fold_priv.h"
#include "graph/strided.h"

static size_t element_bytes(const struct haq_graph *g, int v)
{
    return haq_dtype_info(g->values[v].dtype)->bytes;
}

/* dst in C order of w's shape; element k from src[base + w->offset[0]]. */
static void copy_strided(void *dst, const void *src, size_t size,
                         struct haq_strided *w, int64_t base)
{
    size_t count = 0;

    haq_shape_count(&w->shape, &count);
    for (size_t i = 0; i < count; i++) {
        memcpy((char *)dst + i * size,
               (const char *)src + (size_t)(base + w->offset[0]) * size, size);
        haq_strided_next(w);
    }
}

haq_status haq_fold_copy(struct haq_graph *g, const struct haq_node *n,
                         void **out, struct haq_diag *d)
{
    const struct haq_value *x = &g->values[n->in[0]];

    (void)d;
    if (x->count)
        memcpy(out[0], x->data, x->count * element_bytes(g, n->in[0]));
    return HAQ_OK;
}

haq_status haq_fold_transpose(struct haq_graph *g, const struct haq_node *n,
                              void **out, struct haq_diag *d)
{
    const struct haq_value *x = &g->values[n->in[0]];
    int64_t stride[HAQ_MAX_RANK];
    struct haq_strided w;

    (void)d;
    haq_strides(&x->shape, stride);
    haq_strided_init(&w, &g->values[n->out[0]].shape);
    w.n = 1;
    for (int i = 0; i < w.shape.rank; i++)
        w.stride[0][i] = stride[n->attr.ints[0][i]];
    copy_strided(out[0], x->data, element_bytes(g, n->in[0]), &w, 0);
    return HAQ_OK;
}

haq_status haq_fold_slice(struct haq_graph *g, const struct haq_node *n,
                          void **out, struct haq_diag *d)
{
    const struct haq_value *x = &g->values[n->in[0]];
    int64_t stride[HAQ_MAX_RANK], base = 0;
    struct haq_strided w;

    (void)d;
    haq_strides(&x->shape, stride);
    haq_strided_init(&w, &g->values[n->out[0]].shape);
    w.n = 1;
    for (int i = 0; i < w.shape.rank; i++) {
        /* With one element the step is never taken and may be anything. */
        w.stride[0][i] =
            w.shape.dims[i] > 1 ? stride[i] * n->attr.ints[2][i] : 0;
        base += stride[i] * n->attr.ints[0][i];
    }
    copy_strided(out[0], x->data, element_bytes(g, n->in[0]), &w, base);
    return HAQ_OK;
}

haq_status haq_fold_expand(struct haq_graph *g, const struct haq_node *n,
                           void **out, struct haq_diag *d)
{
    const struct haq_value *x = &g->values[n->in[0]];
    struct haq_strided w;

    (void)d;
    haq_strided_init(&w, &g->values[n->out[0]].shape);
    haq_strided_broadcast(&w, &x->shape);
    copy_strided(out[0], x->data, element_bytes(g, n->in[0]), &w, 0);
    return HAQ_OK;
}

/* Elements before and behind an axis, as one block each. */
static void blocks(const struct haq_shape *s, int64_t axis, size_t *outer,
                   size_t *inner)
{
    *outer = *inner = 1;
    for (int i = 0; i < s->rank; i++)
        if (i < axis)
            *outer *= (size_t)s->dims[i];
        else if (i > axis)
            *inner *= (size_t)s->dims[i];
}

haq_status haq_fold_concat(struct haq_graph *g, const struct haq_node *n,
                           void **out, struct haq_diag *d)
{
    size_t outer, inner, size = element_bytes(g, n->out[0]);
    char *dst = out[0];

    (void)d;
    blocks(&g->values[n->out[0]].shape, n->attr.axis, &outer, &inner);
    for (size_t o = 0; o < outer; o++)
        for (int k = 0; k < n->n_in; k++) {
            const struct haq_value *x = &g->values[n->in[k]];
            size_t run = (size_t)x->shape.dims[n->attr.axis] * inner * size;
            if (run)
                memcpy(dst, (const char *)x->data + o * run, run);
            dst += run;
        }
    return HAQ_OK;
}

haq_status haq_fold_split(struct haq_graph *g, const struct haq_node *n,
                          void **out, struct haq_diag *d)
{
    size_t outer, inner, size = element_bytes(g, n->in[0]);
    const char *src = g->values[n->in[0]].data;

    (void)d;
    blocks(&g->values[n->in[0]].shape, n->attr.axis, &outer, &inner);
    for (size_t o = 0; o < outer; o++)
        for (int k = 0; k < n->n_out; k++) {
            const struct haq_value *y = &g->values[n->out[k]];
            size_t run = (size_t)y->shape.dims[n->attr.axis] * inner * size;
            if (run)
                memcpy((char *)out[k] + o * run, src, run);
            src += run;
        }
    return HAQ_OK;
}

haq_status haq_fold_gather(struct haq_graph *g, const struct haq_node *n,
                           void **out, struct haq_diag *d)
{
    const struct haq_value *x = &g->values[n->in[0]];
    const struct haq_value *index = &g->values[n->in[1]];
    size_t outer, inner, size = element_bytes(g, n->in[0]);
    int64_t dim = x->shape.dims[n->attr.axis];
    char *dst = out[0];

    blocks(&x->shape, n->attr.axis, &outer, &inner);
    for (size_t i = 0; i < index->count; i++) {
        int64_t at = haq_dtype_get_int(index->dtype, index->data, i);
        if (at < -dim || at >= dim)
            return haq_fail(d, HAQ_FORMAT,
                            "node '%.120s': Gather takes element %lld of %lld",
                            n->name, (long long)at, (long long)dim);
    }
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < index->count && inner; i++) {
            int64_t at = haq_dtype_get_int(index->dtype, index->data, i);
            size_t row = o * (size_t)dim + (size_t)(at < 0 ? at + dim : at);
            memcpy(dst, (const char *)x->data + row * inner * size,
                   inner * size);
            dst += inner * size;
        }
    return HAQ_OK;
}

/* Where index i of the padded axis comes from; -1: the pad value. */
static int64_t pad_source(int64_t i, int64_t before, int64_t dim,
                          const char *mode)
{
    int64_t at = i - before;

    if (at >= 0 && at < dim)
        return at;
    if (!mode)
        return -1;
    if (!strcmp(mode, "edge"))
        return at < 0 ? 0 : dim - 1;
    return at < 0 ? -at : 2 * (dim - 1) - at;
}

haq_status haq_fold_pad(struct haq_graph *g, const struct haq_node *n,
                        void **out, struct haq_diag *d)
{
    const struct haq_value *x = &g->values[n->in[0]];
    size_t size = element_bytes(g, n->in[0]), count = 0;
    int64_t stride[HAQ_MAX_RANK];
    struct haq_strided w;
    char value[8] = {0};

    if (n->attr.alpha != 0 && x->dtype != HAQ_F32)
        return haq_fail(d, HAQ_UNSUPPORTED,
                        "node '%.120s': Pad of a constant with a value other "
                        "than 0",
                        n->name);
    memcpy(value, &n->attr.alpha, sizeof n->attr.alpha);
    haq_strides(&x->shape, stride);
    haq_strided_init(&w, &g->values[n->out[0]].shape);
    haq_shape_count(&w.shape, &count);
    for (size_t i = 0; i < count; i++) {
        const char *src = (const char *)x->data;
        for (int a = 0; a < w.shape.rank && src; a++) {
            int64_t at = pad_source(w.at[a], n->attr.ints[0][a],
                                    x->shape.dims[a], n->attr.mode);
            src = at < 0 ? NULL : src + (size_t)(at * stride[a]) * size;
        }
        memcpy((char *)out[0] + i * size, src ? src : value, size);
        haq_strided_next(&w);
    }
    return HAQ_OK;
}
