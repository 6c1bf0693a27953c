/* Quads are two pairs of 16-bit numbers; products of pairs are added. */
#include "kernels/unroll.h"

#define ISA(name) haq_dwconv_rows_##name##_neon
enum { QUAD_PARTS = 2 };

#include "kernels/arm/dwconv_rows_128.inc"

typedef struct {
    int16x8_t even, odd;
} quads;

HAQ_INLINE quads make_quads(ivec v)
{
    uint16x8_t pairs = vreinterpretq_u16_u8(v);
    return (quads){vreinterpretq_s16_u16(vandq_u16(pairs, vdupq_n_u16(255))),
                   vreinterpretq_s16_u16(vshrq_n_u16(pairs, 8))};
}

HAQ_INLINE quads load_quads(const char *p)
{
    return (quads){AS16(load(p)), AS16(load(p + 16))};
}

HAQ_INLINE void store_quads(char *p, quads q)
{
    vst1q_u8((uint8_t *)p, FROM16(q.even));
    vst1q_u8((uint8_t *)p + 16, FROM16(q.odd));
}

HAQ_INLINE ivec dot(ivec acc, quads q, quads w)
{
    int32x4_t low = vmull_s16(vget_low_s16(q.even), vget_low_s16(w.even));
    int32x4_t high = vmull_high_s16(q.even, w.even);
    low = vmlal_s16(low, vget_low_s16(q.odd), vget_low_s16(w.odd));
    high = vmlal_high_s16(high, q.odd, w.odd);
    return FROM32(vaddq_s32(AS32(acc), vpaddq_s32(low, high)));
}

#include "kernels/dwconv_rows.inc"
