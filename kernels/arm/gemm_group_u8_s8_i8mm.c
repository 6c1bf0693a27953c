/* Products of a group by the instruction for factors of mixed sign. */
#include <stdbool.h>
#include <string.h>

#include "kernels/arm/group_vec_128.inc"
#include "kernels/gemm_group_priv.h"
#include "kernels/unroll.h"

#define ROWS1 2
#define ROWS2 1
#define ROWS4 0
#define PACKED 0
#define RUN haq_gemm_group_u8_s8_i8mm
enum { VECS = 4, KR = 4, W_STEP = 64 };

typedef int32x4_t vec_acc;
typedef int8x16_t vec_w;
typedef uint8x16_t vec_a;
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
    return vreinterpretq_u8_u32(vdupq_n_u32(four));
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return vusdotq_s32(acc, a, w);
}

HAQ_INLINE vec_acc begin(vec_i sum)
{
    return sum;
}

HAQ_INLINE vec_i sums(vec_acc acc)
{
    return acc;
}

#include "kernels/gemm_group_int.inc"
