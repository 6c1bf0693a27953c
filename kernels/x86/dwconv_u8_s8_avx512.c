/* Codes are widened to 32-bit lanes; the 16-bit multiply-add then has one
 * product in each, exactly. */
#include <immintrin.h>

#include "kernels/dwconv_priv.h"
#include "kernels/unroll.h"

#define RUN haq_dwconv_u8_s8_avx512
enum { WIDE = 2, LANES = 16 };

typedef __m512i vec_acc;
typedef __m512i vec_w;
typedef __m512i vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm512_setzero_si512();
}

static inline __mmask16 first(size_t n)
{
    return (__mmask16)((1u << n) - 1);
}

HAQ_INLINE __m128i codes(const void *p, size_t n)
{
    return n == LANES ? _mm_loadu_si128((const __m128i *)p)
                      : _mm_maskz_loadu_epi8(first(n), p);
}

HAQ_INLINE vec_w load_w(const int8_t *p, size_t n)
{
    return _mm512_cvtepi8_epi32(codes(p, n));
}

HAQ_INLINE vec_a load_a(const uint8_t *p, size_t n)
{
    return _mm512_cvtepu8_epi32(codes(p, n));
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm512_add_epi32(acc, _mm512_madd_epi16(w, a));
}

HAQ_INLINE void store(int32_t *out, vec_acc acc, size_t n)
{
    if (n == LANES)
        _mm512_storeu_si512(out, acc);
    else
        _mm512_mask_storeu_epi32(out, first(n), acc);
}

#include "kernels/dwconv_tile.inc"
