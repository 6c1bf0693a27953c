#include <arm_neon.h>

#include "kernels/simd.h"

#define WORK haq_peak_dot_i8mm
enum { OPS = 2 * 32 };

typedef int32x4_t vec;

HAQ_INLINE vec step(vec y)
{
    return vmmlaq_s32(y, vdupq_n_s8(3), vdupq_n_s8(-2));
}

#include "kernels/arm/peak_dot.inc"
