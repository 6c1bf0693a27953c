#include "quant/qweight.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/dtype.h"

static const uint16_t F16_TINIEST = 0x0001, F16_LARGEST = 0x7bff;

/* Least scale of a channel or group, as a share of the whole tensor's. Training
 * leaves dead channels with weights of 1e-30; their own scale would make the
 * int32 bias (scale s_x * s_w) overflow.  Half of this share of an 8-bit scale
 * is what float32 rounding takes from the largest weight: nothing is lost. */
static const float LEAST_SHARE = 0x1p-16f;

void haq_qweight_fini(struct haq_qweight *w)
{
    if (w->own) {
        free(w->codes);
        free(w->scale);
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

/* Scale that takes lo..hi (0 within) to the codes without clipping; for the
 * narrow range that is absmax / qmax. */
static float scale_for(const struct haq_weight_spec *spec, float lo, float hi)
{
    int qlo, qhi;
    code_range(spec, &qlo, &qhi);
    double s = spec->format->is_signed
                   ? fmax((double)hi / qhi, (double)lo / qlo)
                   : ((double)hi - (double)lo) / (qhi - qlo);
    if (spec->granularity == HAQ_PER_GROUP && s > 0)
        return as_stored_f16((float)fmin(s, FLT_MAX));
    return s < (double)FLT_MIN ? 1.0f : (float)s;
}

static int8_t zero_for(const struct haq_weight_spec *spec, float lo,
                       float scale)
{
    int qlo, qhi;
    code_range(spec, &qlo, &qhi);
    double z = nearbyint(qlo - (double)lo / (double)scale);
    return (int8_t)fmin(fmax(z, qlo), qhi);
}

static void one_range(struct haq_qweight *q, size_t i, float lo, float hi,
                      float least)
{
    q->scale[i] = lo == hi ? 1.0f : scale_for(&q->spec, lo, hi);
    if (q->scale[i] < least)
        q->scale[i] = least;
    if (q->zero)
        q->zero[i] = zero_for(&q->spec, lo, q->scale[i]);
}

static void scales_of_tensor(struct haq_qweight *q, const float *w)
{
    float lo = 0, hi = 0;
    widen(w, q->n * q->k, &lo, &hi);
    for (size_t i = 0; i < q->n; i++)
        one_range(q, i, lo, hi, 0);
}

static float least_scale(const struct haq_qweight *q, const float *w)
{
    float lo = 0, hi = 0;
    widen(w, q->n * q->k, &lo, &hi);
    if (lo == hi)
        return 0;
    float least = scale_for(&q->spec, lo, hi) * LEAST_SHARE;
    return q->spec.granularity == HAQ_PER_GROUP ? as_stored_f16(least) : least;
}

static void scales_of_groups(struct haq_qweight *q, const float *w)
{
    size_t len = group_len(&q->spec, q->k);
    float least = least_scale(q, w);
    for (size_t r = 0; r < q->n; r++)
        for (size_t g = 0; g < q->groups; g++) {
            size_t at = g * len, left = q->k - at;
            float lo = 0, hi = 0;
            widen(w + r * q->k + at, left < len ? left : len, &lo, &hi);
            one_range(q, r * q->groups + g, lo, hi, least);
        }
}

haq_status haq_qweight_scales(struct haq_qweight *out, const float *w, size_t n,
                              size_t k, const struct haq_weight_spec *spec,
                              struct haq_diag *d)
{
    assert(spec->format->integer);
    struct haq_qweight q = {.spec = *spec,
                            .n = n,
                            .k = k,
                            .groups = group_count(spec, k),
                            .own = true};
    size_t count = n * q.groups;
    q.scale = calloc(count + 1, sizeof *q.scale);
    if (!spec->format->is_signed)
        q.zero = calloc(count + 1, sizeof *q.zero);
    if (!q.scale || (!spec->format->is_signed && !q.zero)) {
        haq_qweight_fini(&q);
        return haq_fail(d, HAQ_NOMEM, "scales of %zu weight groups", count);
    }
    if (spec->granularity == HAQ_PER_TENSOR)
        scales_of_tensor(&q, w);
    else
        scales_of_groups(&q, w);
    *out = q;
    return HAQ_OK;
}

haq_status haq_qweight_round(struct haq_qweight *q, const float *w,
                             struct haq_diag *d)
{
    int qlo, qhi;
    size_t len = group_len(&q->spec, q->k);
    code_range(&q->spec, &qlo, &qhi);
    if (!q->codes)
        q->codes = malloc(q->n * q->k + 1);
    if (!q->codes)
        return haq_fail(d, HAQ_NOMEM, "%zu weight codes", q->n * q->k);
    for (size_t r = 0; r < q->n; r++)
        for (size_t i = 0; i < q->k; i++) {
            size_t g = r * q->groups + i / len, at = r * q->k + i;
            float c = rintf(w[at] / q->scale[g]);
            c += q->zero ? (float)q->zero[g] : 0;
            c = fminf(fmaxf(c, (float)qlo), (float)qhi);
            q->codes[at] = (int8_t)c;
        }
    return HAQ_OK;
}

void haq_qweight_dequantize(float *dst, const struct haq_qweight *q)
{
    size_t len = group_len(&q->spec, q->k);
    for (size_t r = 0; r < q->n; r++)
        for (size_t i = 0; i < q->k; i++) {
            size_t g = r * q->groups + i / len, at = r * q->k + i;
            int z = q->zero ? q->zero[g] : 0;
            dst[at] = (float)(q->codes[at] - z) * q->scale[g];
        }
}

size_t haq_qweight_bytes(const struct haq_weight_spec *spec, size_t n, size_t k)
{
    if (!spec->format->integer)
        return n * k * sizeof(float);
    bool grouped = spec->granularity == HAQ_PER_GROUP;
    size_t scales =
        spec->granularity == HAQ_PER_TENSOR ? 1 : n * group_count(spec, k);
    size_t bytes = haq_codes_bytes(spec->format, n * k) +
                   scales * (grouped ? sizeof(uint16_t) : sizeof(float));
    if (!spec->format->is_signed)
        bytes += haq_codes_bytes(spec->format, scales);
    return bytes;
}
