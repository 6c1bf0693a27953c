#include <immintrin.h>

#include "kernels/simd.h"

#define WORK haq_peak_dot_avx512vnni
#define KEEP(v) __asm__ volatile("" : "+v"(v))
enum { OPS = 2 * 64 };

typedef __m512i vec;

HAQ_INLINE vec first(void)
{
    return _mm512_setzero_si512();
}

HAQ_INLINE vec step(vec y)
{
    return _mm512_dpbusd_epi32(y, _mm512_set1_epi8(3), _mm512_set1_epi8(-2));
}

HAQ_INLINE double total(vec y)
{
    return _mm512_reduce_add_epi32(y);
}

#include "kernels/peak_work.inc"
