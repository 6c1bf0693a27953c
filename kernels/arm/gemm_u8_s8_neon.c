/* Codes are widened to 16 bits, and the four of a step become four products of
 * 16 bits each: no intermediate is narrower than its exact value. */
#include <arm_neon.h>
#include <string.h>

#include "kernels/gemm_priv.h"
#include "kernels/unroll.h"

#define ROWS1 5
#define ROWS2 0
#define ROWS4 0
#define RUN haq_gemm_u8_s8_neon
/* Weights take two registers where the nest counts one. */
enum { VECS = 4, W_STEP = 64, ELEMS = 4, REGISTERS = 24 };

typedef int32x4_t vec_acc;
typedef struct {
    int16x8_t k01, k23; /* four columns of element 0, of element 1, ... */
} vec_w;
typedef int16x4_t vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return vdupq_n_s32(0);
}

HAQ_INLINE vec_w load_w(const char *p)
{
    static const uint8_t transposed[16] = {0, 4, 8,  12, 1, 5, 9,  13,
                                           2, 6, 10, 14, 3, 7, 11, 15};
    int8x16_t w = vqtbl1q_s8(vld1q_s8((const int8_t *)p), vld1q_u8(transposed));
    return (vec_w){vmovl_s8(vget_low_s8(w)), vmovl_high_s8(w)};
}

HAQ_INLINE vec_a load_a(const char *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    uint16x8_t wide = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four)));
    return vreinterpret_s16_u16(vget_low_u16(wide));
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    acc = vmlal_lane_s16(acc, vget_low_s16(w.k01), a, 0);
    acc = vmlal_high_lane_s16(acc, w.k01, a, 1);
    acc = vmlal_lane_s16(acc, vget_low_s16(w.k23), a, 2);
    return vmlal_high_lane_s16(acc, w.k23, a, 3);
}

HAQ_INLINE vec_acc add(vec_acc a, vec_acc b)
{
    return vaddq_s32(a, b);
}

HAQ_INLINE void store(float *out, vec_acc acc, int shift)
{
    int32x4_t sum = vshlq_s32(acc, vdupq_n_s32(-shift));
    vst1q_s32((int32_t *)(void *)out, sum);
}

#include "kernels/gemm_tile.inc"
