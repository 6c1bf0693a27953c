/* runtime/finish.h - from a layer's accumulators to its stored output: the
 * epilogues of kernels/epilogue.h with their vectors made once per plan.
 */
#ifndef HAQ_RUNTIME_FINISH_H
#define HAQ_RUNTIME_FINISH_H

#include "kernels/epilogue.h"
#include "runtime/plan_priv.h"

struct haq_finish_spec {
    const char *name;           /* of the node, for errors */
    const struct haq_form *in;  /* PLAIN, CODES or ROWS */
    const struct haq_form *out; /* PLAIN or CODES */
    size_t n, k;                /* columns, reduction length */
    const float *scale;         /* [n] of the weights; NULL = 1 */
    const int8_t *codes, *zero; /* [n][k], [n] or NULL; integer inputs only */
    const float *bias;          /* [n] or NULL */
    struct haq_clamp clamp;
};

struct haq_finish {
    const struct haq_epilogue_impl *first;
    const struct haq_epilogue_impl *second; /* float -> codes, or NULL */
    struct haq_epilogue_args args;          /* what all tiles share */
    struct haq_epilogue_args args2;
    size_t out_elem; /* bytes of an output element */
};

/* A tile of accumulators and where it goes. */
struct haq_finish_tile {
    void *acc;  /* [rows][lda] */
    float *tmp; /* as large; used when there is a second epilogue */
    size_t lda, rows;
    size_t col, cols; /* columns col .. col + cols - 1 of the layer */
    char *y;          /* of the tile's first row and the layer's column 0 */
    size_t ldy;       /* elements */
    const int32_t *rowsum, *row_zero;
    const float *row_scale;
    const int32_t *corr; /* in place of the layer's; NULL: the layer's */
};

/* HAQ_INVALID: a bias that does not fit int32, named. */
haq_status haq_finish_make(struct haq_finish *f, struct haq_plan *p,
                           const struct haq_finish_spec *spec,
                           struct haq_diag *d);

/* Does it need the sums of the rows of A? */
static inline bool haq_finish_needs_rowsum(const struct haq_finish *f)
{
    return f->args.zw;
}

void haq_finish_run(const struct haq_finish *f,
                    const struct haq_finish_tile *t);

/* The first epilogue's arguments for a tile, for kernels that do it themselves.
 * Inline, and not by value: small layers have many tiles, and a structure that
 * is copied just after its members were written stalls on every copy. */
static inline void haq_finish_args(struct haq_epilogue_args *a,
                                   const struct haq_finish *f,
                                   const struct haq_finish_tile *t)
{
    const struct haq_epilogue_args *all = &f->args;
    *a = *all;
    a->acc = t->acc;
    a->lda = t->lda;
    a->rows = t->rows;
    a->cols = t->cols;
    a->y = f->second ? (void *)t->tmp : t->y + t->col * f->out_elem;
    a->ldy = f->second ? t->lda : t->ldy;
    a->mult = all->mult ? all->mult + t->col : NULL;
    const int32_t *corr = t->corr ? t->corr : all->corr;
    a->corr = corr ? corr + t->col : NULL;
    a->bias = all->bias ? all->bias + t->col : NULL;
    a->colsum = all->colsum ? all->colsum + t->col : NULL;
    a->zw = all->zw ? all->zw + t->col : NULL;
    a->rowsum = t->rowsum;
    a->row_scale = t->row_scale;
    a->row_zero = t->row_zero;
}

/* Column n's bias as int32 at the product of scales (name, in->params.scale,
 * scale and bias of the spec are read).  HAQ_INVALID: it does not fit. */
haq_status haq_finish_bias(const struct haq_finish_spec *s, size_t n,
                           int64_t *out, struct haq_diag *d);

/* Smallest and largest code after the clamp, in the form's container. */
void haq_clamp_codes(const struct haq_act_params *p, struct haq_clamp clamp,
                     int32_t *qlo, int32_t *qhi);

#endif
