/* kernels/pool_priv.h - functions of the sets of the pool table. */
#ifndef HAQ_KERNELS_POOL_PRIV_H
#define HAQ_KERNELS_POOL_PRIV_H

#include "kernels/pool.h"

haq_pool_kernel_fn haq_pool_max_f32_ref, haq_pool_max_u8_ref,
    haq_pool_avg_f32_ref, haq_pool_avg_u8_ref, haq_pool_avg_u8_f32_ref;
haq_pool_kernel_fn haq_pool_max_f32_avx2, haq_pool_max_u8_avx2,
    haq_pool_avg_f32_avx2, haq_pool_avg_u8_avx2, haq_pool_avg_u8_f32_avx2;
haq_pool_kernel_fn haq_pool_max_f32_avx512, haq_pool_max_u8_avx512,
    haq_pool_avg_f32_avx512, haq_pool_avg_u8_avx512, haq_pool_avg_u8_f32_avx512;
haq_pool_kernel_fn haq_pool_max_f32_neon, haq_pool_max_u8_neon,
    haq_pool_avg_f32_neon, haq_pool_avg_u8_neon, haq_pool_avg_u8_f32_neon;

#endif
