#include <immintrin.h>

#include "kernels/simd.h"

#define WORK haq_peak_f32_avx2
#define KEEP(v) __asm__ volatile("" : "+x"(v))
enum { OPS = 2 * 8 };

typedef __m256 vec;

HAQ_INLINE vec first(void)
{
    return _mm256_set1_ps(1);
}

HAQ_INLINE vec step(vec y)
{
    vec half = _mm256_set1_ps(0.5f);
    return _mm256_fmadd_ps(y, half, half);
}

HAQ_INLINE double total(vec y)
{
    float x[8];
    double sum = 0;
    _mm256_storeu_ps(x, y);
    for (int i = 0; i < 8; i++)
        sum += (double)x[i];
    return sum;
}

#include "kernels/peak_work.inc"
