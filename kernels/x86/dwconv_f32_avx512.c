#include <immintrin.h>

#include "kernels/simd.h"

#define RUN haq_dwconv_f32_avx512
enum { LANES = 16 };

typedef __m512 fvec;

static inline __mmask16 first(size_t n)
{
    return (__mmask16)((1u << n) - 1);
}

HAQ_INLINE fvec load(const float *p, size_t n)
{
    return n == LANES ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps(first(n), p);
}

HAQ_INLINE void store(float *p, fvec v, size_t n)
{
    if (n == LANES)
        _mm512_storeu_ps(p, v);
    else
        _mm512_mask_storeu_ps(p, first(n), v);
}

HAQ_INLINE fvec zero(void)
{
    return _mm512_setzero_ps();
}

HAQ_INLINE fvec splat(float x)
{
    return _mm512_set1_ps(x);
}

HAQ_INLINE fvec mac(fvec acc, fvec w, fvec a)
{
    return _mm512_fmadd_ps(w, a, acc);
}

HAQ_INLINE fvec finish(fvec acc, fvec mult, fvec bias, fvec lo, fvec hi)
{
    fvec y = _mm512_add_ps(_mm512_mul_ps(acc, mult), bias);
    return _mm512_min_ps(_mm512_max_ps(y, lo), hi);
}

#include "kernels/dwconv_f32.inc"
