#include "quant/method/quadratic.h"

#include <stdlib.h>
#include <string.h>

#include "quant/blas.h"

static const double damping = 0.01;

static void damp(double *h, size_t k)
{
    double mean = 0;
    for (size_t i = 0; i < k; i++)
        mean += h[i * k + i] / (double)k;
    for (size_t i = 0; i < k; i++) {
        double *at = &h[i * k + i];
        *at = *at > 0 ? *at + damping * mean : mean > 0 ? mean : 1;
    }
}

haq_status haq_spd_invert(const struct haq_blas *blas, double *h, size_t k,
                          const char *layer, struct haq_diag *d)
{
    int n = (int)k;
    if (blas->dpotrf(HAQ_BLAS_ROW_MAJOR, 'U', n, h, n) ||
        blas->dpotri(HAQ_BLAS_ROW_MAJOR, 'U', n, h, n))
        return haq_fail(d, HAQ_INVALID,
                        "layer %s: the moments of its inputs cannot be "
                        "inverted",
                        layer);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < i; j++)
            h[i * k + j] = h[j * k + i];
    return HAQ_OK;
}

/* T of one part: rows of l->target. */
static haq_status find_target(const struct haq_quadratic *e,
                              const struct haq_method_layer *l, size_t part,
                              struct haq_diag *d)
{
    size_t k = e->k, square = k * k, count = e->rows * k;
    int n = (int)k, rows = (int)e->rows;
    const double *qq = l->x->qq + part * square;
    for (size_t i = 0; i < count; i++)
        e->target[i] = (double)l->w[e->first * k + i];
    if (!l->x->fq)
        return HAQ_OK;
    double *w = malloc((count + 1) * sizeof *w);
    double *moved = malloc((count + 1) * sizeof *moved);
    double *diff = malloc((square + 1) * sizeof *diff);
    double *inverse = malloc((square + 1) * sizeof *inverse);
    haq_status s = w && moved && diff && inverse
                       ? HAQ_OK
                       : haq_fail(d, HAQ_NOMEM, "layer %s", l->name);
    if (s)
        goto done;
    memcpy(w, e->target, count * sizeof *w);
    for (size_t i = 0; i < square; i++)
        diff[i] = l->x->fq[part * square + i] - qq[i];
    memcpy(inverse, e->h, square * sizeof *inverse);
    s = haq_spd_invert(l->x->blas, inverse, k, l->name, d);
    if (s)
        goto done;
    l->x->blas->dgemm(HAQ_BLAS_ROW_MAJOR, HAQ_BLAS_PLAIN, HAQ_BLAS_PLAIN, rows,
                      n, n, 1, w, n, diff, n, 0, moved, n);
    l->x->blas->dgemm(HAQ_BLAS_ROW_MAJOR, HAQ_BLAS_PLAIN, HAQ_BLAS_PLAIN, rows,
                      n, n, 1, moved, n, inverse, n, 1, e->target, n);
done:
    free(w);
    free(moved);
    free(diff);
    free(inverse);
    return s;
}

haq_status haq_quadratic_init(struct haq_quadratic *e,
                              struct haq_method_layer *l, size_t part,
                              struct haq_diag *d)
{
    size_t k = l->q->k, rows = l->q->n / l->x->parts;
    haq_status s = HAQ_OK;
    *e = (struct haq_quadratic){.k = k, .first = part * rows, .rows = rows};
    e->h = malloc((k * k + 1) * sizeof *e->h);
    if (!l->target)
        l->target = malloc((l->q->n * k + 1) * sizeof *l->target);
    if (!e->h || !l->target) {
        haq_quadratic_fini(e);
        return haq_fail(d, HAQ_NOMEM, "layer %s", l->name);
    }
    memcpy(e->h, l->x->qq + part * k * k, k * k * sizeof *e->h);
    damp(e->h, k);
    e->target = l->target + e->first * k;
    if (part >= l->targets) {
        s = find_target(e, l, part, d);
        l->targets = part + 1;
    }
    if (s)
        haq_quadratic_fini(e);
    return s;
}

void haq_quadratic_fini(struct haq_quadratic *e)
{
    free(e->h);
    *e = (struct haq_quadratic){0};
}

void haq_quadratic_slope(const struct haq_quadratic *e,
                         const struct haq_blas *blas, double *diff,
                         double *slope, double *error)
{
    int k = (int)e->k, rows = (int)e->rows;
    for (size_t i = 0; i < e->rows * e->k; i++)
        diff[i] -= e->target[i];
    blas->dgemm(HAQ_BLAS_ROW_MAJOR, HAQ_BLAS_PLAIN, HAQ_BLAS_PLAIN, rows, k, k,
                1, diff, k, e->h, k, 0, slope, k);
    for (size_t r = 0; r < e->rows; r++) {
        error[r] = 0;
        for (size_t i = r * e->k; i < (r + 1) * e->k; i++)
            error[r] += diff[i] * slope[i];
    }
}
