/* Weights are codes, widened to float on the way into registers. */
#include <arm_neon.h>
#include <string.h>

#include "kernels/arm/lane.h"
#include "kernels/gemm_priv.h"
#include "kernels/unroll.h"

#define ROWS1 6
#define ROWS2 2
#define ROWS4 1
#define LOAD_A4 load_a4
#define RUN haq_gemm_f32_s8_neon
enum { VECS = 4, W_STEP = 16, ELEMS = 1, REGISTERS = 32 };

typedef float32x4_t vec_acc;
typedef float32x4_t vec_w;
typedef struct {
    float32x4_t four;
    int lane; /* the one of this step */
} vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return vdupq_n_f32(0);
}

HAQ_INLINE vec_w load_w(const char *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(four)));
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}

HAQ_INLINE vec_a load_a(const char *p)
{
    return (vec_a){vld1q_dup_f32((const float *)p), 0};
}

HAQ_INLINE vec_a load_a4(const char *row, int k)
{
    return (vec_a){vld1q_f32((const float *)row), k};
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return HAQ_BY_LANE(vfmaq_laneq_f32, acc, w, a.four, a.lane);
}

HAQ_INLINE vec_acc add(vec_acc a, vec_acc b)
{
    return vaddq_f32(a, b);
}

HAQ_INLINE void store(float *out, vec_acc acc, int shift)
{
    vst1q_f32(out, vmulq_n_f32(acc, 1.0f / (float)(1 << shift)));
}

#include "kernels/gemm_tile.inc"
