/* Operations on codes; a table of 256 bytes is 16 registers of 16, each looked
 * up where the high half of the code names it. */
#include <immintrin.h>

#include "kernels/simd.h"

typedef __m256 vec;
typedef __m256i ivec;
enum { LANES = 8 };

#define v_set _mm256_set1_ps
#define i_set _mm256_set1_epi32
#define v_add _mm256_add_ps
#define v_div _mm256_div_ps
#define v_min _mm256_min_ps
#define i_round _mm256_cvtps_epi32
#define i_add _mm256_add_epi32

HAQ_INLINE vec lanes_of(const uint8_t *q, ivec zero, vec scale)
{
    ivec i = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)q));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(i, zero)), scale);
}

/* Packing works within 128-bit lanes: four of 32 bits each go home last. */
HAQ_INLINE void store_codes(uint8_t *y, const ivec *i, uint8_t lo, uint8_t hi)
{
    const ivec home = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    ivec q = _mm256_packus_epi16(_mm256_packs_epi32(i[0], i[1]),
                                 _mm256_packs_epi32(i[2], i[3]));
    q = _mm256_max_epu8(q, _mm256_set1_epi8((char)lo));
    q = _mm256_min_epu8(q, _mm256_set1_epi8((char)hi));
    _mm256_storeu_si256((__m256i *)(void *)y,
                        _mm256_permutevar8x32_epi32(q, home));
}

#include "kernels/x86/add_codes.inc"

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
