/* Pairwise sums of 16 codes at a time. */
#include "kernels/rowsum.h"

#include <arm_neon.h>

void haq_rowsum_neon(const struct haq_rowsum_args *r)
{
    size_t whole = r->seg_len / 16 * 16;

    for (size_t m = 0; m < r->rows; m++) {
        uint32x4_t sum = vdupq_n_u32(0);
        uint32_t rest = 0;
        for (size_t s = 0; s < r->segments; s++) {
            const uint8_t *a = r->a[s * r->rows + m];
            for (size_t e = 0; e < whole; e += 16)
                sum = vpadalq_u16(sum, vpaddlq_u8(vld1q_u8(a + e)));
            for (size_t e = whole; e < r->seg_len; e++)
                rest += a[e];
        }
        r->sum[m] = (int32_t)(vaddvq_u32(sum) + rest);
    }
}
