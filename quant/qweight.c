#include "quant/qweight.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quant/format/codebook.h"
#include "quant/format/coder.h"

static const uint16_t F16_TINIEST = 0x0001, F16_LARGEST = 0x7bff;

/* Least scale of a channel or group, as a share of the whole tensor's. Training
 * leaves dead channels with weights of 1e-30; their own scale would make the
 * int32 bias (scale s_x * s_w) overflow.  Half of this share of an 8-bit scale
 * is what float32 rounding takes from the largest weight: nothing is lost. */
static const float LEAST_SHARE = 0x1p-16f;

/* Scale of nothing but zeros where no code is 0. */
static const float ODD_ZERO = 0x1p-20f;

void haq_qweight_fini(struct haq_qweight *w)
{
    if (w->own) {
        free(w->codes);
        free(w->values);
        free(w->scale);
        free(w->book);
        free(w->zero);
    }
    *w = (struct haq_qweight){0};
}

/* Elements per scale within a row. */
static size_t group_len(const struct haq_weight_spec *s, size_t k)
{
    return s->granularity == HAQ_PER_GROUP ? (size_t)s->group : k;
}

static size_t group_count(const struct haq_weight_spec *s, size_t k)
{
    size_t len = group_len(s, k);
    return k ? (k + len - 1) / len : 1;
}

/* Range of codes in the signed domain of format.h. */
static void code_range(const struct haq_weight_spec *s, int *lo, int *hi)
{
    haq_weight_range(s, lo, hi);
    if (!s->format->is_signed) {
        *lo -= 1 << (s->format->bits - 1);
        *hi -= 1 << (s->format->bits - 1);
    }
}

bool haq_qweight_is_code(const struct haq_weight_spec *spec, int code)
{
    int lo, hi;
    code_range(spec, &lo, &hi);
    return code >= lo && code <= hi && (!spec->format->odd || code % 2);
}

/* Range of n numbers, widened to contain 0. */
static void widen(const float *w, size_t n, float *lo, float *hi)
{
    for (size_t i = 0; i < n; i++) {
        assert(isfinite(w[i]));
        *lo = fminf(*lo, w[i]);
        *hi = fmaxf(*hi, w[i]);
    }
}

/* The fp16 number nearest to a positive s that still is positive and finite. */
static float as_stored_f16(float s)
{
    uint16_t h = haq_f32_to_f16(s);
    if (h < F16_TINIEST)
        h = F16_TINIEST;
    return haq_f16_to_f32(h > F16_LARGEST ? F16_LARGEST : h);
}

/* How scales are stored where a coder says it; NULL: fp16 or float32. */
static const struct haq_scaling *scaling(const struct haq_weight_spec *s)
{
    return s->format->coder ? s->format->coder->scaling : NULL;
}

/* Scale that takes lo..hi (0 within) to the codes without clipping; for the
 * narrow range that is absmax / qmax. */
static double scale_for(const struct haq_weight_spec *spec, float lo, float hi)
{
    int qlo, qhi;
    if (spec->format->coder)
        return fmax((double)hi, -(double)lo) / spec->format->coder->top;
    code_range(spec, &qlo, &qhi);
    return spec->format->is_signed ? fmax((double)hi / qhi, (double)lo / qlo)
                                   : ((double)hi - (double)lo) / (qhi - qlo);
}

/* The least power of two >= s > 0; in groups one that fp16 has. */
static float as_stored_pow2(const struct haq_weight_spec *spec, double s)
{
    bool grouped = spec->granularity == HAQ_PER_GROUP;
    int e, least = grouped ? -24 : -126, most = grouped ? 15 : 127;
    if (frexp(s, &e) == 0.5)
        e--;
    return ldexpf(1, e < least ? least : e > most ? most : e);
}

/* A scale as it is stored: fp16 in groups, else float32. */
static float as_stored(const struct haq_weight_spec *spec, double s)
{
    if (spec->pow2 && s > 0)
        return as_stored_pow2(spec, s);
    if (spec->granularity == HAQ_PER_GROUP && s > 0 && !scaling(spec))
        return as_stored_f16((float)fmin(s, FLT_MAX));
    return (float)s;
}

/* A learned level likewise. */
static float level_as_stored(const struct haq_weight_spec *spec, float x)
{
    float most = haq_f16_to_f32(F16_LARGEST);
    if (spec->granularity != HAQ_PER_GROUP)
        return x;
    return haq_f16_to_f32(haq_f32_to_f16(fminf(fmaxf(x, -most), most)));
}

static int8_t zero_for(const struct haq_weight_spec *spec, float lo,
                       float scale)
{
    int qlo, qhi;
    code_range(spec, &qlo, &qhi);
    double z = nearbyint(qlo - (double)lo / (double)scale);
    return (int8_t)fmin(fmax(z, qlo), qhi);
}

/* What the scales of one tensor are made with. */
struct scaler {
    struct haq_qweight *q;
    float least;    /* no scale below this */
    float *scratch; /* of the longest run, for formats with a fit */
};

/* The scale of a run of weights; scale `i` of the tensor. */
static void one_scale(const struct scaler *m, size_t i, const float *w,
                      size_t n)
{
    struct haq_qweight *q = m->q;
    const struct haq_format *f = q->spec.format;
    float lo = 0, hi = 0;
    widen(w, n, &lo, &hi);
    float s = as_stored(&q->spec, f->fit ? f->fit(w, n, m->scratch)
                                         : scale_for(&q->spec, lo, hi));
    if (s < FLT_MIN && !scaling(&q->spec)) /* zeros, or next to it */
        s = !f->odd ? 1.0f : m->least > 0 ? m->least : ODD_ZERO;
    q->scale[i] = fmaxf(s, m->least);
    if (q->zero)
        q->zero[i] = zero_for(&q->spec, lo, q->scale[i]);
}

static void scales_of_tensor(struct scaler *m, const float *w)
{
    struct haq_qweight *q = m->q;
    if (!q->n)
        return;
    one_scale(m, 0, w, q->n * q->k);
    for (size_t i = 1; i < q->n; i++) {
        q->scale[i] = q->scale[0];
        if (q->zero)
            q->zero[i] = q->zero[0];
    }
}

static float least_scale(const struct haq_qweight *q, const float *w)
{
    float lo = 0, hi = 0;
    widen(w, q->n * q->k, &lo, &hi);
    bool fit = q->spec.format->fit;
    if (lo == hi)
        return 0;
    float s = as_stored(&q->spec, fit ? fmax((double)hi, -(double)lo) / INT8_MAX
                                      : scale_for(&q->spec, lo, hi));
    if (s < FLT_MIN)
        s = fit ? 0.0f : 1.0f;
    float least = s * LEAST_SHARE;
    return q->spec.granularity == HAQ_PER_GROUP ? as_stored_f16(least) : least;
}

static void scales_of_groups(struct scaler *m, const float *w)
{
    struct haq_qweight *q = m->q;
    size_t len = group_len(&q->spec, q->k);
    if (q->spec.format->integer)
        m->least = least_scale(q, w);
    for (size_t r = 0; r < q->n; r++)
        for (size_t g = 0; g < q->groups; g++) {
            size_t at = g * len, left = q->k - at;
            one_scale(m, r * q->groups + g, w + r * q->k + at,
                      left < len ? left : len);
        }
}

size_t haq_qweight_runs(const struct haq_qweight *q)
{
    return q->spec.granularity == HAQ_PER_TENSOR ? q->n > 0 : q->n * q->groups;
}

static struct haq_qweight_run run_place(const struct haq_qweight *q, size_t i)
{
    if (q->spec.granularity == HAQ_PER_TENSOR)
        return (struct haq_qweight_run){.len = q->n * q->k};
    size_t len = group_len(&q->spec, q->k), first = i % q->groups * len;
    size_t left = q->k - first;
    return (struct haq_qweight_run){.at = i / q->groups * q->k + first,
                                    .len = left < len ? left : len};
}

size_t haq_qweight_levels(const struct haq_weight_spec *spec)
{
    const struct haq_coder *c = spec->format->coder;
    return c && c->learned ? (size_t)1 << spec->format->bits : 0;
}

haq_status haq_qweight_alloc(struct haq_qweight *out, size_t n, size_t k,
                             const struct haq_weight_spec *spec,
                             struct haq_diag *d)
{
    assert(haq_format_quantizes(spec->format));
    struct haq_qweight q = {.spec = *spec,
                            .n = n,
                            .k = k,
                            .groups = group_count(spec, k),
                            .own = true};
    size_t count = n * q.groups, levels = haq_qweight_levels(spec);
    q.scale = calloc(count + 1, sizeof *q.scale);
    if (!spec->format->is_signed)
        q.zero = calloc(count + 1, sizeof *q.zero);
    if (levels)
        q.book = calloc(haq_qweight_runs(&q) * levels + 1, sizeof *q.book);
    if (!q.scale || (!spec->format->is_signed && !q.zero) ||
        (levels && !q.book)) {
        haq_qweight_fini(&q);
        return haq_fail(d, HAQ_NOMEM, "scales of %zu weight groups", count);
    }
    for (size_t i = 0; i < count; i++)
        q.scale[i] = 1;
    *out = q;
    return HAQ_OK;
}

/* The levels of every run. */
static haq_status learn(struct haq_qweight *q, const float *w,
                        struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    size_t levels = haq_qweight_levels(&q->spec), runs = haq_qweight_runs(q);
    for (size_t i = 0; !s && levels && i < runs; i++) {
        struct haq_qweight_run run = run_place(q, i);
        float *book = q->book + i * levels;
        s = haq_codebook_fit(book, levels, w + run.at, run.len, d);
        for (size_t k = 0; k < levels; k++)
            book[k] = level_as_stored(&q->spec, book[k]);
    }
    return s;
}

haq_status haq_qweight_scales(struct haq_qweight *out, const float *w, size_t n,
                              size_t k, const struct haq_weight_spec *spec,
                              struct haq_diag *d)
{
    struct haq_qweight q;
    haq_status s = haq_qweight_alloc(&q, n, k, spec, d);
    if (s)
        return s;
    size_t run = spec->granularity == HAQ_PER_TENSOR ? n * k : k;
    struct scaler m = {.q = &q};
    if (spec->format->fit)
        m.scratch = malloc((run + 1) * sizeof *m.scratch);
    if (spec->format->fit && !m.scratch) {
        haq_qweight_fini(&q);
        return haq_fail(d, HAQ_NOMEM, "scales of %zu weights", run);
    }
    if (spec->granularity == HAQ_PER_TENSOR)
        scales_of_tensor(&m, w);
    else
        scales_of_groups(&m, w);
    free(m.scratch);
    if (scaling(spec))
        scaling(spec)->store(q.scale, n * q.groups);
    s = learn(&q, w, d);
    if (s)
        haq_qweight_fini(&q);
    else
        *out = q;
    return s;
}

/* The nearest code for a weight in units of its scale, not yet clamped. */
static float nearest(const struct haq_format *f, float x)
{
    return f->odd ? 2 * floorf(x / 2) + 1 : rintf(x);
}

/* The code of weight x under scale (and zero point) g, within lo..hi. */
static float code_of(const struct haq_qweight *q, size_t g, float x, int lo,
                     int hi)
{
    float c = nearest(q->spec.format, x / q->scale[g]);
    c += q->zero ? (float)q->zero[g] : 0;
    return fminf(fmaxf(c, (float)lo), (float)hi);
}

static size_t scale_at(const struct haq_qweight *q, size_t row, size_t col)
{
    return row * q->groups + col / group_len(&q->spec, q->k);
}

int8_t haq_qweight_code(const struct haq_qweight *q, size_t row, size_t col,
                        double w)
{
    int lo, hi;
    code_range(&q->spec, &lo, &hi);
    return (int8_t)code_of(q, scale_at(q, row, col), (float)w, lo, hi);
}

double haq_qweight_value(const struct haq_qweight *q, size_t row, size_t col,
                         int code)
{
    size_t g = scale_at(q, row, col);
    int zero = q->zero ? q->zero[g] : 0;
    return (double)((float)(code - zero) * q->scale[g]);
}

/* The level of run g's book that is nearest to x. */
static float level_of(const struct haq_qweight *q, size_t g, float x)
{
    unsigned n = (unsigned)haq_qweight_levels(&q->spec);
    bool shared = q->spec.granularity == HAQ_PER_TENSOR;
    const struct haq_levels l = {n, q->book + (shared ? 0 : g) * n};
    return l.at[haq_levels_nearest(&l, x)];
}

/* The number that stands for weight x under scale g. */
static float value_of(const struct haq_qweight *q, size_t g, float x)
{
    const struct haq_coder *c = q->spec.format->coder;
    if (q->book)
        return level_of(q, g, x);
    if (c) {
        float v = c->decode(c, c->encode(c, x / q->scale[g])) * q->scale[g];
        return fminf(fmaxf(v, -FLT_MAX), FLT_MAX);
    }
    int lo, hi, zero = q->zero ? q->zero[g] : 0;
    code_range(&q->spec, &lo, &hi);
    return (code_of(q, g, x, lo, hi) - (float)zero) * q->scale[g];
}

static void round_to_values(struct haq_qweight *q, const float *w)
{
    size_t len = group_len(&q->spec, q->k);
    for (size_t r = 0; r < q->n; r++)
        for (size_t i = 0; i < q->k; i++) {
            size_t g = r * q->groups + i / len, at = r * q->k + i;
            q->values[at] = value_of(q, g, w[at]);
        }
}

static void round_to_codes(struct haq_qweight *q, const float *w)
{
    int qlo, qhi;
    size_t len = group_len(&q->spec, q->k);
    code_range(&q->spec, &qlo, &qhi);
    for (size_t r = 0; r < q->n; r++)
        for (size_t i = 0; i < q->k; i++) {
            size_t g = r * q->groups + i / len, at = r * q->k + i;
            q->codes[at] = (int8_t)code_of(q, g, w[at], qlo, qhi);
        }
}

haq_status haq_qweight_round(struct haq_qweight *q, const float *w,
                             struct haq_diag *d)
{
    bool values = q->spec.format->coder;
    size_t count = q->n * q->k;
    if (values && !q->values)
        q->values = calloc(count + 1, sizeof *q->values);
    if (!values && !q->codes)
        q->codes = malloc(count + 1);
    if (!(values ? (void *)q->values : (void *)q->codes))
        return haq_fail(d, HAQ_NOMEM, "%zu weight codes", count);
    (values ? round_to_values : round_to_codes)(q, w);
    return HAQ_OK;
}

bool haq_qweight_free_scales(const struct haq_weight_spec *spec)
{
    return !scaling(spec);
}

struct haq_qweight_run haq_qweight_run_at(const struct haq_qweight *q, size_t i,
                                          const float *w)
{
    struct haq_qweight_run run = run_place(q, i);
    widen(w + run.at, run.len, &run.lo, &run.hi);
    return run;
}

void haq_qweight_set_scale(struct haq_qweight *q, size_t i, float scale,
                           int8_t zero)
{
    size_t end = q->spec.granularity == HAQ_PER_TENSOR ? q->n : i + 1;
    for (; i < end; i++) {
        q->scale[i] = scale;
        if (q->zero)
            q->zero[i] = zero;
    }
}

void haq_qweight_set_range(struct haq_qweight *q, size_t i, float lo, float hi)
{
    float s = as_stored(&q->spec, scale_for(&q->spec, lo, hi));
    s = fmaxf(s, FLT_MIN);
    haq_qweight_set_scale(q, i, s, q->zero ? zero_for(&q->spec, lo, s) : 0);
}

void haq_qweight_store_scale(struct haq_qweight *q, size_t at, float scale)
{
    q->scale[at] = fmaxf(as_stored(&q->spec, (double)scale), FLT_MIN);
}

double haq_qweight_run_error(const struct haq_qweight *q, size_t i,
                             const float *w)
{
    struct haq_qweight_run run = run_place(q, i);
    double sum = 0;
    for (size_t k = run.at; k < run.at + run.len; k++) {
        double e = (double)w[k] - (double)value_of(q, i, w[k]);
        sum += e * e;
    }
    return sum;
}

void haq_qweight_dequantize(float *dst, const struct haq_qweight *q)
{
    size_t len = group_len(&q->spec, q->k);
    if (q->values) {
        memcpy(dst, q->values, q->n * q->k * sizeof *dst);
        return;
    }
    for (size_t r = 0; r < q->n; r++)
        for (size_t i = 0; i < q->k; i++) {
            size_t g = r * q->groups + i / len, at = r * q->k + i;
            int z = q->zero ? q->zero[g] : 0;
            dst[at] = (float)(q->codes[at] - z) * q->scale[g];
        }
}

bool haq_qweight_pow2_scales(const struct haq_weight_spec *spec)
{
    return spec->pow2 || scaling(spec) == &haq_scaling_e8m0;
}

bool haq_qweight_has_scales(const struct haq_weight_spec *spec)
{
    return scaling(spec) != &haq_scaling_none;
}

enum haq_dtype haq_qweight_scale_type(const struct haq_weight_spec *spec)
{
    bool plain = !scaling(spec) || haq_qweight_levels(spec);
    return spec->granularity == HAQ_PER_GROUP && plain ? HAQ_F16 : HAQ_F32;
}

size_t haq_qweight_bytes(const struct haq_weight_spec *spec, size_t n, size_t k)
{
    if (!haq_format_quantizes(spec->format))
        return n * k * sizeof(float);
    bool grouped = spec->granularity == HAQ_PER_GROUP;
    size_t scales =
        spec->granularity == HAQ_PER_TENSOR ? 1 : n * group_count(spec, k);
    size_t bytes = haq_codes_bytes(spec->format, n * k);
    size_t elem = grouped ? sizeof(uint16_t) : sizeof(float);
    bytes += scales * haq_qweight_levels(spec) * elem;
    if (scaling(spec))
        return bytes + scaling(spec)->bytes(scales);
    bytes += scales * (spec->pow2 ? 1 : elem);
    if (!spec->format->is_signed)
        bytes += haq_codes_bytes(spec->format, scales);
    return bytes;
}
