/* GPTQ (Frantar et al. 2023, arXiv 2210.17323; fact sheet 4.8): weights become
 * codes one input after the other, and the error that one leaves is made up for
 * by those that are still real numbers:
 *
 *     U upper triangular, U'U = H^-1;  e = (w_i - v_i) / U_ii
 *     w_j -= e U_ij for all j > i
 *
 * Inputs with the largest moments go first (act-order) while all others can
 * still make up for them.  Scales stand beforehand, so groups keep their order
 * (static groups).
 */
#include <stdlib.h>
#include <string.h>

#include "quant/blas.h"
#include "quant/method/quadratic.h"

struct order {
    size_t *input;   /* [k] inputs, the most important first */
    double *u;       /* [k][k] in that order */
    double *row;     /* [k] one output channel, in that order */
    double *moments; /* [k] */
};

static void order_fini(struct order *o)
{
    free(o->input);
    free(o->u);
    free(o->row);
    free(o->moments);
}

static int by_moment(const void *a, const void *b, void *arg)
{
    const double *moment = arg;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    if (moment[i] != moment[j])
        return moment[i] > moment[j] ? -1 : 1;
    return (i > j) - (i < j);
}

static haq_status order_init(struct order *o, const struct haq_blas *blas,
                             const struct haq_quadratic *e, const char *layer,
                             struct haq_diag *d)
{
    size_t k = e->k;
    int n = (int)k;
    *o = (struct order){.input = malloc((k + 1) * sizeof *o->input),
                        .u = malloc((k * k + 1) * sizeof *o->u),
                        .row = malloc((k + 1) * sizeof *o->row),
                        .moments = malloc((k + 1) * sizeof *o->moments)};
    if (!o->input || !o->u || !o->row || !o->moments)
        return haq_fail(d, HAQ_NOMEM, "layer %s", layer);
    for (size_t i = 0; i < k; i++) {
        o->input[i] = i;
        o->moments[i] = e->h[i * k + i];
    }
    qsort_r(o->input, k, sizeof *o->input, by_moment, o->moments);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            o->u[i * k + j] = e->h[o->input[i] * k + o->input[j]];
    haq_status s = haq_spd_invert(blas, o->u, k, layer, d);
    if (s)
        return s;
    if (blas->dpotrf(HAQ_BLAS_ROW_MAJOR, 'U', n, o->u, n))
        return haq_fail(d, HAQ_INVALID,
                        "layer %s: the moments of its inputs cannot be "
                        "inverted",
                        layer);
    return HAQ_OK;
}

static void code_row(struct haq_qweight *q, const struct haq_quadratic *e,
                     const struct order *o, size_t row)
{
    size_t k = e->k, channel = e->first + row;
    for (size_t i = 0; i < k; i++)
        o->row[i] = e->target[row * k + o->input[i]];
    for (size_t i = 0; i < k; i++) {
        const double *u = o->u + i * k;
        size_t col = o->input[i];
        int8_t code = haq_qweight_code(q, channel, col, o->row[i]);
        double left = o->row[i] - haq_qweight_value(q, channel, col, code);
        double share = left / u[i];
        q->codes[channel * k + col] = code;
        for (size_t j = i + 1; j < k; j++)
            o->row[j] -= share * u[j];
    }
}

static haq_status code_part(struct haq_method_layer *l, size_t part,
                            struct haq_diag *d)
{
    struct haq_quadratic e;
    struct order o = {0};
    haq_status s = haq_quadratic_init(&e, l, part, d);
    if (s)
        return s;
    s = order_init(&o, l->x->blas, &e, l->name, d);
    for (size_t r = 0; !s && r < e.rows; r++)
        code_row(l->q, &e, &o, r);
    order_fini(&o);
    haq_quadratic_fini(&e);
    return s;
}

haq_status haq_method_gptq(struct haq_method_layer *l, struct haq_diag *d)
{
    haq_status s = haq_qweight_round(l->q, l->w, d); /* makes the codes */
    for (size_t p = 0; !s && p < l->x->parts; p++)
        s = code_part(l, p, d);
    return s;
}
