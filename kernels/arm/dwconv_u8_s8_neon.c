/* Codes are widened to 16 bits, so that products and sums are exact. */
#include <arm_neon.h>
#include <string.h>

#include "kernels/dwconv_priv.h"
#include "kernels/unroll.h"

#define RUN haq_dwconv_u8_s8_neon
enum { WIDE = 2, LANES = 8 };

typedef struct {
    int32x4_t low, high;
} vec_acc;
typedef int16x8_t vec_w;
typedef int16x8_t vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return (vec_acc){vdupq_n_s32(0), vdupq_n_s32(0)};
}

HAQ_INLINE vec_w load_w(const int8_t *p, size_t n)
{
    int8_t part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return vmovl_s8(vld1_s8(p));
}

HAQ_INLINE vec_a load_a(const uint8_t *p, size_t n)
{
    uint8_t part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p)));
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return (vec_acc){vmlal_s16(acc.low, vget_low_s16(w), vget_low_s16(a)),
                     vmlal_high_s16(acc.high, w, a)};
}

HAQ_INLINE void store(int32_t *out, vec_acc acc, size_t n)
{
    int32_t part[LANES] = {0}, *to = n < LANES ? part : out;
    vst1q_s32(to, acc.low);
    vst1q_s32(to + 4, acc.high);
    if (n < LANES)
        memcpy(out, part, n * sizeof *out);
}

#include "kernels/dwconv_tile.inc"
