/* kernels/gemm_group.h - products with one weight scale per group of K.
 *
 * Groups run over the reduction row in the model's own order, so A rows are
 * plain: K contiguous elements in that order (the runtime gathers them for
 * convolutions).  Contract (architecture, "Numerics"), integer kind:
 *
 *     acc_g = sum over k in g of (a[k] - za) * (w[n][k] - zw[n][g])   exact
 *     y = bias[n];  for g ascending: y = fmaf((float)acc_g, sa * sw[n][g], y)
 *
 * float kind: the same with acc_g = sum of a[k] * (w[n][k] - zw[n][g]) in float
 * and sa = 1.  sw holds fp16 values widened to float.  Integer rows are bit
 * exact with the scalar row.
 */
#ifndef HAQ_KERNELS_GEMM_GROUP_H
#define HAQ_KERNELS_GEMM_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/gemm.h" /* haq_gemm_kind */

struct haq_gemm_group_args {
    const void *const *a; /* [rows] each [k]; U8: readable to a multiple of 4 */
    const float *sa;   /* [rows] activation scales; NULL for the float kind */
    const int32_t *za; /* [rows] activation zero points; NULL likewise */
    size_t rows;       /* 1 .. row->mr */
    size_t k;          /* reduction length, >= 1 */
    size_t group;      /* elements of a group, multiple of 16; last short */
    const void *w;     /* packed by row->pack: codes, scales, zero points */
    size_t n;          /* columns (multiple of nr not required) */
    const float *bias; /* [n] or NULL */
    float *y;          /* [rows][ldy] out, n columns written */
    size_t ldy;
};

/* codes [n][k], scale [n][groups], zero [n][groups] or NULL. */
typedef void haq_gemm_group_pack_fn(void *dst, const int8_t *codes,
                                    const float *scale, const int8_t *zero,
                                    size_t n, size_t k, size_t group);
typedef size_t haq_gemm_group_bytes_fn(size_t n, size_t k, size_t group);
typedef void haq_gemm_group_fn(const struct haq_gemm_group_args *a);

struct haq_gemm_group_impl {
    const char *name;
    enum haq_gemm_kind kind; /* HAQ_GEMM_F32_S8 or HAQ_GEMM_U8_S8 */
    unsigned isa;
    bool zero_points; /* accepts zero != NULL in pack */
    size_t mr;
    float bound; /* as in gemm.h */
    haq_gemm_group_bytes_fn *bytes;
    haq_gemm_group_pack_fn *pack;
    haq_gemm_group_fn *run;
};

const struct haq_gemm_group_impl *haq_gemm_group_impls(size_t *count);
/* Last row that fits; never NULL (the scalar rows accept zero points). */
const struct haq_gemm_group_impl *
haq_gemm_group_select(enum haq_gemm_kind kind, bool zero_points, unsigned isa);

#endif
