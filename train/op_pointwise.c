/* Functions of one number, and of two that broadcast. */
#include <math.h>
#include <string.h>

#include "train/ops.h"

/* ---- one ------------------------------------------------------------------
 */

/* Value and slope at x; a, b: the node's alpha and beta. */
typedef float curve_fn(float x, float a, float b, float *slope);

static const float SQRT_HALF = 0.70710678f, INV_SQRT_TAU = 0.39894228f,
                   TWO_BY_SQRT_PI = 1.12837917f;

static float logistic(float x)
{
    return 1 / (1 + expf(-x));
}

static float same(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    *slope = 1;
    return x;
}

static float leaky_relu(float x, float a, float b, float *slope)
{
    (void)b;
    *slope = x < 0 ? a : 1;
    return x * *slope;
}

static float sigmoid(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    float y = logistic(x);
    *slope = y * (1 - y);
    return y;
}

static float silu(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    float y = logistic(x);
    *slope = y * (1 + x * (1 - y));
    return x * y;
}

static float tanh_curve(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    float y = tanhf(x);
    *slope = 1 - y * y;
    return y;
}

static float between(float x, float lo, float hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static float hard_sigmoid(float x, float a, float b, float *slope)
{
    float y = a * x + b;
    *slope = y > 0 && y < 1 ? a : 0;
    return between(y, 0, 1);
}

static float hard_swish(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    float gate = between(x / 6 + 0.5f, 0, 1);
    *slope = gate + (gate > 0 && gate < 1 ? x / 6 : 0);
    return x * gate;
}

static float erf_curve(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    *slope = TWO_BY_SQRT_PI * expf(-x * x);
    return erff(x);
}

static float gelu(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    float share = 0.5f * (1 + erff(x * SQRT_HALF));
    *slope = share + x * INV_SQRT_TAU * expf(-0.5f * x * x);
    return x * share;
}

static float exponential(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    return *slope = expf(x);
}

static float logarithm(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    *slope = 1 / x;
    return logf(x);
}

static float negative(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    *slope = -1;
    return -x;
}

static float absolute(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    *slope = x < 0 ? -1.0f : x > 0 ? 1.0f : 0.0f;
    return fabsf(x);
}

static float root(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    float y = sqrtf(x);
    *slope = 0.5f / y;
    return y;
}

static float reciprocal(float x, float a, float b, float *slope)
{
    (void)a, (void)b;
    *slope = -1 / (x * x);
    return 1 / x;
}

struct unary {
    curve_fn *curve;
    float a, b;
    size_t count;
};

static void unary_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct unary *u = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    float *y = haq_tape_value(t, s->out[0]), slope;
    for (size_t i = 0; i < u->count; i++)
        y[i] = u->curve(x[i], u->a, u->b, &slope);
}

static void unary_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct unary *u = s->data;
    const float *x = haq_tape_read(t, s->in[0]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]), slope;
    for (size_t i = 0; dx && i < u->count; i++) {
        u->curve(x[i], u->a, u->b, &slope);
        dx[i] += slope * dy[i];
    }
}

haq_status haq_train_unary(struct haq_net *net, struct haq_train_step *s,
                           struct haq_diag *d)
{
    static curve_fn *const curves[HAQ_OP_COUNT] = {
        [HAQ_OP_RELU] = same, /* the clamp is the step's */
        [HAQ_OP_CLIP] = same,
        [HAQ_OP_LEAKY_RELU] = leaky_relu,
        [HAQ_OP_SIGMOID] = sigmoid,
        [HAQ_OP_SILU] = silu,
        [HAQ_OP_TANH] = tanh_curve,
        [HAQ_OP_HARD_SIGMOID] = hard_sigmoid,
        [HAQ_OP_HARD_SWISH] = hard_swish,
        [HAQ_OP_ERF] = erf_curve,
        [HAQ_OP_GELU] = gelu,
        [HAQ_OP_EXP] = exponential,
        [HAQ_OP_LOG] = logarithm,
        [HAQ_OP_NEG] = negative,
        [HAQ_OP_ABS] = absolute,
        [HAQ_OP_SQRT] = root,
        [HAQ_OP_RECIPROCAL] = reciprocal,
    };
    const struct haq_node *n = haq_train_node(net, s);
    struct unary *u = haq_arena_alloc(&net->arena, sizeof *u);
    if (!u)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (n->op->code == HAQ_OP_GELU && n->attr.mode &&
        strcmp(n->attr.mode, "none"))
        return haq_train_refuse(net, s, "only the exact form", d);
    *u = (struct unary){curves[n->op->code], n->attr.alpha, n->attr.beta,
                        haq_train_out(net, s)->count};
    s->data = u;
    s->forward = unary_forward;
    s->backward = unary_backward;
    return HAQ_OK;
}

/* ---- two ------------------------------------------------------------------
 */

/* Value and slopes along both. */
typedef float surface_fn(float x, float y, float *dx, float *dy);

static float sum(float x, float y, float *dx, float *dy)
{
    *dx = *dy = 1;
    return x + y;
}

static float difference(float x, float y, float *dx, float *dy)
{
    *dx = 1;
    *dy = -1;
    return x - y;
}

static float times(float x, float y, float *dx, float *dy)
{
    *dx = y;
    *dy = x;
    return x * y;
}

static float quotient(float x, float y, float *dx, float *dy)
{
    *dx = 1 / y;
    *dy = -x / (y * y);
    return x / y;
}

/* The exponent is a constant wherever this is met; a base below 0 has no slope
 * along it. */
static float power(float x, float y, float *dx, float *dy)
{
    float p = powf(x, y);
    *dx = y * powf(x, y - 1);
    *dy = x > 0 ? p * logf(x) : 0;
    return p;
}

static float lesser(float x, float y, float *dx, float *dy)
{
    *dx = x <= y ? 1.0f : 0.0f;
    *dy = 1 - *dx;
    return x <= y ? x : y;
}

static float greater(float x, float y, float *dx, float *dy)
{
    *dx = x >= y ? 1.0f : 0.0f;
    *dy = 1 - *dx;
    return x >= y ? x : y;
}

struct binary {
    surface_fn *surface;
    const int32_t *from[2]; /* place in either operand; NULL: the same */
    size_t count;
};

static size_t place(const struct binary *b, int operand, size_t i)
{
    return b->from[operand] ? (size_t)b->from[operand][i] : i;
}

static void binary_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct binary *b = s->data;
    const float *x = haq_tape_read(t, s->in[0]),
                *y = haq_tape_read(t, s->in[1]);
    float *out = haq_tape_value(t, s->out[0]), dx, dy;
    for (size_t i = 0; i < b->count; i++)
        out[i] = b->surface(x[place(b, 0, i)], y[place(b, 1, i)], &dx, &dy);
}

static void binary_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct binary *b = s->data;
    const float *x = haq_tape_read(t, s->in[0]),
                *y = haq_tape_read(t, s->in[1]);
    const float *d = haq_tape_gradient(t, s->out[0]);
    float *gx = haq_tape_gradient(t, s->in[0]), dx, dy;
    float *gy = haq_tape_gradient(t, s->in[1]);
    for (size_t i = 0; i < b->count; i++) {
        size_t ix = place(b, 0, i), iy = place(b, 1, i);
        b->surface(x[ix], y[iy], &dx, &dy);
        if (gx)
            gx[ix] += dx * d[i];
        if (gy)
            gy[iy] += dy * d[i];
    }
}

haq_status haq_train_binary(struct haq_net *net, struct haq_train_step *s,
                            struct haq_diag *d)
{
    static surface_fn *const surfaces[HAQ_OP_COUNT] = {
        [HAQ_OP_ADD] = sum,     [HAQ_OP_SUB] = difference,
        [HAQ_OP_MUL] = times,   [HAQ_OP_DIV] = quotient,
        [HAQ_OP_POW] = power,   [HAQ_OP_MIN] = lesser,
        [HAQ_OP_MAX] = greater,
    };
    const struct haq_node *n = haq_train_node(net, s);
    const struct haq_value *out = haq_train_out(net, s);
    struct binary *b = haq_arena_alloc(&net->arena, sizeof *b);
    haq_status status = HAQ_OK;
    if (!b)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (n->n_in != 2 || out->dtype != HAQ_F32)
        return haq_train_refuse(net, s, "only two float32 operands", d);
    b->surface = surfaces[n->op->code];
    b->count = out->count;
    for (int i = 0; !status && i < 2; i++)
        status = haq_train_broadcast(
            &b->from[i], net, &haq_train_in(net, s, i)->shape, &out->shape, d);
    s->data = b;
    s->forward = binary_forward;
    s->backward = binary_backward;
    return status;
}
