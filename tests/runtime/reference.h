/* tests/runtime/reference.h - the numerics contract in plain loops: codes in,
 * codes or floats out, nothing shared with the code under test but the formula
 * of activation parameters.
 */
#ifndef HAQ_TESTS_RUNTIME_REFERENCE_H
#define HAQ_TESTS_RUNTIME_REFERENCE_H

#include <math.h>
#include <string.h>

#include "graph/op.h"
#include "quant/apply.h"
#include "tests/suite.h"

/* An NHWC tensor: real numbers, and codes once it was quantized. */
struct ref {
    size_t n, h, w, c;
    float *real;
    uint8_t *code;
    struct haq_act_params p;   /* static */
    struct haq_act_params *pn; /* [n] dynamic: one per sample, or NULL */
};

static inline size_t ref_count(const struct ref *t)
{
    return t->n * t->h * t->w * t->c;
}

static inline struct ref ref_new(size_t n, size_t h, size_t w, size_t c)
{
    struct ref t = {.n = n, .h = h, .w = w, .c = c};
    t.real = calloc(ref_count(&t), sizeof *t.real);
    t.code = calloc(ref_count(&t), 1);
    return t;
}

static inline void ref_free(struct ref *t)
{
    free(t->real);
    free(t->code);
    free(t->pn);
}

static inline uint8_t ref_code(float x, const struct haq_act_params *p)
{
    float q = rintf(x / p->scale) + (float)p->zero;
    return (uint8_t)(q < (float)p->qlo   ? p->qlo
                     : q > (float)p->qhi ? p->qhi
                                         : (int32_t)q);
}

static inline struct haq_act_params ref_range(const struct haq_act_spec *spec,
                                              const float *x, size_t n)
{
    float lo = x[0], hi = x[0];
    for (size_t i = 0; i < n; i++) {
        lo = x[i] < lo ? x[i] : lo;
        hi = x[i] > hi ? x[i] : hi;
    }
    return haq_act_params_from_range(spec, lo, hi);
}

/* real -> code, by the range of all values or of each sample. */
static inline void ref_quantize(struct ref *t, const struct haq_act_spec *spec)
{
    size_t row = ref_count(t) / t->n;
    t->p = ref_range(spec, t->real, ref_count(t));
    if (spec->dynamic)
        t->pn = calloc(t->n, sizeof *t->pn);
    for (size_t i = 0; i < t->n && spec->dynamic; i++)
        t->pn[i] = ref_range(spec, t->real + i * row, row);
    for (size_t i = 0; i < ref_count(t); i++)
        t->code[i] = ref_code(t->real[i], t->pn ? &t->pn[i / row] : &t->p);
}

/* Code of input channel c that tap (ky, kx) sees; the zero point outside. */
static inline int32_t ref_tap(const struct ref *x, const struct haq_window *w,
                              size_t n, int64_t y0, int64_t x0, int64_t ky,
                              int64_t kx, size_t c, int32_t zero)
{
    int64_t y = y0 * w->stride[0] + ky * w->dilation[0] - w->pad[0];
    int64_t xx = x0 * w->stride[1] + kx * w->dilation[1] - w->pad[1];
    if (y < 0 || xx < 0 || y >= (int64_t)x->h || xx >= (int64_t)x->w)
        return zero;
    return x->code[((n * x->h + (size_t)y) * x->w + (size_t)xx) * x->c + c];
}

/* One output of a layer: the sums of each group of the reduction row. */
static inline float ref_output(const struct ref *x, const struct haq_window *w,
                               const struct haq_qweight *q, const float *bias,
                               size_t n, int64_t oy, int64_t ox, size_t o,
                               const struct haq_act_params *to)
{
    const struct haq_act_params *p = x->pn ? &x->pn[n] : &x->p;
    bool grouped = q->spec.granularity == HAQ_PER_GROUP;
    size_t len = grouped ? (size_t)q->spec.group : q->k;
    size_t taps = (size_t)(w->kernel[0] * w->kernel[1]);
    size_t part = o / (q->n / (size_t)w->group), channels = q->k / taps;
    float y = bias[o];
    int32_t acc = 0;

    for (size_t k = 0; k < q->k; k++) {
        size_t g = k / len, c = part * channels + k / taps;
        int64_t ky = (int64_t)(k % taps) / w->kernel[1];
        int64_t kx = (int64_t)(k % taps) % w->kernel[1];
        int32_t zw = q->zero ? q->zero[o * q->groups + g] : 0;
        int32_t a = ref_tap(x, w, n, oy, ox, ky, kx, c, p->zero);
        acc += (a - p->zero) * (q->codes[o * q->k + k] - zw);
        if (grouped && (k + 1 == q->k || (k + 1) % len == 0)) {
            y = fmaf((float)acc, p->scale * q->scale[o * q->groups + g], y);
            acc = 0;
        }
    }
    if (grouped)
        return y;
    float scale = p->scale * q->scale[o];
    if (x->pn)
        return (float)acc * scale + bias[o];
    acc += (int32_t)rint((double)bias[o] / (double)scale);
    if (!to)
        return (float)acc * scale;
    /* In codes without the zero point, not a real number. */
    return (float)acc * (scale / to->scale);
}

static inline float ref_clamp(float x, struct haq_clamp c)
{
    return x < c.lo ? c.lo : x > c.hi ? c.hi : x;
}

/* A layer.  The real output is always there; with `spec` it is quantized by its
 * own range and codes are made as the contract says. */
static inline void ref_layer(struct ref *y, const struct ref *x,
                             const struct haq_window *w,
                             const struct haq_qweight *q, const float *bias,
                             struct haq_clamp clamp,
                             const struct haq_act_spec *spec)
{
    bool direct = spec && !spec->dynamic && !x->pn &&
                  q->spec.granularity != HAQ_PER_GROUP;
    for (size_t i = 0; i < ref_count(y); i++) {
        size_t o = i % y->c, at = i / y->c;
        y->real[i] = ref_clamp(ref_output(x, w, q, bias, at / (y->h * y->w),
                                          (int64_t)(at / y->w % y->h),
                                          (int64_t)(at % y->w), o, NULL),
                               clamp);
    }
    if (!spec)
        return;
    ref_quantize(y, spec);
    for (size_t i = 0; direct && i < ref_count(y); i++) {
        size_t o = i % y->c, at = i / y->c;
        float v = rintf(ref_output(x, w, q, bias, at / (y->h * y->w),
                                   (int64_t)(at / y->w % y->h),
                                   (int64_t)(at % y->w), o, &y->p)) +
                  (float)y->p.zero;
        float lo = ref_code(clamp.lo, &y->p), hi = ref_code(clamp.hi, &y->p);
        y->code[i] = (uint8_t)(v < lo ? lo : v > hi ? hi : v);
    }
}

/* The meaning of DQ, DQ, Add. */
static inline void ref_add(struct ref *y, const struct ref *a,
                           const struct ref *b, struct haq_clamp clamp,
                           const struct haq_act_spec *spec)
{
    for (size_t i = 0; i < ref_count(y); i++)
        y->real[i] = ref_clamp(a->p.scale * (float)(a->code[i] - a->p.zero) +
                                   b->p.scale * (float)(b->code[i] - b->p.zero),
                               clamp);
    ref_quantize(y, spec);
}

/* Windows without padding.  Maxima of codes, averages of real numbers. */
static inline void ref_pool(struct ref *y, const struct ref *x,
                            const struct haq_window *w, bool max,
                            const struct haq_act_spec *spec)
{
    int64_t taps = w->kernel[0] * w->kernel[1];
    y->p = x->p;
    for (size_t i = 0; i < ref_count(y); i++) {
        size_t at = i / y->c;
        int32_t sum = 0, top = 0;
        for (int64_t t = 0; t < taps; t++) {
            int32_t v =
                ref_tap(x, w, at / (y->h * y->w), (int64_t)(at / y->w % y->h),
                        (int64_t)(at % y->w), t / w->kernel[1],
                        t % w->kernel[1], i % y->c, 0);
            sum += v - x->p.zero;
            top = v > top ? v : top;
        }
        y->code[i] = (uint8_t)top;
        y->real[i] = x->p.scale * (float)sum / (float)taps;
    }
    if (!max)
        ref_quantize(y, spec);
}

#endif
