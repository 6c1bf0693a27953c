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
 * and sa = 1.  Integer rows are bit exact with the scalar row.
 *
 * Weights stay as small in memory as their codes allow.  A panel of 16 columns
 * is a head for each group, then the codes as a stream of blocks of 512
 * (kernels/panel.h), a block or more a group:
 *
 *     | scale[16] sum[16] zero[16] | ... one a group | codes, group by group |
 *
 * Rows of the table read 8-bit codes, or packed ones directly when A has few
 * rows (packed_mr); otherwise the caller unpacks panels as they are needed.
 */
#ifndef HAQ_KERNELS_GEMM_GROUP_H
#define HAQ_KERNELS_GEMM_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/gemm.h" /* haq_gemm_kind */
#include "kernels/panel.h"

enum { HAQ_GROUP_NR = 16 }; /* columns of a panel */

/* What the packed weights of a matrix look like. */
struct haq_group_layout {
    enum haq_gemm_kind kind; /* HAQ_GEMM_F32_S8 or HAQ_GEMM_U8_S8 */
    size_t n, k;
    size_t group;       /* elements; a multiple of 16, the last may be short */
    size_t groups;      /* of a row */
    size_t panels;      /* of 16 columns, the last filled up with zeros */
    int bits;           /* of a code; below 8 only in groups of 32, 64, ... */
    int scale_bytes;    /* 2: all scales are fp16 numbers; 4: float */
    int sum_bytes;      /* 1, 2, 4: of sum (w - zw); 0 in the float kind */
    bool zeros;         /* int8 zero points follow */
    size_t head_bytes;  /* of a group's head */
    size_t codes_at;    /* from a panel's start */
    size_t panel_bytes; /* a multiple of 64 */
    size_t wide_bytes;  /* of a panel's codes as int8, likewise */
};

/* codes [n][k], scale [n][groups], zero [n][groups] or NULL: all of them decide
 * how few bits will do. */
void haq_group_layout_make(struct haq_group_layout *l, enum haq_gemm_kind kind,
                           const int8_t *codes, const float *scale,
                           const int8_t *zero, size_t n, size_t k,
                           size_t group);

static inline size_t haq_group_bytes(const struct haq_group_layout *l)
{
    return l->panels * l->panel_bytes;
}

/* dst: haq_group_bytes bytes at a multiple of 64; the rest as above. */
void haq_group_pack(const struct haq_group_layout *l, void *dst,
                    const int8_t *codes, const float *scale,
                    const int8_t *zero);

/* Codes of panels panel .. panel + panels - 1 of the packed weights w, as
 * [panels][wide_bytes] int8 at a multiple of 64, with HAQ_PANEL_CODES bytes of
 * room behind; code << shift as always. */
void haq_group_unpack(const struct haq_group_layout *l, int8_t *dst,
                      const void *w, size_t panel, size_t panels,
                      haq_panel_unpack_fn *unpack);

struct haq_gemm_group_args {
    const struct haq_group_layout *layout;
    const void *const *a; /* [rows] each [k]; U8: readable to a multiple of 4 */
    const float *sa;   /* [rows] activation scales; NULL for the float kind */
    const int32_t *za; /* [rows] activation zero points; NULL likewise */
    size_t rows;       /* 1 .. row->mr, or row->packed_mr */
    const void *w;     /* packed */
    size_t panel, panels; /* those to compute */
    const int8_t *wide; /* their codes unpacked; NULL: they have 8 bits, or the
                           row reads packed ones */
    const float *bias;  /* [layout->panels * 16] or NULL */
    float *y;         /* [rows][ldy] out, from the first of those columns on */
    size_t ldy;       /* >= panels * 16; all of these are written */
    int32_t *scratch; /* [rows][groups], when layout->zeros; else NULL */
};

typedef void haq_gemm_group_fn(const struct haq_gemm_group_args *a);

struct haq_gemm_group_impl {
    const char *name;
    enum haq_gemm_kind kind;
    unsigned isa;
    size_t mr;
    size_t packed_mr; /* most rows with packed codes of fewer bits; 0: none */
    float bound;      /* as in gemm.h */
    haq_gemm_group_fn *run;
};

const struct haq_gemm_group_impl *haq_gemm_group_impls(size_t *count);
/* Last row that fits; never NULL. */
const struct haq_gemm_group_impl *haq_gemm_group_select(enum haq_gemm_kind kind,
                                                        unsigned isa);

#endif
