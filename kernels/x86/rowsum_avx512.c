/* Sums of absolute differences from zero, 64 codes at a time. */
#include "kernels/rowsum.h"

#include <immintrin.h>

void haq_rowsum_avx512(const struct haq_rowsum_args *r)
{
    size_t whole = r->seg_len / 64 * 64, rest = r->seg_len - whole;
    __mmask64 tail = ((__mmask64)1 << rest) - 1;
    __m512i zero = _mm512_setzero_si512();

    for (size_t m = 0; m < r->rows; m++) {
        __m512i sum = zero;
        for (size_t s = 0; s < r->segments; s++) {
            const char *a = r->a[s * r->rows + m];
            for (size_t e = 0; e < whole; e += 64)
                sum = _mm512_add_epi64(
                    sum, _mm512_sad_epu8(_mm512_loadu_si512(a + e), zero));
            sum = _mm512_add_epi64(
                sum, _mm512_sad_epu8(_mm512_maskz_loadu_epi8(tail, a + whole),
                                     zero));
        }
        r->sum[m] = (int32_t)_mm512_reduce_add_epi64(sum);
    }
}
