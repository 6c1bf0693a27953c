/* AdaQuant (Hubara et al. 2021, arXiv 2006.10518; fact sheet 4.5): weights and
 * scales learned by descent through rounding.
 *
 * The error of the layer's output (quadratic.h) has the slope 2 (V - T) H in
 * what the codes are; rounding is taken for the identity within the range of
 * the codes (straight-through).  A scale s collects
 *
 *     dV/ds = code - w / s  within the range, code outside
 *
 * from the weights that share it.  Weights may move by more than one step,
 * which AdaRound forbids.  The paper sees batches of inputs, this one the
 * moments of all.  Rounding makes the error jump: of every row the best that
 * was seen is kept, the codes at the beginning among them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant/method/adam.h"
#include "quant/method/quadratic.h"

enum { STEPS = 500 };
/* Adam's steps: in steps of the codes, and in parts of a scale. */
static const double rate_weight = 0.003, rate_scale = 0.001;

/* No scale falls below this share of what it was: an int32 bias must fit. */
static const double least_share = 0.25;

/* One part of a layer. */
struct fit {
    struct haq_quadratic *e;
    struct haq_qweight *q;
    const struct haq_blas *blas;
    size_t len;    /* weights of a row that share a scale */
    size_t runs;   /* scales of this part */
    float *first;  /* [runs] scales at the beginning */
    float *kept;   /* [runs] of the best rows */
    double *w;     /* [rows][k] weights in steps of the first scales */
    double *log_s; /* [runs] scales as parts of the first ones, in logs */
    double *diff, *slope; /* [rows][k] */
    double *slope_s;      /* [runs] */
    double *error, *best; /* [rows] */
    int8_t *code;         /* [rows][k] of this step */
    double *moment[4];    /* of Adam: weights, scales */
};

static bool fit_alloc(struct fit *f)
{
    size_t rows = f->e->rows, n = rows * f->e->k;
    const struct {
        double **array;
        size_t n;
    } want[] = {{&f->w, n},
                {&f->diff, n},
                {&f->slope, n},
                {&f->moment[0], n},
                {&f->moment[1], n},
                {&f->moment[2], f->runs},
                {&f->moment[3], f->runs},
                {&f->log_s, f->runs},
                {&f->slope_s, f->runs},
                {&f->error, rows},
                {&f->best, rows}};
    bool ok = true;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        *want[i].array = calloc(want[i].n + 1, sizeof(double));
        ok = ok && *want[i].array;
    }
    f->first = calloc(f->runs + 1, sizeof *f->first);
    f->kept = calloc(f->runs + 1, sizeof *f->kept);
    f->code = calloc(n + 1, sizeof *f->code);
    return ok && f->first && f->kept && f->code;
}

static void fit_fini(struct fit *f)
{
    double *array[] = {f->w,         f->diff,      f->slope,     f->moment[0],
                       f->moment[1], f->moment[2], f->moment[3], f->log_s,
                       f->slope_s,   f->error,     f->best};
    for (size_t i = 0; i < sizeof array / sizeof *array; i++)
        free(array[i]);
    free(f->first);
    free(f->kept);
    free(f->code);
}

static size_t run_of(const struct fit *f, size_t row, size_t col)
{
    return row * f->q->groups + col / f->len;
}

/* Scales of this part in q. */
static float *scales_of(const struct fit *f)
{
    return f->q->scale + f->e->first * f->q->groups;
}

/* Weights stand at their targets as far as these round to the codes. */
static void start(struct fit *f)
{
    struct haq_qweight *q = f->q;
    size_t k = f->e->k;
    memcpy(f->first, scales_of(f), f->runs * sizeof *f->first);
    memcpy(f->kept, f->first, f->runs * sizeof *f->kept);
    for (size_t r = 0; r < f->e->rows; r++)
        for (size_t i = 0; i < k; i++) {
            size_t at = r * k + i, channel = f->e->first + r;
            double s = (double)f->first[run_of(f, r, i)];
            f->code[at] = q->codes[channel * k + i];
            f->diff[at] = haq_qweight_value(q, channel, i, f->code[at]);
            double v = f->diff[at] / s, t = f->e->target[at] / s;
            double half = q->spec.format->odd ? 1 : 0.5;
            f->w[at] = fmin(fmax(t, v - 0.999 * half), v + 0.999 * half);
        }
    haq_quadratic_slope(f->e, f->blas, f->diff, f->slope, f->best);
}

/* Codes of the weights as they are now; the error of every row. */
static void look(struct fit *f)
{
    size_t k = f->e->k;
    for (size_t r = 0; r < f->e->rows; r++)
        for (size_t i = 0; i < k; i++) {
            size_t at = r * k + i, channel = f->e->first + r;
            double s = (double)f->first[run_of(f, r, i)];
            f->code[at] = haq_qweight_code(f->q, channel, i, f->w[at] * s);
            f->diff[at] = haq_qweight_value(f->q, channel, i, f->code[at]);
        }
    haq_quadratic_slope(f->e, f->blas, f->diff, f->slope, f->error);
}

static void keep_best(struct fit *f)
{
    size_t k = f->e->k, groups = f->q->groups;
    for (size_t r = 0; r < f->e->rows; r++) {
        if (!(f->error[r] < f->best[r]))
            continue;
        f->best[r] = f->error[r];
        memcpy(f->q->codes + (f->e->first + r) * k, f->code + r * k, k);
        memcpy(f->kept + r * groups, scales_of(f) + r * groups,
               groups * sizeof *f->kept);
    }
}

/* Slopes in weights and log scales from that in what the codes are, each row's
 * in units of its error. */
static void through_rounding(struct fit *f)
{
    size_t k = f->e->k;
    const struct haq_qweight *q = f->q;
    memset(f->slope_s, 0, f->runs * sizeof *f->slope_s);
    for (size_t r = 0; r < f->e->rows; r++)
        for (size_t i = 0; i < k; i++) {
            size_t at = r * k + i, run = run_of(f, r, i);
            size_t channel = f->e->first + r;
            double s = (double)scales_of(f)[run];
            double v = haq_qweight_value(q, channel, i, f->code[at]);
            double w = f->w[at] * (double)f->first[run];
            double g = f->best[r] > 0 ? f->slope[at] / f->best[r] : 0;
            bool inside = fabs(w - v) <= (q->spec.format->odd ? 1 : 0.5) * s;
            f->slope_s[run] += g * (inside ? v - w : v);
            f->slope[at] = inside ? g * (double)f->first[run] : 0;
        }
}

/* Scales from their logs, rounded as they are stored. */
static void store_scales(struct fit *f)
{
    for (size_t i = 0; i < f->runs; i++) {
        f->log_s[i] = fmax(f->log_s[i], log(least_share));
        haq_qweight_store_scale(f->q, f->e->first * f->q->groups + i,
                                f->first[i] * (float)exp(f->log_s[i]));
    }
}

static void descend(struct fit *f, bool scales)
{
    struct haq_adam weight = {
        .m = f->moment[0], .v = f->moment[1], .n = f->e->rows * f->e->k};
    struct haq_adam scale = {
        .m = f->moment[2], .v = f->moment[3], .n = f->runs};
    for (int step = 0; step < STEPS; step++) {
        double left = 0.5 * (1 + cos(M_PI * step / STEPS));
        look(f);
        keep_best(f);
        through_rounding(f);
        weight.rate = rate_weight * left;
        scale.rate = rate_scale * left;
        haq_adam_step(&weight, f->w, f->slope);
        if (scales) {
            haq_adam_step(&scale, f->log_s, f->slope_s);
            store_scales(f);
        }
    }
    look(f);
    keep_best(f);
    memcpy(scales_of(f), f->kept, f->runs * sizeof *f->kept);
}

static haq_status fit_part(struct haq_method_layer *l, size_t part,
                           struct haq_diag *d)
{
    struct haq_quadratic e;
    struct haq_qweight *q = l->q;
    bool grouped = q->spec.granularity == HAQ_PER_GROUP;
    /* The scale of a tensor is that of other rows, too; between two powers of
     * two there is nothing. */
    bool scales = q->spec.granularity != HAQ_PER_TENSOR && !q->spec.pow2;
    haq_status s = haq_quadratic_init(&e, l, part, d);
    if (s)
        return s;
    struct fit f = {.e = &e,
                    .q = q,
                    .blas = l->x->blas,
                    .len = grouped ? (size_t)q->spec.group : q->k + 1,
                    .runs = e.rows * q->groups};
    if (fit_alloc(&f)) {
        start(&f);
        descend(&f, scales);
    } else {
        s = haq_fail(d, HAQ_NOMEM, "layer %s", l->name);
    }
    fit_fini(&f);
    haq_quadratic_fini(&e);
    return s;
}

haq_status haq_method_adaquant(struct haq_method_layer *l, struct haq_diag *d)
{
    haq_status s = l->q->codes ? HAQ_OK : haq_qweight_round(l->q, l->w, d);
    for (size_t p = 0; !s && p < l->x->parts; p++)
        s = fit_part(l, p, d);
    return s;
}
