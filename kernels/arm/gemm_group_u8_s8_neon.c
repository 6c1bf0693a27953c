/* Codes are widened to 16 bits.  An accumulator is two vectors, whose pairs are
 * the halves of a column's sum until the group ends. */
#include <stdbool.h>
#include <string.h>

#include "kernels/arm/group_vec_128.inc"
#include "kernels/gemm_group_priv.h"
#include "kernels/unroll.h"

#define ROWS1 1
#define ROWS2 0
#define ROWS4 0
#define PACKED 0
#define RUN haq_gemm_group_u8_s8_neon
enum { VECS = 4, KR = 4, W_STEP = 64 };

typedef struct {
    int32x4_t low, high;
} vec_acc;
typedef int8x16_t vec_w;
typedef int16x8_t vec_a;
struct head;

HAQ_INLINE vec_w load_w(const char *p, const struct head *h)
{
    (void)h;
    return vld1q_s8((const int8_t *)p);
}

HAQ_INLINE vec_a load_a(const char *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vreinterpretq_s16_u16(
        vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))));
}

HAQ_INLINE int32x4_t mac_half(int32x4_t acc, int16x8_t w, vec_a a)
{
    int32x4_t low = vmull_s16(vget_low_s16(w), vget_low_s16(a));
    return vaddq_s32(acc, vpaddq_s32(low, vmull_high_s16(w, a)));
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return (vec_acc){mac_half(acc.low, vmovl_s8(vget_low_s8(w)), a),
                     mac_half(acc.high, vmovl_high_s8(w), a)};
}

HAQ_INLINE vec_acc begin(vec_i sum)
{
    int32x4_t none = vdupq_n_s32(0);
    return (vec_acc){vzip1q_s32(sum, none), vzip2q_s32(sum, none)};
}

HAQ_INLINE vec_i sums(vec_acc acc)
{
    return vpaddq_s32(acc.low, acc.high);
}

#include "kernels/gemm_group_int.inc"
