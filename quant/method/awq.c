/* AWQ (Lin et al. 2024, arXiv 2306.00978; fact sheet 4.7): weights that read
 * large activations are made larger before they are rounded, by
 *
 *     s_j = (mean |x_j|)^alpha
 *
 * alpha searched for (smooth.h).  Then every scale's range shrinks, both ends
 * together, to the share of 1, 0.95 .. 0.5 that leaves the least error of the
 * output as far as the weights under that scale make it, e H e'.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "quant/method/smooth.h"

static void factors(double *s, const struct haq_smooth_group *g, double alpha)
{
    static const double tiny = 1e-4; /* as in the authors' auto_scale.py */
    for (size_t i = 0; i < g->channels; i++)
        s[i] = g->mean_abs[i] > 0 ? fmax(pow(g->mean_abs[i], alpha), tiny) : 0;
}

haq_status haq_method_awq_scale(struct haq_prepare *p, struct haq_diag *d)
{
    return haq_smooth(p, factors, d);
}

/* ---- clipping --------------------------------------------------------------
 */

enum { SHARES = 10, GRID = 20 }; /* 1 - i / 20, i = 0 .. 9 */

/* e H e' over the weights of run `i`; `e` is as long as a row. */
static double run_error(const struct haq_method_layer *l,
                        const struct haq_qweight_run *run, double *e)
{
    const struct haq_qweight *q = l->q;
    size_t k = q->k, first = run->at % k, per = q->n / l->x->parts;
    size_t len = run->len < k ? run->len : k; /* in one row */
    double sum = 0;
    for (size_t row = run->at / k; row * k < run->at + run->len; row++) {
        const double *h = l->x->qq + row / per * k * k;
        for (size_t c = 0; c < len; c++) {
            double w = (double)l->w[row * k + first + c];
            int code = haq_qweight_code(q, row, first + c, w);
            e[c] = haq_qweight_value(q, row, first + c, code) - w;
        }
        for (size_t a = 0; a < len; a++) {
            double moved = 0;
            const double *ha = h + (first + a) * k + first;
            for (size_t b = 0; b < len; b++)
                moved += ha[b] * e[b];
            sum += e[a] * moved;
        }
    }
    return sum;
}

static void clip_run(struct haq_method_layer *l, size_t i, double *e)
{
    struct haq_qweight *q = l->q;
    struct haq_qweight_run run = haq_qweight_run_at(q, i, l->w);
    float scale = q->scale[i];
    int8_t zero = q->zero ? q->zero[i] : 0;
    double least = run_error(l, &run, e);
    int best = 0;
    for (int by = 1; by < SHARES && run.lo < run.hi; by++) {
        float share = 1 - (float)by / GRID;
        haq_qweight_set_range(q, i, run.lo * share, run.hi * share);
        double error = run_error(l, &run, e);
        /* Dead channels have larger scales than their range (qweight.h). */
        if (error < least && q->scale[i] > scale / 2) {
            least = error;
            best = by;
        }
    }
    float share = 1 - (float)best / GRID;
    if (best)
        haq_qweight_set_range(q, i, run.lo * share, run.hi * share);
    else
        haq_qweight_set_scale(q, i, scale, zero);
}

haq_status haq_method_awq_clip(struct haq_method_layer *l, struct haq_diag *d)
{
    struct haq_qweight *q = l->q;
    double *e = malloc((q->k + 1) * sizeof *e);
    if (!e)
        return haq_fail(d, HAQ_NOMEM, "layer %s", l->name);
    for (size_t i = 0; !q->spec.format->fit && i < haq_qweight_runs(q); i++)
        clip_run(l, i, e);
    free(e);
    return HAQ_OK;
}
