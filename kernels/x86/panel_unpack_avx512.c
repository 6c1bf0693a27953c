#include "kernels/panel_priv.h"
#include "kernels/x86/panel_vec_avx512.inc"

#define UNPACK haq_panel_unpack_avx512

static inline void store_b(char *p, vec_b x)
{
    _mm512_storeu_si512(p, x);
}

#include "kernels/panel_unpack.inc"
