/* As products without VNNI are made: pairs of 16 bits, which cannot saturate.
 */
#include <immintrin.h>

#include "kernels/simd.h"

#define WORK haq_peak_dot_avx512
#define KEEP(v) __asm__ volatile("" : "+v"(v))
enum { OPS = 2 * 32 };

typedef __m512i vec;

HAQ_INLINE vec first(void)
{
    return _mm512_setzero_si512();
}

HAQ_INLINE vec step(vec y)
{
    vec x = _mm512_set1_epi16(3), w = _mm512_set1_epi16(-2);
    KEEP(x); /* or the product is a constant */
    return _mm512_add_epi32(y, _mm512_madd_epi16(x, w));
}

HAQ_INLINE double total(vec y)
{
    return _mm512_reduce_add_epi32(y);
}

#include "kernels/peak_work.inc"
