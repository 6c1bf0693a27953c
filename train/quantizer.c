/* Quantizers of activations, with gradients straight through. */
#include <math.h>

#include "quant/calib.h"
#include "train/ops.h"

enum { PART = 256 }; /* numbers that are summed in float */

/* As rintf where |v| < 2^22, in instructions that every machine has: the
 * compiler makes vectors of it. */
static inline float whole(float v)
{
    const float shift = 0x1.8p23f;
    return (v + shift) - shift;
}

static inline float between(float v, float lo, float hi)
{
    v = v > lo ? v : lo;
    return v < hi ? v : hi;
}

static void static_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct haq_train_act *a = &t->net->act[s->act];
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]);
    float lo = (float)(a->qlo - a->zero), hi = (float)(a->qhi - a->zero);
    float scale = a->scale, inverse = 1 / scale;
    size_t n = t->net->slot[s->in[0]].count;
    for (size_t i = 0; i < n; i++) {
        y[i] = whole(between(x[i] * inverse, lo, hi)) * scale;
    }
}

/* The scale's gradient (Esser et al. 2020, equation 3): inside, what rounding
 * added in steps; outside, the code. */
static void static_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct haq_train_act *a = &t->net->act[s->act];
    const float *x = haq_tape_read(t, s->in[0]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]);
    float lo = (float)(a->qlo - a->zero), hi = (float)(a->qhi - a->zero);
    float inverse = 1 / a->scale;
    double sum = 0;
    size_t n = t->net->slot[s->in[0]].count;
    for (size_t i = 0; i < n; i += PART) {
        size_t end = i + PART < n ? i + PART : n;
        float part = 0;
        for (size_t k = i; k < end; k++) {
            float v = x[k] * inverse, c = between(v, lo, hi);
            part += dy[k] * (whole(c) - (c < v || c > v ? 0 : v));
        }
        sum += (double)part;
    }
    for (size_t i = 0; dx && i < n; i++) {
        float v = x[i] * inverse;
        dx[i] += v >= lo && v <= hi ? dy[i] : 0;
    }
    t->sums[a->grad_at] += (float)sum;
}

struct dynamic {
    struct haq_act_spec spec;
    size_t row;
};

static void dynamic_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct dynamic *q = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]);
    size_t count = t->net->slot[s->in[0]].count;
    for (size_t r = 0; r + q->row <= count; r += q->row) {
        float lo = 0, hi = 0;
        for (size_t i = r; i < r + q->row; i++) {
            lo = x[i] < lo ? x[i] : lo;
            hi = x[i] > hi ? x[i] : hi;
        }
        struct haq_act_params p = haq_act_params_from_range(&q->spec, lo, hi);
        float low = (float)(p.qlo - p.zero), high = (float)(p.qhi - p.zero);
        for (size_t i = r; i < r + q->row; i++) {
            float v = rintf(x[i] / p.scale);
            v = v > low ? v : low;
            y[i] = (v < high ? v : high) * p.scale;
        }
    }
}

static void dynamic_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]);
    for (size_t i = 0; dx && i < t->net->slot[s->in[0]].count; i++)
        dx[i] += dy[i];
}

haq_status haq_train_quantizer(struct haq_net *net, struct haq_train_step *s,
                               const struct haq_act_spec *spec, size_t row,
                               struct haq_diag *d)
{
    s->forward = s->act >= 0 ? static_forward : dynamic_forward;
    s->backward = s->act >= 0 ? static_backward : dynamic_backward;
    if (s->act >= 0)
        return HAQ_OK;
    struct dynamic *q = haq_arena_alloc(&net->arena, sizeof *q);
    if (!q)
        return haq_fail(d, HAQ_NOMEM, "a quantizer");
    *q = (struct dynamic){*spec, row};
    s->data = q;
    return HAQ_OK;
}
