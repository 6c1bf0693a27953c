/* Four products of an unsigned and a signed code a lane and step, summed by the
 * instruction itself. */
#include <arm_neon.h>
#include <string.h>

#include "kernels/arm/lane.h"
#include "kernels/gemm_priv.h"
#include "kernels/unroll.h"

#define ROWS1 6
#define ROWS2 2
#define ROWS4 1
#define LOAD_A4 load_a4
#define RUN haq_gemm_u8_s8_i8mm
enum { VECS = 4, W_STEP = 64, ELEMS = 4, REGISTERS = 32 };

typedef int32x4_t vec_acc;
typedef int8x16_t vec_w;
typedef struct {
    uint8x16_t four;
    int lane; /* the one of this step */
} vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return vdupq_n_s32(0);
}

HAQ_INLINE vec_w load_w(const char *p)
{
    return vld1q_s8((const int8_t *)p);
}

HAQ_INLINE vec_a load_a(const char *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return (vec_a){vreinterpretq_u8_u32(vdupq_n_u32(four)), 0};
}

HAQ_INLINE vec_a load_a4(const char *row, int k)
{
    return (vec_a){vld1q_u8((const uint8_t *)row), k};
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return HAQ_BY_LANE(vsudotq_laneq_s32, acc, w, a.four, a.lane);
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
