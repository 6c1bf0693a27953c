/* The instruction wants both factors of one sign, so weights enter as w + 128,
 * their bytes with the top bit turned, and each row gives back what that added:
 *
 *     sum a w = sum a (w + 128) - 128 sum a        modulo 2^32
 *
 * Elements that fill up a segment have a weight of zero and count in both sums.
 */
#include <arm_neon.h>
#include <string.h>

#include "kernels/arm/lane.h"
#include "kernels/gemm_priv.h"
#include "kernels/unroll.h"

#define ROWS1 6
#define ROWS2 2
#define ROWS4 1
#define LOAD_A4 load_a4
#define RUN run_unsigned
enum { VECS = 4, W_STEP = 64, ELEMS = 4, REGISTERS = 32 };

typedef uint32x4_t vec_acc;
typedef uint8x16_t vec_w;
typedef struct {
    uint8x16_t four;
    int lane; /* the one of this step */
} vec_a;

static haq_gemm_fn RUN;

HAQ_INLINE vec_acc zero(void)
{
    return vdupq_n_u32(0);
}

HAQ_INLINE vec_w load_w(const char *p)
{
    return veorq_u8(vld1q_u8((const uint8_t *)p), vdupq_n_u8(0x80));
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
    return HAQ_BY_LANE(vdotq_laneq_u32, acc, w, a.four, a.lane);
}

HAQ_INLINE vec_acc add(vec_acc a, vec_acc b)
{
    return vaddq_u32(a, b);
}

HAQ_INLINE void store(float *out, vec_acc acc, int shift)
{
    (void)shift; /* what was added comes off first */
    vst1q_u32((uint32_t *)(void *)out, acc);
}

#include "kernels/gemm_tile.inc"

/* Sum of the codes of row m, with those that fill up its segments. */
static uint32_t sum_row(const struct haq_gemm_args *g, size_t m)
{
    size_t len = (g->seg_len + ELEMS - 1) / ELEMS * ELEMS;
    uint8x16_t ones = vdupq_n_u8(1);
    uint32x4_t sum = zero();
    uint32_t rest = 0;

    for (size_t s = 0; s < g->segments; s++) {
        const uint8_t *a = g->a[s * g->rows + m];
        size_t e = 0;
        for (; e + 16 <= len; e += 16)
            sum = vdotq_u32(sum, vld1q_u8(a + e), ones);
        for (; e < len; e++)
            rest += a[e];
    }
    return vaddvq_u32(sum) + rest;
}

void haq_gemm_u8_s8_dotprod(const struct haq_gemm_args *g)
{
    int32x4_t back = vdupq_n_s32(-g->shift);

    run_unsigned(g);
    for (size_t m = 0; m < g->rows; m++) {
        int32_t *out = (int32_t *)g->acc + m * g->ldc;
        uint32x4_t added = vdupq_n_u32(128 * sum_row(g, m));
        for (size_t n = 0; n < g->panels * HAQ_GEMM_NR; n += 4) {
            uint32x4_t sum = vreinterpretq_u32_s32(vld1q_s32(out + n));
            int32x4_t exact = vreinterpretq_s32_u32(vsubq_u32(sum, added));
            vst1q_s32(out + n, vshlq_s32(exact, back));
        }
    }
}
