/* Float weights. */
#include <arm_neon.h>
#include <string.h>

#include "kernels/dwconv_priv.h"
#include "kernels/unroll.h"

#define RUN haq_dwconv_f32_neon
enum { WIDE = 4, LANES = 4, A_BYTES = 4, W_BYTES = 4 };

typedef float32x4_t vec_acc;
typedef float32x4_t vec_w;
typedef float32x4_t vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return vdupq_n_f32(0);
}

HAQ_INLINE vec_w load_w(const void *p, size_t n)
{
    float part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return vld1q_f32(p);
}

HAQ_INLINE vec_a load_a(const void *p, size_t n)
{
    float part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return vld1q_f32(p);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return vfmaq_f32(acc, w, a);
}

HAQ_INLINE void store(float *out, vec_acc acc, size_t n)
{
    float part[LANES];
    vst1q_f32(n < LANES ? part : out, acc);
    if (n < LANES)
        memcpy(out, part, n * sizeof *out);
}

#include "kernels/dwconv_tile.inc"
