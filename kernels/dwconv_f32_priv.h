/* kernels/dwconv_f32_priv.h - functions of the rows of the table. */
#ifndef HAQ_KERNELS_DWCONV_F32_PRIV_H
#define HAQ_KERNELS_DWCONV_F32_PRIV_H

#include "kernels/dwconv_f32.h"

/* Packed: for each vector of channels
 *
 *     mult | bias | tap 0 | tap 1 | ...      a vector of floats each
 */
enum { HAQ_DWF_MULT, HAQ_DWF_BIAS, HAQ_DWF_TAPS };

haq_dwconv_f32_fn haq_dwconv_f32_avx2, haq_dwconv_f32_avx512,
    haq_dwconv_f32_neon;

#endif
