/* Weight clipping: for every scale, the share of the range that leaves the
 * least squared error after rounding, by trying all shares of a grid.
 *
 * Few codes spend their steps best when the largest weights are cut off: the
 * range of a normal distribution is about 4 sigma in a thousand weights, and
 * codes of 2 bits want a scale of 1.2 sigma.  Both ends of an asymmetric range
 * shrink together, as in the grids of GPTQ and AWQ.  The whole range is the
 * first candidate and only less error replaces it: never worse than rounding
 * to nearest.
 */
#include "quant/method/method.h"

/* Shares are in thousandths: every tenth one, then all around the best. */
enum { WHOLE = 1000, COARSE = 10 };

/* No scale falls below this share of the tensor's largest, for the reason that
 * haq_qweight_scales gives: the int32 bias of a channel must fit. */
static const float LEAST_SHARE = 0x1p-16f;

static float largest_scale(const struct haq_qweight *q)
{
    float largest = 0;
    for (size_t i = 0; i < q->n * q->groups; i++)
        largest = q->scale[i] > largest ? q->scale[i] : largest;
    return largest;
}

/* The best share of a run's range so far, in thousandths. */
struct found {
    int share;
    double error;
};

static void try_share(struct found *f, struct haq_qweight *q, size_t i,
                      const struct haq_qweight_run *run, const float *w,
                      int share, float least)
{
    float part = (float)share / WHOLE;
    haq_qweight_set_range(q, i, run->lo * part, run->hi * part);
    if (q->scale[i] < least)
        return;
    double error = haq_qweight_run_error(q, i, w);
    if (error < f->error)
        *f = (struct found){share, error};
}

static void clip_run(struct haq_qweight *q, size_t i, const float *w,
                     float least)
{
    struct haq_qweight_run run = haq_qweight_run_at(q, i, w);
    float scale = q->scale[i];
    int8_t zero = q->zero ? q->zero[i] : 0;
    struct found best = {WHOLE, haq_qweight_run_error(q, i, w)};

    if (run.lo < run.hi) { /* else zeros */
        for (int share = WHOLE - COARSE; share > 0; share -= COARSE)
            try_share(&best, q, i, &run, w, share, least);
        int around = best.share;
        for (int by = 1 - COARSE; by < COARSE; by++)
            if (around + by > 0 && around + by < WHOLE)
                try_share(&best, q, i, &run, w, around + by, least);
    }
    if (best.share == WHOLE) {
        haq_qweight_set_scale(q, i, scale, zero);
        return;
    }
    float part = (float)best.share / WHOLE;
    haq_qweight_set_range(q, i, run.lo * part, run.hi * part);
}

haq_status haq_method_clip(struct haq_method_layer *l, struct haq_diag *d)
{
    struct haq_qweight *q = l->q;
    (void)d;
    if (q->spec.format->fit || !haq_qweight_free_scales(&q->spec))
        return HAQ_OK; /* has the best scale already, or no choice */
    float least = largest_scale(q) * LEAST_SHARE;
    for (size_t i = 0; i < haq_qweight_runs(q); i++)
        clip_run(q, i, l->w, least);
    return HAQ_OK;
}
