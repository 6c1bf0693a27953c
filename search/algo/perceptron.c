#include "search/algo/perceptron.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where the parts of the array begin. */
static size_t b1(const struct haq_perceptron *p)
{
    return p->in * p->hidden;
}

static size_t w2(const struct haq_perceptron *p)
{
    return b1(p) + p->hidden;
}

static size_t b2(const struct haq_perceptron *p)
{
    return w2(p) + p->hidden * p->hidden;
}

static size_t w3(const struct haq_perceptron *p)
{
    return b2(p) + p->hidden;
}

static void fill(float *w, size_t n, size_t inputs, struct haq_rng *rng)
{
    double bound = 1 / sqrt((double)inputs);
    for (size_t i = 0; i < n; i++)
        w[i] = (float)((2 * haq_rng_unit(rng) - 1) * bound);
}

bool haq_perceptron_init(struct haq_perceptron *p, size_t in, size_t hidden,
                         struct haq_rng *rng)
{
    *p = (struct haq_perceptron){.in = in, .hidden = hidden};
    p->params = w3(p) + hidden + 1;
    p->w = calloc(p->params, sizeof *p->w);
    p->grad = calloc(p->params, sizeof *p->grad);
    p->mean = calloc(p->params, sizeof *p->mean);
    p->square = calloc(p->params, sizeof *p->square);
    p->h1 = calloc(hidden, sizeof *p->h1);
    p->h2 = calloc(hidden, sizeof *p->h2);
    p->d = calloc(hidden, sizeof *p->d);
    if (!p->w || !p->grad || !p->mean || !p->square || !p->h1 || !p->h2 ||
        !p->d)
        return false;
    fill(p->w, w2(p), in, rng);
    fill(p->w + w2(p), w3(p) - w2(p), hidden, rng);
    fill(p->w + w3(p), hidden + 1, hidden, rng);
    return true;
}

void haq_perceptron_fini(struct haq_perceptron *p)
{
    free(p->w);
    free(p->grad);
    free(p->mean);
    free(p->square);
    free(p->h1);
    free(p->h2);
    free(p->d);
    *p = (struct haq_perceptron){0};
}

/* out = relu(b + sum over i of x[i] * w[i]); rows of w are [n], so that the
 * inner loop is one of neighbours. */
static void layer(const float *w, const float *b, const float *x, size_t in,
                  size_t n, float *out)
{
    memcpy(out, b, n * sizeof *out);
    for (size_t i = 0; i < in; i++) {
        const float *row = w + i * n;
        float xi = x[i];
        if (xi != 0)
            for (size_t j = 0; j < n; j++)
                out[j] += xi * row[j];
    }
    for (size_t j = 0; j < n; j++)
        out[j] = out[j] > 0 ? out[j] : 0;
}

float haq_perceptron_forward(struct haq_perceptron *p, const float *x)
{
    const float *w = p->w;
    layer(w, w + b1(p), x, p->in, p->hidden, p->h1);
    layer(w + w2(p), w + b2(p), p->h1, p->hidden, p->hidden, p->h2);
    float sum = w[w3(p) + p->hidden];
    for (size_t j = 0; j < p->hidden; j++)
        sum += p->h2[j] * w[w3(p) + j];
    return sum;
}

enum { LANES = 8 };

/* In a fixed order that suits registers. */
static float dot(const float *a, const float *b, size_t n)
{
    float part[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            part[k] += a[i + k] * b[i + k];
    for (; i < n; i++)
        sum += a[i] * b[i];
    for (size_t k = 0; k < LANES; k++)
        sum += part[k];
    return sum;
}

/* Through one layer: d[n] is the gradient of its sums; dx [in] may be NULL. */
static void layer_back(const float *w, const float *x, size_t in, size_t n,
                       const float *d, float *gw, float *gb, float *dx)
{
    for (size_t j = 0; j < n; j++)
        gb[j] += d[j];
    for (size_t i = 0; i < in; i++) {
        float xi = x[i], *g = gw + i * n;
        if (xi != 0)
            for (size_t j = 0; j < n; j++)
                g[j] += xi * d[j];
        if (dx)
            dx[i] = dot(w + i * n, d, n);
    }
}

void haq_perceptron_backward(struct haq_perceptron *p, const float *x, float dy,
                             float *dx)
{
    float *g = p->grad, *d = p->d, *h1 = p->h1, *h2 = p->h2;
    const float *w = p->w;
    size_t n = p->hidden;
    g[w3(p) + n] += dy;
    for (size_t j = 0; j < n; j++) {
        g[w3(p) + j] += dy * h2[j];
        d[j] = h2[j] > 0 ? dy * w[w3(p) + j] : 0;
    }
    /* h2 is not needed any more: the gradient of h1 takes its place. */
    layer_back(w + w2(p), h1, n, n, d, g + w2(p), g + b2(p), h2);
    for (size_t j = 0; j < n; j++)
        d[j] = h1[j] > 0 ? h2[j] : 0;
    layer_back(w, x, p->in, n, d, g, g + b1(p), dx);
}

void haq_perceptron_clear(struct haq_perceptron *p)
{
    memset(p->grad, 0, p->params * sizeof *p->grad);
}

void haq_perceptron_step(struct haq_perceptron *p, float rate)
{
    static const float fast = 0.9F, slow = 0.999F, tiny = 1e-8F;
    double t = (double)++p->steps;
    float size = rate / (float)(1 - pow((double)fast, t));
    float scale = (float)(1 / sqrt(1 - pow((double)slow, t)));
    for (size_t i = 0; i < p->params; i++) {
        float g = p->grad[i];
        p->mean[i] += (1 - fast) * (g - p->mean[i]);
        p->square[i] += (1 - slow) * (g * g - p->square[i]);
        p->w[i] -= size * p->mean[i] / (sqrtf(p->square[i]) * scale + tiny);
    }
    haq_perceptron_clear(p);
}

void haq_perceptron_follow(struct haq_perceptron *p,
                           const struct haq_perceptron *from, float part)
{
    for (size_t i = 0; i < p->params; i++)
        p->w[i] += part * (from->w[i] - p->w[i]);
}
