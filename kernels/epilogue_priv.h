/* kernels/epilogue_priv.h - functions of the rows of the epilogue table. */
#ifndef HAQ_KERNELS_EPILOGUE_PRIV_H
#define HAQ_KERNELS_EPILOGUE_PRIV_H

#include "kernels/epilogue.h"

haq_epilogue_fn haq_epilogue_s32_u8_ref, haq_epilogue_s32_f32_ref,
    haq_epilogue_s32_f32_row_ref, haq_epilogue_f32_f32_ref,
    haq_epilogue_f32_u8_ref;
haq_epilogue_fn haq_epilogue_s32_u8_avx2, haq_epilogue_s32_f32_avx2,
    haq_epilogue_s32_f32_row_avx2, haq_epilogue_f32_f32_avx2,
    haq_epilogue_f32_u8_avx2;
haq_epilogue_fn haq_epilogue_s32_u8_avx512, haq_epilogue_s32_f32_avx512,
    haq_epilogue_s32_f32_row_avx512, haq_epilogue_f32_f32_avx512,
    haq_epilogue_f32_u8_avx512;
haq_epilogue_fn haq_epilogue_s32_u8_neon, haq_epilogue_s32_f32_neon,
    haq_epilogue_s32_f32_row_neon, haq_epilogue_f32_f32_neon,
    haq_epilogue_f32_u8_neon;

#endif
