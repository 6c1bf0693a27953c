/* Operations on codes; a table of 256 bytes is 16 registers of 16, each looked
 * up where the high half of the code names it. */
#include <immintrin.h>

#define CODEWISE(name) haq_codewise_##name##_avx2
#include "kernels/codewise.inc"

enum { STEP = 32, ROWS = 16 };

/* Bit 7 of a shuffle's index makes the result 0: adding 0x70 with unsigned
 * saturation sets it in all but 0 .. 15. */
HAQ_INLINE __m256i look_up(const __m256i row[ROWS], __m256i x)
{
    const __m256i reach = _mm256_set1_epi8(0x70);
    __m256i y = _mm256_setzero_si256();
    for (int r = 0; r < ROWS; r++) {
        __m256i at = _mm256_xor_si256(x, _mm256_set1_epi8((char)(r * 16)));
        y = _mm256_or_si256(
            y, _mm256_shuffle_epi8(row[r], _mm256_adds_epu8(at, reach)));
    }
    return y;
}

void haq_codewise_lookup_avx2(uint8_t *y, const uint8_t *x, size_t n,
                              const uint8_t table[256])
{
    __m256i row[ROWS];
    size_t i = 0;

    for (size_t r = 0; r < ROWS; r++)
        row[r] = _mm256_broadcastsi128_si256(
            _mm_loadu_si128((const __m128i *)(const void *)(table + r * ROWS)));
    for (; i + STEP <= n; i += STEP) {
        __m256i codes =
            _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        _mm256_storeu_si256((__m256i *)(void *)(y + i), look_up(row, codes));
    }
    for (; i < n; i++)
        y[i] = table[x[i]];
}
