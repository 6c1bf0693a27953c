/* kernels/gemm_group_priv.h - packed weights of the gemm_group rows.
 *
 *     | header, 64 bytes | panel of 16 columns | panel | ... | zero points |
 *
 * A panel is one block per group, in order, and a block is
 *
 *     float scale[16]      0 for columns beyond n
 *     int32_t sum[16]      integer kind only: sum over the group of w - zw
 *     int8_t code[len / kr][16][kr]     len rounded up to kr, with zeros
 *
 * Zero points are int32 [panel][group][16], there only if the header says so
 * (their place is always reserved).
 */
#ifndef HAQ_KERNELS_GEMM_GROUP_PRIV_H
#define HAQ_KERNELS_GEMM_GROUP_PRIV_H

#include "kernels/gemm_group.h"

enum { HAQ_GROUP_NR = 16, HAQ_GROUP_HEADER = 64 };

struct haq_group_header {
    uint32_t has_zero;
};

/* Sizes that follow from the shape; kr is 4 for the integer kind, 1 else. */
struct haq_group_layout {
    size_t groups;
    size_t panels;
    size_t block; /* bytes of a whole group's block */
    size_t panel; /* bytes of a panel */
    size_t zeros; /* offset of the zero points */
};

struct haq_group_layout haq_group_layout(size_t n, size_t k, size_t group,
                                         size_t kr);

/* Bytes in front of the codes of a block. */
static inline size_t haq_group_head(size_t kr)
{
    return HAQ_GROUP_NR * (kr == 1 ? 4 : 8);
}

haq_gemm_group_bytes_fn haq_gemm_group_bytes_f32, haq_gemm_group_bytes_u8;
haq_gemm_group_pack_fn haq_gemm_group_pack_f32, haq_gemm_group_pack_u8;

haq_gemm_group_fn haq_gemm_group_f32_s8_avx512, haq_gemm_group_u8_s8_avx512vnni;

#endif
