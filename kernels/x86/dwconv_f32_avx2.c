#include <immintrin.h>
#include <string.h>

#include "kernels/simd.h"

#define RUN haq_dwconv_f32_avx2
enum { LANES = 8 };

typedef __m256 fvec;

HAQ_INLINE fvec load(const float *p, size_t n)
{
    float part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return _mm256_loadu_ps(p);
}

HAQ_INLINE void store(float *p, fvec v, size_t n)
{
    float part[LANES];
    _mm256_storeu_ps(n < LANES ? part : p, v);
    if (n < LANES)
        memcpy(p, part, n * sizeof *p);
}

HAQ_INLINE fvec zero(void)
{
    return _mm256_setzero_ps();
}

HAQ_INLINE fvec splat(float x)
{
    return _mm256_set1_ps(x);
}

HAQ_INLINE fvec mac(fvec acc, fvec w, fvec a)
{
    return _mm256_fmadd_ps(w, a, acc);
}

HAQ_INLINE fvec finish(fvec acc, fvec mult, fvec bias, fvec lo, fvec hi)
{
    fvec y = _mm256_add_ps(_mm256_mul_ps(acc, mult), bias);
    return _mm256_min_ps(_mm256_max_ps(y, lo), hi);
}

#include "kernels/dwconv_f32.inc"
