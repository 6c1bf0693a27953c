#include <arm_neon.h>

#include "kernels/simd.h"

#define WORK haq_peak_f32_neon
#define KEEP(v) __asm__ volatile("" : "+w"(v))
enum { OPS = 2 * 4 };

typedef float32x4_t vec;

HAQ_INLINE vec first(void)
{
    return vdupq_n_f32(1);
}

HAQ_INLINE vec step(vec y)
{
    vec half = vdupq_n_f32(0.5f);
    return vfmaq_f32(half, y, half);
}

HAQ_INLINE double total(vec y)
{
    return (double)vaddvq_f32(y);
}

#include "kernels/peak_work.inc"
