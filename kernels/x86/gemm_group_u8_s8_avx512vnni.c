/* Products of a group by the instruction, zero points at the group's end:
 *
 *   sum (a - za) (w - zw) = sum a w - za sum (w - zw) - zw sum a
 */
#include <immintrin.h>

#include "kernels/gemm_group_priv.h"
#include "kernels/unroll.h"

#define RUN haq_gemm_group_u8_s8_avx512vnni
enum { KR = 4, HEAD = 128, W_STEP = 64 };

typedef __m512i vec_acc;
typedef __m512i vec_w;
typedef __m512i vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm512_setzero_si512();
}

HAQ_INLINE vec_w load_w(const char *p, const char *zw)
{
    (void)zw;
    return _mm512_loadu_si512(p);
}

HAQ_INLINE vec_a load_a(const char *p)
{
    return _mm512_broadcastd_epi32(_mm_loadu_si32(p));
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm512_dpbusd_epi32(acc, a, w);
}

HAQ_INLINE vec_acc add_codes(vec_acc acc, vec_a a, size_t n)
{
    int32_t ones = 0x01010101 >> (4 - n) * 8;
    return _mm512_dpbusd_epi32(acc, a, _mm512_set1_epi32(ones));
}

HAQ_INLINE __m512 finish(__m512 y, vec_acc acc, const char *block,
                         const char *zw, vec_acc sum,
                         const struct haq_gemm_group_args *g, size_t row)
{
    __m512 scale = _mm512_mul_ps(_mm512_set1_ps(g->sa[row]),
                                 _mm512_loadu_ps((const float *)block));
    __m512i za = _mm512_set1_epi32(g->za[row]);
    __m512i shift = _mm512_mullo_epi32(za, _mm512_loadu_si512(block + 64));

    if (zw)
        shift = _mm512_add_epi32(
            shift, _mm512_mullo_epi32(sum, _mm512_loadu_si512(zw)));
    acc = _mm512_sub_epi32(acc, shift);
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc), scale, y);
}

#include "kernels/x86/gemm_group_tile.inc"
