/* Softmax, normalization and sums: rows of numbers. */
#include <math.h>
#include <string.h>

#include "graph/strided.h"
#include "train/ops.h"

/* x is [outer][n][inner]; the operation runs over n. */
struct rows {
    size_t outer, n, inner;
    float epsilon;
    const float *scale, *bias; /* [n] or NULL */
    bool centered, log;
};

static size_t product(const struct haq_shape *s, int64_t begin, int64_t end)
{
    size_t n = 1;
    for (int64_t i = begin; i < end; i++)
        n *= (size_t)s->dims[i];
    return n;
}

static struct rows *new_rows(struct haq_net *net, struct haq_train_step *s,
                             struct haq_diag *d)
{
    struct rows *r = haq_arena_alloc(&net->arena, sizeof *r);
    if (!r)
        haq_fail(d, HAQ_NOMEM, "node %s", haq_train_node(net, s)->name);
    s->data = r;
    return r;
}

/* ---- softmax --------------------------------------------------------------
 */

static void softmax_row(const struct rows *r, const float *x, float *y)
{
    size_t step = r->inner;
    float most = x[0], total = 0;
    for (size_t i = 1; i < r->n; i++)
        most = x[i * step] > most ? x[i * step] : most;
    for (size_t i = 0; i < r->n; i++)
        total += y[i * step] = expf(x[i * step] - most);
    for (size_t i = 0; i < r->n; i++)
        y[i * step] =
            r->log ? x[i * step] - most - logf(total) : y[i * step] / total;
}

static void softmax_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct rows *r = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]);
    for (size_t o = 0; o < r->outer; o++)
        for (size_t i = 0; i < r->inner; i++)
            softmax_row(r, x + o * r->n * r->inner + i,
                        y + o * r->n * r->inner + i);
}

/* dx = y (dy - sum y dy); of the logarithm: dx = dy - exp(y) sum dy. */
static void softmax_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct rows *r = s->data;
    const float *y = haq_tape_read(t, s->out[0]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]);
    for (size_t o = 0; o < r->outer * r->inner; o++) {
        size_t at = o / r->inner * r->n * r->inner + o % r->inner;
        float sum = 0;
        for (size_t i = 0; i < r->n; i++) {
            size_t k = at + i * r->inner;
            sum += r->log ? dy[k] : y[k] * dy[k];
        }
        for (size_t i = 0; i < r->n; i++) {
            size_t k = at + i * r->inner;
            dx[k] += r->log ? dy[k] - expf(y[k]) * sum : y[k] * (dy[k] - sum);
        }
    }
}

haq_status haq_train_softmax(struct haq_net *net, struct haq_train_step *s,
                             struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    const struct haq_shape *shape = &haq_train_in(net, s, 0)->shape;
    struct rows *r = new_rows(net, s, d);
    if (!r)
        return HAQ_NOMEM;
    r->outer = product(shape, 0, n->attr.axis);
    r->n = (size_t)shape->dims[n->attr.axis];
    r->inner = product(shape, n->attr.axis + 1, shape->rank);
    r->log = n->op->code == HAQ_OP_LOG_SOFTMAX;
    s->forward = softmax_forward;
    s->backward = softmax_backward;
    return HAQ_OK;
}

/* ---- normalization --------------------------------------------------------
 * With u = (x - m) f, m the mean (0 for RMS) and f = 1 / sqrt(mean square of
 * x - m + epsilon): y = u scale + bias, and, g = dy scale,
 * dx = f (g - mean(g) - u mean(g u)), without mean(g) for RMS. */

static void moments(const struct rows *r, const float *x, float *mean,
                    float *factor)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; r->centered && i < r->n; i++)
        sum += (double)x[i];
    *mean = (float)(sum / (double)r->n);
    for (size_t i = 0; i < r->n; i++)
        squares += (double)(x[i] - *mean) * (double)(x[i] - *mean);
    *factor = 1 / sqrtf((float)(squares / (double)r->n) + r->epsilon);
}

static void norm_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct rows *r = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]), mean, factor;
    for (size_t o = 0; o < r->outer; o++, x += r->n, y += r->n) {
        moments(r, x, &mean, &factor);
        for (size_t i = 0; i < r->n; i++)
            y[i] = (x[i] - mean) * factor * r->scale[i] +
                   (r->bias ? r->bias[i] : 0);
    }
}

static void norm_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct rows *r = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]), mean, factor;
    float share = 1 / (float)r->n;
    for (size_t o = 0; o < r->outer; o++, x += r->n, dy += r->n, dx += r->n) {
        float sum = 0, along = 0;
        moments(r, x, &mean, &factor);
        for (size_t i = 0; i < r->n; i++) {
            float g = dy[i] * r->scale[i];
            sum += g;
            along += g * (x[i] - mean) * factor;
        }
        sum = r->centered ? sum * share : 0;
        for (size_t i = 0; i < r->n; i++)
            dx[i] += factor * (dy[i] * r->scale[i] - sum -
                               (x[i] - mean) * factor * along * share);
    }
}

static const float *constant(const struct haq_net *net,
                             const struct haq_train_step *s, int i, size_t n)
{
    if (i >= s->n_in || s->in[i] < 0)
        return NULL;
    const struct haq_value *v = haq_train_in(net, s, i);
    return v->dtype == HAQ_F32 && v->count == n ? v->data : NULL;
}

haq_status haq_train_norm(struct haq_net *net, struct haq_train_step *s,
                          struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    const struct haq_shape *shape = &haq_train_in(net, s, 0)->shape;
    struct rows *r = new_rows(net, s, d);
    if (!r)
        return HAQ_NOMEM;
    r->outer = product(shape, 0, n->attr.axis);
    r->n = product(shape, n->attr.axis, shape->rank);
    r->inner = 1;
    r->epsilon = n->attr.epsilon;
    r->centered = n->op->code == HAQ_OP_LAYER_NORM;
    r->scale = constant(net, s, 1, r->n);
    r->bias = constant(net, s, 2, r->n);
    if (!r->scale || (s->n_in > 2 && s->in[2] >= 0 && !r->bias))
        return haq_train_refuse(net, s, "wants constant scale and bias", d);
    s->forward = norm_forward;
    s->backward = norm_backward;
    return HAQ_OK;
}

/* ---- sums and means -------------------------------------------------------
 */

struct reduce {
    const int32_t *to; /* [in]: output of each input, NULL: its own */
    size_t in, out;
    float factor;
};

static void reduce_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct reduce *r = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]);
    memset(y, 0, r->out * sizeof *y);
    for (size_t i = 0; i < r->in; i++)
        y[r->to ? (size_t)r->to[i] : i] += x[i] * r->factor;
}

static void reduce_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct reduce *r = s->data;
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]);
    for (size_t i = 0; i < r->in; i++)
        dx[i] += dy[r->to ? (size_t)r->to[i] : i] * r->factor;
}

haq_status haq_train_reduce(struct haq_net *net, struct haq_train_step *s,
                            struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    const struct haq_value *x = haq_train_in(net, s, 0);
    const struct haq_value *y = haq_train_out(net, s);
    struct haq_shape kept = x->shape;
    struct reduce *r = haq_arena_alloc(&net->arena, sizeof *r);
    if (!r)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    for (int i = 0; i < n->attr.n_axes; i++)
        kept.dims[n->attr.axes[i]] = 1;
    r->in = x->count;
    r->out = y->count;
    r->factor = n->op->code == HAQ_OP_REDUCE_MEAN && x->count
                    ? (float)y->count / (float)x->count
                    : 1;
    s->data = r;
    s->forward = reduce_forward;
    s->backward = reduce_backward;
    return haq_train_broadcast(&r->to, net, &kept, &x->shape, d);
}
