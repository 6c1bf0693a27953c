/* Weights are codes, widened to float on the way into registers. */
#include <immintrin.h>

#include "kernels/dwconv_priv.h"
#include "kernels/unroll.h"

#define RUN haq_dwconv_f32_s8_avx512
enum { WIDE = 4, LANES = 16, A_BYTES = 4, W_BYTES = 1 };

typedef __m512 vec_acc;
typedef __m512 vec_w;
typedef __m512 vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm512_setzero_ps();
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

HAQ_INLINE vec_w load_w(const void *p, size_t n)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes(p, n)));
}

HAQ_INLINE vec_a load_a(const void *p, size_t n)
{
    return n == LANES ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(first(n), p);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm512_fmadd_ps(w, a, acc);
}

HAQ_INLINE void store(float *out, vec_acc acc, size_t n)
{
    if (n == LANES)
        _mm512_storeu_ps(out, acc);
    else
        _mm512_mask_storeu_ps(out, first(n), acc);
}

#include "kernels/dwconv_tile.inc"
