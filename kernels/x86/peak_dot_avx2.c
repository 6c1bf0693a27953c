/* Pairs of 16 bits, which cannot saturate. */
#include <immintrin.h>

#include "kernels/simd.h"

#define WORK haq_peak_dot_avx2
#define KEEP(v) __asm__ volatile("" : "+x"(v))
enum { OPS = 2 * 16 };

typedef __m256i vec;

HAQ_INLINE vec first(void)
{
    return _mm256_setzero_si256();
}

HAQ_INLINE vec step(vec y)
{
    vec x = _mm256_set1_epi16(3), w = _mm256_set1_epi16(-2);
    KEEP(x); /* or the product is a constant */
    return _mm256_add_epi32(y, _mm256_madd_epi16(x, w));
}

HAQ_INLINE double total(vec y)
{
    int32_t x[8];
    double sum = 0;
    _mm256_storeu_si256((__m256i *)(void *)x, y);
    for (int i = 0; i < 8; i++)
        sum += x[i];
    return sum;
}

#include "kernels/peak_work.inc"
