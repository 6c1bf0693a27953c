/* Sums of absolute differences from zero, 32 codes at a time. */
#include "kernels/rowsum.h"

#include <immintrin.h>

static int32_t sum_lanes(__m256i v)
{
    __m128i s = _mm_add_epi64(_mm256_castsi256_si128(v),
                              _mm256_extracti128_si256(v, 1));
    return _mm_cvtsi128_si32(_mm_add_epi64(s, _mm_unpackhi_epi64(s, s)));
}

void haq_rowsum_avx2(const struct haq_rowsum_args *r)
{
    size_t whole = r->seg_len / 32 * 32;
    __m256i zero = _mm256_setzero_si256();

    for (size_t m = 0; m < r->rows; m++) {
        __m256i sum = zero;
        int32_t rest = 0;
        for (size_t s = 0; s < r->segments; s++) {
            const uint8_t *a = r->a[s * r->rows + m];
            for (size_t e = 0; e < whole; e += 32)
                sum = _mm256_add_epi64(
                    sum,
                    _mm256_sad_epu8(
                        _mm256_loadu_si256((const __m256i *)(a + e)), zero));
            for (size_t e = whole; e < r->seg_len; e++)
                rest += a[e];
        }
        r->sum[m] = sum_lanes(sum) + rest;
    }
}
