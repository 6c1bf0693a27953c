#include "kernels/arm/panel_vec_neon.inc"
#include "kernels/panel_priv.h"

#define UNPACK haq_panel_unpack_neon

static inline void store_b(char *p, vec_b x)
{
    vst1q_u8((uint8_t *)p, x);
}

#include "kernels/panel_unpack.inc"
