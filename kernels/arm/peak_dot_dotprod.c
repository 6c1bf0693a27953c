#include <arm_neon.h>

#include "kernels/simd.h"

#define WORK haq_peak_dot_dotprod
enum { OPS = 2 * 16 };

typedef int32x4_t vec;

HAQ_INLINE vec step(vec y)
{
    return vdotq_s32(y, vdupq_n_s8(3), vdupq_n_s8(-2));
}

#include "kernels/arm/peak_dot.inc"
