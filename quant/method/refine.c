/* Codes and scales by descent on the error of the layer's output
 * (quadratic.h), from what stands there: rounded to nearest, or by GPTQ.
 *
 * Codes: one weight at a time moves to the code that leaves the least error,
 * given all others of its row, until none moves.  A row's error is quadratic,
 * so the best step of weight j is g_j / H_jj with g = (t - v) H.
 * Scales: with u = v / s, the scale of least error of a row is tHu' / uHu'.
 * Both never make the error larger; they take turns.  g is kept up to date with
 * every change: making it anew costs k^2, as much as all moves of a sweep.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quant/method/quadratic.h"

enum { TURNS = 4, SWEEPS = 20 };

/* No scale falls below this share of what it was: an int32 bias must fit. */
static const float least_share = 0.25F;

/* One output channel. */
struct row {
    struct haq_qweight *q;
    const struct haq_quadratic *e;
    size_t channel;
    const double *t; /* [k] */
    int8_t *code;    /* [k] */
    double *v, *g;   /* [k] what the codes are; (t - v) H */
    double *u, *hu;  /* [k] scratch */
};

static void take_values(struct row *r, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++)
        r->v[i] = haq_qweight_value(r->q, r->channel, i, r->code[i]);
}

/* to = x H */
static void times_h(double *to, const double *x, const struct haq_quadratic *e)
{
    size_t k = e->k;
    memset(to, 0, k * sizeof *to);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k && x[i] != 0; j++)
            to[j] += x[i] * e->h[i * k + j];
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void start(struct row *r)
{
    take_values(r, 0, r->e->k);
    for (size_t i = 0; i < r->e->k; i++)
        r->u[i] = r->t[i] - r->v[i];
    times_h(r->g, r->u, r->e);
}

/* Move weight j to its best code; false: it stands there. */
static bool move(struct row *r, size_t j)
{
    const double *h = r->e->h + j * r->e->k;
    double best = r->v[j] + r->g[j] / h[j];
    int8_t code = haq_qweight_code(r->q, r->channel, j, best);
    if (code == r->code[j])
        return false;
    double step = haq_qweight_value(r->q, r->channel, j, code) - r->v[j];
    /* Rounded scales and clamped codes: only what is less is taken. */
    if (!(2 * step * r->g[j] - step * step * h[j] > 0))
        return false;
    r->code[j] = code;
    r->v[j] += step;
    for (size_t i = 0; i < r->e->k; i++)
        r->g[i] -= step * h[i];
    return true;
}

/* false: nothing has moved. */
static bool descend(struct row *r)
{
    bool moved = true, any = false;
    for (int s = 0; s < SWEEPS && moved; s++) {
        moved = false;
        for (size_t j = 0; j < r->e->k; j++)
            moved |= move(r, j);
        any |= moved;
    }
    return any;
}

/* The best factor on the scale of weights from .. end of this row, others left
 * alone; 1 when it is none.  Leaves what they are in u, and u H in hu. */
static double best_factor(struct row *r, size_t from, size_t end)
{
    size_t k = r->e->k;
    memset(r->u, 0, k * sizeof *r->u);
    memcpy(r->u + from, r->v + from, (end - from) * sizeof *r->u);
    times_h(r->hu, r->u, r->e);
    double curve = dot(r->u, r->hu, k), slope = dot(r->g, r->u, k);
    double factor = curve > 0 ? 1 + slope / curve : 1;
    return isfinite(factor) && factor >= (double)least_share ? factor : 1;
}

static void fit_scales(struct row *r)
{
    struct haq_qweight *q = r->q;
    size_t k = q->k, len = q->spec.granularity == HAQ_PER_GROUP
                               ? (size_t)q->spec.group
                               : k;
    for (size_t g = 0; g < q->groups; g++) {
        size_t at = r->channel * q->groups + g, from = g * len,
               end = from + len < k ? from + len : k;
        double was = (double)q->scale[at];
        haq_qweight_store_scale(q, at,
                                (float)(was * best_factor(r, from, end)));
        double change = (double)q->scale[at] / was - 1; /* as stored */
        take_values(r, from, end);
        for (size_t i = 0; i < k; i++)
            r->g[i] -= change * r->hu[i];
    }
}

static void refine_row(struct row *r, bool scales)
{
    bool moved = true;
    start(r);
    descend(r);
    for (int turn = 0; scales && moved && turn < TURNS; turn++) {
        fit_scales(r);
        moved = descend(r);
    }
}

static haq_status refine_part(struct haq_method_layer *l, size_t part,
                              double *scratch, struct haq_diag *d)
{
    struct haq_quadratic e;
    struct haq_qweight *q = l->q;
    /* The scale of a tensor is that of other rows, too; between two powers of
     * two there is nothing. */
    bool scales = q->spec.granularity != HAQ_PER_TENSOR && !q->spec.pow2;
    haq_status s = haq_quadratic_init(&e, l, part, d);
    for (size_t i = 0; !s && i < e.rows; i++) {
        struct row r = {.q = q,
                        .e = &e,
                        .channel = e.first + i,
                        .t = e.target + i * e.k,
                        .code = q->codes + (e.first + i) * e.k,
                        .v = scratch,
                        .g = scratch + e.k,
                        .u = scratch + 2 * e.k,
                        .hu = scratch + 3 * e.k};
        refine_row(&r, scales);
    }
    if (!s)
        haq_quadratic_fini(&e);
    return s;
}

haq_status haq_method_refine(struct haq_method_layer *l, struct haq_diag *d)
{
    double *scratch = malloc((4 * l->q->k + 1) * sizeof *scratch);
    haq_status s =
        scratch ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "layer %s", l->name);
    if (!s && !l->q->codes)
        s = haq_qweight_round(l->q, l->w, d);
    for (size_t p = 0; !s && p < l->x->parts; p++)
        s = refine_part(l, p, scratch, d);
    free(scratch);
    return s;
}
