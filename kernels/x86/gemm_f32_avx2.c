/* Weights are float. */
#include <immintrin.h>

#include "kernels/gemm_priv.h"
#include "kernels/unroll.h"

#define ROWS1 6
#define ROWS2 2
#define ROWS4 1
#define RUN haq_gemm_f32_avx2
enum { VECS = 2, W_STEP = 64, ELEMS = 1, REGISTERS = 16 };

typedef __m256 vec_acc;
typedef __m256 vec_w;
typedef __m256 vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm256_setzero_ps();
}

HAQ_INLINE vec_w load_w(const char *p)
{
    return _mm256_loadu_ps((const float *)p);
}

HAQ_INLINE vec_a load_a(const char *p)
{
    return _mm256_set1_ps(*(const float *)p);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm256_fmadd_ps(w, a, acc);
}

HAQ_INLINE vec_acc add(vec_acc a, vec_acc b)
{
    return _mm256_add_ps(a, b);
}

HAQ_INLINE void store(float *out, vec_acc acc, int shift)
{
    (void)shift; /* weights are floats */
    _mm256_storeu_ps(out, acc);
}

#include "kernels/gemm_tile.inc"
