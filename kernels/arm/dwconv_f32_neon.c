#include <arm_neon.h>
#include <string.h>

#include "kernels/simd.h"

#define RUN haq_dwconv_f32_neon
enum { LANES = 4 };

typedef float32x4_t fvec;

HAQ_INLINE fvec load(const float *p, size_t n)
{
    float part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return vld1q_f32(p);
}

HAQ_INLINE void store(float *p, fvec v, size_t n)
{
    float part[LANES];
    vst1q_f32(n < LANES ? part : p, v);
    if (n < LANES)
        memcpy(p, part, n * sizeof *p);
}

HAQ_INLINE fvec zero(void)
{
    return vdupq_n_f32(0);
}

HAQ_INLINE fvec splat(float x)
{
    return vdupq_n_f32(x);
}

HAQ_INLINE fvec mac(fvec acc, fvec w, fvec a)
{
    return vfmaq_f32(acc, w, a);
}

HAQ_INLINE fvec finish(fvec acc, fvec mult, fvec bias, fvec lo, fvec hi)
{
    fvec y = vaddq_f32(vmulq_f32(acc, mult), bias);
    /* The second operand when they are equal, and for a NaN, as haq_clampf. */
    y = vbslq_f32(vcgtq_f32(y, lo), y, lo);
    return vbslq_f32(vcltq_f32(y, hi), y, hi);
}

#include "kernels/dwconv_f32.inc"
