/* Codes and weights meet as they are: one is unsigned, the other signed. */
#include "kernels/unroll.h"

#define ISA(name) haq_dwconv_rows_##name##_i8mm
enum { QUAD_PARTS = 1 };

#include "kernels/arm/dwconv_rows_128.inc"

typedef uint8x16_t quads;

HAQ_INLINE quads make_quads(ivec v)
{
    return v;
}

HAQ_INLINE quads load_quads(const char *p)
{
    return load(p);
}

HAQ_INLINE void store_quads(char *p, quads q)
{
    vst1q_u8((uint8_t *)p, q);
}

HAQ_INLINE ivec dot(ivec acc, quads q, quads w)
{
    return FROM32(vusdotq_s32(AS32(acc), q, vreinterpretq_s8_u8(w)));
}

#include "kernels/dwconv_rows.inc"
