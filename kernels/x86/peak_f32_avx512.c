#include <immintrin.h>

#include "kernels/simd.h"

#define WORK haq_peak_f32_avx512
#define KEEP(v) __asm__ volatile("" : "+v"(v))
enum { OPS = 2 * 16 };

typedef __m512 vec;

HAQ_INLINE vec first(void)
{
    return _mm512_set1_ps(1);
}

HAQ_INLINE vec step(vec y)
{
    vec half = _mm512_set1_ps(0.5f);
    return _mm512_fmadd_ps(y, half, half);
}

HAQ_INLINE double total(vec y)
{
    return (double)_mm512_reduce_add_ps(y);
}

#include "kernels/peak_work.inc"
