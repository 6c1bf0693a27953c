/* kernels/gemm_priv.h - what the rows of the gemm table share. */
#ifndef HAQ_KERNELS_GEMM_PRIV_H
#define HAQ_KERNELS_GEMM_PRIV_H

#include "kernels/gemm.h"

/* Every row so far has panels of 16 columns, so one packing serves every ISA
 * and a plan packed for one can be run by another of the same kind:
 *
 *   float, F32_S8   [segment][element][16]
 *   U8_S8           [segment][element / 4][16][4]
 */
enum {
    HAQ_GEMM_NR = 16,
    HAQ_GEMM_KR_FLOAT = 1,
    HAQ_GEMM_KR_INT = 4,
    HAQ_GEMM_MR_PACKED = 4, /* rows that share an unpacking in registers */
};

haq_gemm_pack_fn haq_gemm_pack_f32, haq_gemm_pack_f32_s8, haq_gemm_pack_u8_s8;

haq_gemm_fn haq_gemm_f32_avx2, haq_gemm_f32_avx512;
haq_gemm_fn haq_gemm_f32_s8_avx2, haq_gemm_f32_s8_avx512;
haq_gemm_fn haq_gemm_u8_s8_avx2, haq_gemm_u8_s8_avx512;
haq_gemm_fn haq_gemm_u8_s8_avx512vnni, haq_gemm_u8_s8_avx512amx;
haq_gemm_scratch_fn haq_gemm_u8_s8_avx512amx_scratch;
haq_gemm_fn haq_gemm_f32_neon, haq_gemm_f32_s8_neon, haq_gemm_u8_s8_neon;
haq_gemm_fn haq_gemm_u8_s8_dotprod, haq_gemm_u8_s8_i8mm;

/* Rows that read packed panels in registers, of 6 to 1 bits. */
#define HAQ_GEMM_PACKED(isa)                                                   \
    haq_gemm_w6_##isa, haq_gemm_w5_##isa, haq_gemm_w4_##isa,                   \
        haq_gemm_w3_##isa, haq_gemm_w2_##isa, haq_gemm_w1_##isa
haq_gemm_fn HAQ_GEMM_PACKED(u8_s8_avx512vnni);

#endif
