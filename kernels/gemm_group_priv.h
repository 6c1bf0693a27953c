/* kernels/gemm_group_priv.h - rows of the gemm_group table, and where things
 * are in a head. */
#ifndef HAQ_KERNELS_GEMM_GROUP_PRIV_H
#define HAQ_KERNELS_GEMM_GROUP_PRIV_H

#include "kernels/gemm_group.h"

enum { HAQ_GROUP_KR_INT = 4, HAQ_GROUP_KR_FLOAT = 1 };

static inline size_t haq_group_kr(const struct haq_group_layout *l)
{
    return l->kind == HAQ_GEMM_U8_S8 ? HAQ_GROUP_KR_INT : HAQ_GROUP_KR_FLOAT;
}

static inline size_t haq_group_sum_at(const struct haq_group_layout *l)
{
    return HAQ_GROUP_NR * (size_t)l->scale_bytes;
}

static inline size_t haq_group_zero_at(const struct haq_group_layout *l)
{
    return HAQ_GROUP_NR * (size_t)(l->scale_bytes + l->sum_bytes);
}

/* The stream of a group's codes, `bits` wide, in bytes; len elements. */
size_t haq_group_code_bytes(const struct haq_group_layout *l, size_t len,
                            int bits);

haq_gemm_group_fn haq_gemm_group_f32_s8_avx2, haq_gemm_group_f32_s8_avx512;
haq_gemm_group_fn haq_gemm_group_u8_s8_avx2, haq_gemm_group_u8_s8_avx512,
    haq_gemm_group_u8_s8_avx512vnni;
haq_gemm_group_fn haq_gemm_group_f32_s8_neon, haq_gemm_group_u8_s8_neon,
    haq_gemm_group_u8_s8_i8mm;

#endif
