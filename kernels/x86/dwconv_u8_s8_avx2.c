/* Codes are widened to 32-bit lanes; the 16-bit multiply-add then has one
 * product in each, exactly. */
#include <immintrin.h>
#include <string.h>

#include "kernels/dwconv_priv.h"
#include "kernels/unroll.h"

#define RUN haq_dwconv_u8_s8_avx2
enum { WIDE = 2, LANES = 8 };

typedef __m256i vec_acc;
typedef __m256i vec_w;
typedef __m256i vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm256_setzero_si256();
}

HAQ_INLINE vec_w load_w(const int8_t *p, size_t n)
{
    int8_t part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return _mm256_cvtepi8_epi32(
        _mm_loadl_epi64((const __m128i *)(const void *)p));
}

HAQ_INLINE vec_a load_a(const uint8_t *p, size_t n)
{
    uint8_t part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return _mm256_cvtepu8_epi32(
        _mm_loadl_epi64((const __m128i *)(const void *)p));
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm256_add_epi32(acc, _mm256_madd_epi16(w, a));
}

HAQ_INLINE void store(int32_t *out, vec_acc acc, size_t n)
{
    int32_t part[LANES];
    _mm256_storeu_si256((__m256i *)(void *)(n < LANES ? part : out), acc);
    if (n < LANES)
        memcpy(out, part, n * sizeof *out);
}

#include "kernels/dwconv_tile.inc"
