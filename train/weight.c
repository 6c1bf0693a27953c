#include "train/weight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where in its cell a weight may begin, in steps from the code. */
static const float MARGIN = 0.49f;

/* One run of weights with one scale. */
struct run {
    size_t at, len;
    float ratio; /* s0 / s */
    float scale;
    float lo, hi; /* codes without their zero point */
    int zero;
    bool odd;
};

static int zero_of(const struct haq_qweight *q, size_t run)
{
    return q->zero ? q->zero[run] : 0;
}

static struct run run_at(const struct haq_train_weight *t, size_t i)
{
    int lo, hi;
    const struct haq_weight_spec *spec = &t->q.spec;
    struct haq_qweight_run r = haq_qweight_run_at(&t->q, i, t->u);
    haq_weight_range(spec, &lo, &hi);
    int shift = spec->format->is_signed ? 0 : 1 << (spec->format->bits - 1);
    int zero = zero_of(&t->q, i);
    float scale = t->q.scale[i];
    return (struct run){.at = r.at,
                        .len = r.len,
                        .ratio = t->start[i] / scale,
                        .scale = scale,
                        .lo = (float)(lo - shift - zero),
                        .hi = (float)(hi - shift - zero),
                        .zero = zero,
                        .odd = spec->format->odd};
}

/* The code without its zero point for v steps. */
static float nearest(const struct run *r, float v)
{
    if (r->odd)
        return v < 0 ? -1.0f : 1.0f;
    float q = rintf(v);
    q = q > r->lo ? q : r->lo;
    return q < r->hi ? q : r->hi;
}

static haq_status copy_weight(struct haq_qweight *to,
                              const struct haq_qweight *from,
                              struct haq_diag *d)
{
    size_t n = from->n * from->k, scales = from->n * from->groups;
    haq_status s = haq_qweight_alloc(to, from->n, from->k, &from->spec, d);
    if (s)
        return s;
    to->codes = malloc(n + 1);
    if (!to->codes) {
        haq_qweight_fini(to);
        return haq_fail(d, HAQ_NOMEM, "codes of a layer");
    }
    memcpy(to->codes, from->codes, n);
    memcpy(to->scale, from->scale, scales * sizeof *to->scale);
    if (to->zero && from->zero)
        memcpy(to->zero, from->zero, scales);
    return HAQ_OK;
}

static bool all_zero(const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (w[i] < 0 || w[i] > 0)
            return false;
    return true;
}

/* The real weights, as far as the codes let them be what they are. */
static void begin(struct haq_train_weight *t, const float *w)
{
    for (size_t i = 0; i < t->runs; i++) {
        struct run r = run_at(t, i);
        t->start[i] = all_zero(w + r.at, r.len) ? 0 : r.scale;
        for (size_t k = r.at; k < r.at + r.len; k++) {
            float code = (float)(t->q.codes[k] - r.zero);
            float least = code > r.lo ? code - MARGIN : -INFINITY;
            float most = code < r.hi ? code + MARGIN : INFINITY;
            if (r.odd) {
                least = code > 0 ? 0.01f : -INFINITY;
                most = code < 0 ? -0.01f : INFINITY;
            }
            t->u[k] = fminf(fmaxf(w[k] / r.scale, least), most);
        }
    }
}

haq_status haq_train_weight_init(struct haq_train_weight *t,
                                 const struct haq_qweight *from, const float *w,
                                 struct haq_diag *d)
{
    size_t n = from->n * from->k;
    *t = (struct haq_train_weight){0};
    haq_status s = copy_weight(&t->q, from, d);
    if (s)
        return s;
    t->runs = haq_qweight_runs(&t->q);
    t->scales = haq_qweight_free_scales(&from->spec) &&
                !haq_qweight_pow2_scales(&from->spec);
    t->start = calloc(t->runs + 1, sizeof *t->start);
    t->u = calloc(n + 1, sizeof *t->u);
    t->du = calloc(n + 1, sizeof *t->du);
    t->t = calloc(t->runs + 1, sizeof *t->t);
    t->dt = calloc(t->runs + 1, sizeof *t->dt);
    if (!t->start || !t->u || !t->du || !t->t || !t->dt) {
        haq_train_weight_fini(t);
        return haq_fail(d, HAQ_NOMEM, "the weights of a layer");
    }
    begin(t, w);
    return HAQ_OK;
}

void haq_train_weight_fini(struct haq_train_weight *t)
{
    haq_qweight_fini(&t->q);
    free(t->start);
    free(t->u);
    free(t->du);
    free(t->t);
    free(t->dt);
    *t = (struct haq_train_weight){0};
}

void haq_train_weight_use(struct haq_train_weight *t, float *w)
{
    for (size_t i = 0; i < t->runs; i++) {
        if (t->scales && t->start[i] > 0) {
            haq_qweight_store_scale(&t->q, i, t->start[i] * expf(t->t[i]));
            haq_qweight_set_scale(&t->q, i, t->q.scale[i],
                                  (int8_t)zero_of(&t->q, i));
        }
        struct run r = run_at(t, i);
        for (size_t k = r.at; k < r.at + r.len; k++) {
            float q = nearest(&r, t->u[k] * r.ratio);
            t->q.codes[k] = (int8_t)(q + (float)r.zero);
            w[k] = q * r.scale;
        }
    }
}

void haq_train_weight_back(struct haq_train_weight *t, const float *dw)
{
    for (size_t i = 0; i < t->runs; i++) {
        struct run r = run_at(t, i);
        double sum = 0;
        for (size_t k = r.at; k < r.at + r.len; k++) {
            float v = t->u[k] * r.ratio, q = nearest(&r, v);
            bool in = v >= r.lo && v <= r.hi;
            /* Descent against a positive gradient makes v smaller. */
            bool back = v > r.hi ? dw[k] > 0 : dw[k] < 0;
            t->du[k] = in || back ? dw[k] * t->start[i] : 0;
            sum += (double)(dw[k] * (in ? q - v : q));
        }
        t->dt[i] = (float)(sum * (double)r.scale);
    }
}
