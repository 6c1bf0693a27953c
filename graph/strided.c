#include "graph/strided.h"

#include <assert.h>
#include <string.h>

void haq_strides(const struct haq_shape *shape, int64_t stride[HAQ_MAX_RANK])
{
    int64_t step = 1;

    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape->dims[i];
    }
}

void haq_strided_init(struct haq_strided *w, const struct haq_shape *shape)
{
    memset(w, 0, sizeof *w);
    w->shape = *shape;
}

void haq_strided_broadcast(struct haq_strided *w, const struct haq_shape *in)
{
    int64_t stride[HAQ_MAX_RANK];
    int shift = w->shape.rank - in->rank;

    assert(w->n < HAQ_STRIDED_OPERANDS && shift >= 0);
    haq_strides(in, stride);
    for (int i = 0; i < in->rank; i++)
        w->stride[w->n][shift + i] = in->dims[i] == 1 ? 0 : stride[i];
    w->n++;
}

void haq_strided_next(struct haq_strided *w)
{
    for (int i = w->shape.rank - 1; i >= 0; i--) {
        bool wraps = ++w->at[i] == w->shape.dims[i];
        for (int k = 0; k < w->n; k++)
            w->offset[k] += wraps ? w->stride[k][i] * (1 - w->shape.dims[i])
                                  : w->stride[k][i];
        if (!wraps)
            return;
        w->at[i] = 0;
    }
}
