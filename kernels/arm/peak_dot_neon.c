#include <arm_neon.h>

#include "kernels/simd.h"

#define WORK haq_peak_dot_neon
enum { OPS = 2 * 4 };

typedef int32x4_t vec;

HAQ_INLINE vec step(vec y)
{
    return vmlal_s16(y, vdup_n_s16(3), vdup_n_s16(-2));
}

#include "kernels/arm/peak_dot.inc"
