/* The instruction wants both factors of one sign: codes enter as code - 128,
 * which packing made good (haq_dw_layout.offset). */
#include "kernels/unroll.h"

#define ISA(name) haq_dwconv_rows_##name##_dotprod
enum { QUAD_PARTS = 1 };

#include "kernels/arm/dwconv_rows_128.inc"

typedef int8x16_t quads;

HAQ_INLINE quads make_quads(ivec v)
{
    return vreinterpretq_s8_u8(veorq_u8(v, vdupq_n_u8(0x80)));
}

HAQ_INLINE quads load_quads(const char *p)
{
    return vld1q_s8((const int8_t *)p);
}

HAQ_INLINE void store_quads(char *p, quads q)
{
    vst1q_s8((int8_t *)p, q);
}

HAQ_INLINE ivec dot(ivec acc, quads q, quads w)
{
    return FROM32(vdotq_s32(AS32(acc), q, w));
}

#include "kernels/dwconv_rows.inc"
