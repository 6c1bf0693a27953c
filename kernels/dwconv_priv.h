/* kernels/dwconv_priv.h - functions of the rows of the dwconv table. */
#ifndef HAQ_KERNELS_DWCONV_PRIV_H
#define HAQ_KERNELS_DWCONV_PRIV_H

#include "kernels/dwconv.h"

haq_dwconv_fn haq_dwconv_u8_s8_avx2, haq_dwconv_u8_s8_avx512,
    haq_dwconv_u8_s8_neon;

#endif
