#include "kernels/panel_priv.h"
#include "kernels/x86/panel_vec_avx2.inc"

#define UNPACK haq_panel_unpack_avx2

static inline void store_b(char *p, vec_b x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}

#include "kernels/panel_unpack.inc"
