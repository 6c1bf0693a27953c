/* Codes less their zero points are widened to float on the way into registers;
 * one scale for a group at its end. */
#include <immintrin.h>

#include "kernels/gemm_group_priv.h"
#include "kernels/unroll.h"

#define RUN haq_gemm_group_f32_s8_avx512
enum { KR = 1, HEAD = 64, W_STEP = 16 };

typedef __m512 vec_acc;
typedef __m512 vec_w;
typedef __m512 vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm512_setzero_ps();
}

HAQ_INLINE vec_w load_w(const char *p, const char *zw)
{
    __m512i code = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p));
    if (zw)
        code = _mm512_sub_epi32(code, _mm512_loadu_si512(zw));
    return _mm512_cvtepi32_ps(code);
}

HAQ_INLINE vec_a load_a(const char *p)
{
    return _mm512_set1_ps(*(const float *)p);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm512_fmadd_ps(w, a, acc);
}

HAQ_INLINE vec_acc add_codes(vec_acc acc, vec_a a, size_t n)
{
    (void)a, (void)n;
    return acc;
}

HAQ_INLINE __m512 finish(__m512 y, vec_acc acc, const char *block,
                         const char *zw, vec_acc sum,
                         const struct haq_gemm_group_args *g, size_t row)
{
    (void)zw, (void)sum, (void)g, (void)row;
    return _mm512_fmadd_ps(acc, _mm512_loadu_ps((const float *)block), y);
}

#include "kernels/x86/gemm_group_tile.inc"
