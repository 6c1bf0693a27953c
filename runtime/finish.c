#include "runtime/finish.h"

#include <math.h>

static int32_t code_of(const struct haq_act_params *p, float real)
{
    float q = rintf(real / p->scale) + (float)p->zero;
    if (q < (float)p->qlo)
        return p->qlo;
    return q > (float)p->qhi ? p->qhi : (int32_t)q;
}

void haq_clamp_codes(const struct haq_act_params *p, struct haq_clamp clamp,
                     int32_t *qlo, int32_t *qhi)
{
    *qlo = code_of(p, clamp.lo);
    *qhi = code_of(p, clamp.hi);
}

static int64_t column_sum(const struct haq_finish_spec *s, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < s->k; i++)
        sum += s->codes[n * s->k + i];
    return sum;
}

/* The product of scales is a float32 number, as the scale of an ONNX bias. */
haq_status haq_finish_bias(const struct haq_finish_spec *s, size_t n,
                           int64_t *out, struct haq_diag *d)
{
    float scale = s->in->params.scale * s->scale[n];
    double q = s->bias ? rint((double)s->bias[n] / (double)scale) : 0;
    if (!(fabs(q) <= INT32_MAX))
        return haq_fail(d, HAQ_INVALID,
                        "layer %s: bias %g of channel %zu does not fit int32 "
                        "at scale %g",
                        s->name, (double)s->bias[n], n, (double)scale);
    *out = (int64_t)q;
    return HAQ_OK;
}

/* Zero points of the weights, or NULL when all are zero. */
static haq_status copy_zeros(struct haq_finish *f, struct haq_plan *p,
                             const struct haq_finish_spec *s,
                             struct haq_diag *d)
{
    bool any = false;
    for (size_t i = 0; s->zero && i < s->n; i++)
        any = any || s->zero[i];
    if (!any)
        return HAQ_OK;
    int32_t *zw = haq_arena_array(&p->arena, s->n, sizeof *zw);
    if (!zw)
        return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    for (size_t i = 0; i < s->n; i++)
        zw[i] = s->zero[i];
    f->args.zw = zw;
    return HAQ_OK;
}

static haq_status make_static(struct haq_finish *f, struct haq_plan *p,
                              const struct haq_finish_spec *s,
                              struct haq_diag *d)
{
    float *mult = haq_arena_array(&p->arena, s->n, sizeof *mult);
    int32_t *corr = haq_arena_array(&p->arena, s->n, sizeof *corr);
    const struct haq_act_params *x = &s->in->params, *y = &s->out->params;
    bool codes = s->out->kind == HAQ_FORM_CODES;
    if (!mult || !corr)
        return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    for (size_t i = 0; i < s->n; i++) {
        int64_t bias = 0, zw = s->zero ? s->zero[i] : 0;
        haq_status st = haq_finish_bias(s, i, &bias, d);
        if (st)
            return st;
        int64_t c =
            bias - x->zero * column_sum(s, i) + (int64_t)s->k * x->zero * zw;
        /* Sums wrap; what matters is that the end result fits. */
        corr[i] = (int32_t)(uint32_t)(uint64_t)c;
        mult[i] = x->scale * s->scale[i];
        if (codes)
            mult[i] /= y->scale;
    }
    f->args.mult = mult;
    f->args.corr = corr;
    f->first =
        haq_epilogue_select(codes ? HAQ_EPI_S32_U8 : HAQ_EPI_S32_F32, p->isa);
    return copy_zeros(f, p, s, d);
}

static haq_status make_rows(struct haq_finish *f, struct haq_plan *p,
                            const struct haq_finish_spec *s, struct haq_diag *d)
{
    int32_t *colsum = haq_arena_array(&p->arena, s->n, sizeof *colsum);
    f->args.mult = haq_arena_copy(&p->arena, s->scale, s->n * sizeof *s->scale);
    if (!colsum || !f->args.mult)
        return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    for (size_t i = 0; i < s->n; i++)
        colsum[i] = (int32_t)column_sum(s, i);
    f->args.colsum = colsum;
    f->args.bias = s->bias;
    f->first = haq_epilogue_select(HAQ_EPI_S32_F32_ROW, p->isa);
    return copy_zeros(f, p, s, d);
}

static haq_status make_float(struct haq_finish *f, struct haq_plan *p,
                             const struct haq_finish_spec *s,
                             struct haq_diag *d)
{
    bool codes = s->out->kind == HAQ_FORM_CODES;
    if (s->scale) {
        f->args.mult =
            haq_arena_copy(&p->arena, s->scale, s->n * sizeof *s->scale);
        if (!f->args.mult)
            return haq_fail(d, HAQ_NOMEM, "layer %s", s->name);
    }
    f->args.bias = s->bias;
    f->first =
        haq_epilogue_select(codes ? HAQ_EPI_F32_U8 : HAQ_EPI_F32_F32, p->isa);
    return HAQ_OK;
}

static void set_output(struct haq_epilogue_args *a,
                       const struct haq_finish_spec *s, struct haq_clamp clamp)
{
    const struct haq_act_params *y = &s->out->params;
    a->lo = clamp.lo;
    a->hi = clamp.hi;
    if (s->out->kind != HAQ_FORM_CODES)
        return;
    a->scale = y->scale;
    a->zero = y->zero;
    haq_clamp_codes(y, clamp, &a->qlo, &a->qhi);
}

haq_status haq_finish_make(struct haq_finish *f, struct haq_plan *p,
                           const struct haq_finish_spec *s, struct haq_diag *d)
{
    static const struct haq_clamp none = {-INFINITY, INFINITY};
    bool codes = s->out->kind == HAQ_FORM_CODES;

    *f = (struct haq_finish){.out_elem = codes ? 1 : sizeof(float)};
    f->args.k = (int32_t)s->k;
    set_output(&f->args, s, s->clamp);
    if (s->in->kind == HAQ_FORM_CODES)
        return make_static(f, p, s, d);
    if (s->in->kind != HAQ_FORM_ROWS)
        return make_float(f, p, s, d);
    if (codes) {
        f->second = haq_epilogue_select(HAQ_EPI_F32_U8, p->isa);
        set_output(&f->args2, s, none);
    }
    return make_rows(f, p, s, d);
}

void haq_finish_run(const struct haq_finish *f, const struct haq_finish_tile *t)
{
    struct haq_epilogue_args a;
    haq_finish_args(&a, f, t);
    f->first->run(&a);
    if (!f->second)
        return;
    struct haq_epilogue_args b = f->args2;
    b.acc = t->tmp;
    b.lda = t->lda;
    b.rows = t->rows;
    b.cols = t->cols;
    b.y = t->y + t->col * f->out_elem;
    b.ldy = t->ldy;
    f->second->run(&b);
}
