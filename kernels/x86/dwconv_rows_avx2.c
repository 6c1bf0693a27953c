/* Quads are two pairs of 16-bit numbers, whose multiply-add is exact; that of
 * bytes would saturate. */
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/unroll.h"

#define ISA(name) haq_dwconv_rows_##name##_avx2
enum { LANES = 2, BLOCK = 16 * LANES, QUAD_PARTS = 2 };

typedef __m256i ivec;
typedef __m256 fvec;
typedef struct {
    __m256i even, odd;
} quads;

HAQ_INLINE ivec load(const char *p)
{
    return _mm256_load_si256((const __m256i *)(const void *)p);
}

HAQ_INLINE ivec splat8(uint8_t x)
{
    return _mm256_set1_epi8((char)x);
}

HAQ_INLINE ivec splat16(int16_t x)
{
    return _mm256_set1_epi16(x);
}

HAQ_INLINE fvec splat32f(float x)
{
    return _mm256_set1_ps(x);
}

#define PAIR(name, instruction)                                                \
    HAQ_INLINE ivec name(ivec a, ivec b)                                       \
    {                                                                          \
        return instruction(a, b);                                              \
    }
PAIR(unpack8_lo, _mm256_unpacklo_epi8)
PAIR(unpack8_hi, _mm256_unpackhi_epi8)
PAIR(unpack16_lo, _mm256_unpacklo_epi16)
PAIR(unpack16_hi, _mm256_unpackhi_epi16)
PAIR(pack32, _mm256_packs_epi32)
PAIR(adds16, _mm256_adds_epi16)
PAIR(pack16, _mm256_packus_epi16)
PAIR(max8, _mm256_max_epu8)

/* The upper limit comes before the conversion, which has no saturation. */
HAQ_INLINE ivec to_code(ivec acc, const char *mult, bool fits, fvec top)
{
    fvec real =
        _mm256_mul_ps(_mm256_cvtepi32_ps(acc),
                      _mm256_load_ps((const float *)(const void *)mult));
    return _mm256_cvtps_epi32(fits ? real : _mm256_min_ps(top, real));
}

HAQ_INLINE quads make_quads(ivec v)
{
    return (quads){_mm256_and_si256(v, _mm256_set1_epi16(255)),
                   _mm256_srli_epi16(v, 8)};
}

HAQ_INLINE quads load_quads(const char *p)
{
    return (quads){load(p), load(p + 32)};
}

HAQ_INLINE void store_quads(char *p, quads q)
{
    _mm256_store_si256((__m256i *)(void *)p, q.even);
    _mm256_store_si256((__m256i *)(void *)(p + 32), q.odd);
}

HAQ_INLINE ivec dot(ivec acc, quads q, quads w)
{
    __m256i even = _mm256_madd_epi16(q.even, w.even);
    __m256i odd = _mm256_madd_epi16(q.odd, w.odd);
    return _mm256_add_epi32(acc, _mm256_add_epi32(even, odd));
}

HAQ_INLINE __m128i one_lane(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

HAQ_INLINE ivec load_lanes(const uint8_t *const in[][8], int row, size_t at,
                           int jobs)
{
    if (jobs == 1)
        return _mm256_loadu_si256(
            (const __m256i *)(const void *)(in[0][row] + at));
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(one_lane(in[0][row] + at)),
        one_lane(in[1][row] + at), 1);
}

HAQ_INLINE void store_lanes(uint8_t *to, ivec v, int job, int jobs, size_t n)
{
    uint8_t part[BLOCK];
    if (jobs == 1 && n == BLOCK) {
        _mm256_storeu_si256((__m256i *)(void *)to, v);
        return;
    }
    __m128i lane =
        job ? _mm256_extracti128_si256(v, 1) : _mm256_castsi256_si128(v);
    if (jobs == 2 && n == 16) {
        _mm_storeu_si128((__m128i *)(void *)to, lane);
    } else if (jobs == 2) {
        _mm_storeu_si128((__m128i *)(void *)part, lane);
        memcpy(to, part, n);
    } else {
        _mm256_storeu_si256((__m256i *)(void *)part, v);
        memcpy(to, part, n);
    }
}

#include "kernels/dwconv_rows.inc"
