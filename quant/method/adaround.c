/* AdaRound (Nagel et al. 2020, arXiv 2004.10568; fact sheet 4.4): which weights
 * are rounded up and which down, learned by descent.
 *
 * Every weight lies between two neighbouring codes, the one that stands there
 * (the nearest, or what gptq chose) and the next one on the side of its target.
 * It is a soft mixture of both while Adam makes
 *
 *     E |T q - V q|^2 / least + lambda sum (1 - |2 h(p) - 1|^beta)
 *
 * small; h(p) = clamp(1.2 sigmoid(p) - 0.1, 0, 1) is the share of the upper
 * code.  The second term pushes shares to 0 or 1, not at all at first and
 * harder as beta falls from 20 to 2.  The paper sees the error in batches of
 * inputs, this one through the moments of all of them (quadratic.h): every step
 * has the exact slope, and hundreds of steps do.  `least` brings the error of a
 * row to one per weight at the beginning, so that lambda means the same in all
 * layers. A row keeps the codes it had where the new ones have more error.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant/method/adam.h"
#include "quant/method/quadratic.h"

enum { STEPS = 500, WARM = 100 };
static const double high = 1.1, low = -0.1, lambda = 20, rate = 0.03;
static const double beta_first = 20, beta_last = 2;
static const double least_share = 0.01; /* h at first lies in this..1 - this */

/* One part of a layer; arrays are [rows][k] but `error` and `start`. */
struct soft {
    struct haq_quadratic *e;
    struct haq_qweight *q;
    const struct haq_blas *blas;
    int8_t *below;         /* lower code */
    double *base, *step;   /* its value; to the upper one's, 0: no choice */
    double *p, *h, *slope; /* h is first the share, then the difference */
    double *diff, *m, *v;
    double *error, *start; /* [rows] */
};

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double share_of(double p)
{
    return fmin(fmax(sigmoid(p) * (high - low) + low, 0), 1);
}

static bool soft_alloc(struct soft *s, size_t rows, size_t k)
{
    size_t n = rows * k + 1;
    double **array[] = {&s->base,  &s->step, &s->p, &s->h,
                        &s->slope, &s->diff, &s->m, &s->v};
    bool ok = true;
    for (size_t i = 0; i < sizeof array / sizeof *array; i++) {
        *array[i] = calloc(n, sizeof(double));
        ok = ok && *array[i];
    }
    s->below = calloc(n, sizeof *s->below);
    s->error = calloc(rows + 1, sizeof *s->error);
    s->start = calloc(rows + 1, sizeof *s->start);
    return ok && s->below && s->error && s->start;
}

static void soft_fini(struct soft *s)
{
    double *array[] = {s->base, s->step, s->p, s->h,     s->slope,
                       s->diff, s->m,    s->v, s->error, s->start};
    for (size_t i = 0; i < sizeof array / sizeof *array; i++)
        free(array[i]);
    free(s->below);
}

/* The two codes of one weight and its share of the upper one. */
static void place(struct soft *s, size_t row, size_t col)
{
    struct haq_qweight *q = s->q;
    size_t i = row * s->e->k + col, channel = s->e->first + row;
    int code = q->codes[channel * q->k + col];
    int apart = q->spec.format->odd ? 2 : 1;
    double t = s->e->target[i], here = haq_qweight_value(q, channel, col, code);
    int other = code + (t < here ? -apart : apart);
    s->below[i] = (int8_t)(other < code ? other : code);
    s->base[i] = here;
    s->step[i] = 0;
    if (!haq_qweight_is_code(&q->spec, other)) {
        s->below[i] = (int8_t)code;
        return;
    }
    double there = haq_qweight_value(q, channel, col, other);
    s->base[i] = fmin(here, there);
    s->step[i] = fabs(there - here);
    double share = (t - s->base[i]) / s->step[i];
    share = fmin(fmax(share, least_share), 1 - least_share);
    s->p[i] = -log((high - low) / (share - low) - 1);
}

static void take_codes(const struct soft *s, double *to)
{
    const struct haq_qweight *q = s->q;
    for (size_t r = 0; r < s->e->rows; r++)
        for (size_t i = 0; i < s->e->k; i++) {
            size_t channel = s->e->first + r;
            to[r * s->e->k + i] =
                haq_qweight_value(q, channel, i, q->codes[channel * q->k + i]);
        }
}

static double beta_at(int step)
{
    double rel = (double)(step - WARM) / (STEPS - WARM);
    return beta_last + 0.5 * (beta_first - beta_last) * (1 + cos(M_PI * rel));
}

/* The slope in p from that in the weights. */
static void through_shares(struct soft *s, int step)
{
    double beta = step < WARM ? 0 : beta_at(step), k = (double)s->e->k;
    for (size_t r = 0; r < s->e->rows; r++) {
        double per = s->start[r] > 0 ? 2 * k / s->start[r] : 0;
        for (size_t i = r * s->e->k; i < (r + 1) * s->e->k; i++) {
            double sig = sigmoid(s->p[i]), far = 2 * s->h[i] - 1;
            double by_h = per * s->slope[i] * s->step[i];
            if (beta > 0)
                by_h -=
                    copysign(lambda * 2 * beta * pow(fabs(far), beta - 1), far);
            bool inside = s->step[i] > 0 && s->h[i] > 0 && s->h[i] < 1;
            s->slope[i] = inside ? by_h * (high - low) * sig * (1 - sig) : 0;
        }
    }
}

static void descend(struct soft *s)
{
    size_t n = s->e->rows * s->e->k;
    struct haq_adam adam = {.m = s->m, .v = s->v, .n = n, .rate = rate};
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < n; i++) {
            s->h[i] = share_of(s->p[i]);
            s->diff[i] = s->base[i] + s->h[i] * s->step[i];
        }
        haq_quadratic_slope(s->e, s->blas, s->diff, s->slope, s->error);
        through_shares(s, step);
        haq_adam_step(&adam, s->p, s->slope);
    }
}

/* Shares of a half and more go up; rows that were better keep their codes. */
static void decide(struct soft *s)
{
    struct haq_qweight *q = s->q;
    size_t k = s->e->k, n = s->e->rows * k;
    int apart = q->spec.format->odd ? 2 : 1;
    for (size_t i = 0; i < n; i++) {
        s->h[i] = share_of(s->p[i]) >= 0.5 && s->step[i] > 0;
        s->diff[i] = s->base[i] + s->h[i] * s->step[i];
    }
    haq_quadratic_slope(s->e, s->blas, s->diff, s->slope, s->error);
    for (size_t r = 0; r < s->e->rows; r++)
        for (size_t i = 0; i < k && s->error[r] < s->start[r]; i++) {
            size_t at = r * k + i;
            q->codes[(s->e->first + r) * k + i] =
                (int8_t)(s->below[at] + (s->h[at] > 0 ? apart : 0));
        }
}

static haq_status round_part(struct haq_method_layer *l, size_t part,
                             struct haq_diag *d)
{
    struct haq_quadratic e;
    haq_status status = haq_quadratic_init(&e, l, part, d);
    if (status)
        return status;
    struct soft s = {.e = &e, .q = l->q, .blas = l->x->blas};
    if (soft_alloc(&s, e.rows, e.k)) {
        for (size_t i = 0; i < e.rows * e.k; i++)
            place(&s, i / e.k, i % e.k);
        take_codes(&s, s.diff);
        haq_quadratic_slope(&e, s.blas, s.diff, s.slope, s.start);
        descend(&s);
        decide(&s);
    } else {
        status = haq_fail(d, HAQ_NOMEM, "layer %s", l->name);
    }
    soft_fini(&s);
    haq_quadratic_fini(&e);
    return status;
}

haq_status haq_method_adaround(struct haq_method_layer *l, struct haq_diag *d)
{
    haq_status s = l->q->codes ? HAQ_OK : haq_qweight_round(l->q, l->w, d);
    for (size_t p = 0; !s && p < l->x->parts; p++)
        s = round_part(l, p, d);
    return s;
}
