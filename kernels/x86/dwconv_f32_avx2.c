/* Float weights. */
#include <immintrin.h>
#include <string.h>

#include "kernels/dwconv_priv.h"
#include "kernels/unroll.h"

#define RUN haq_dwconv_f32_avx2
enum { WIDE = 2, LANES = 8, A_BYTES = 4, W_BYTES = 4 };

typedef __m256 vec_acc;
typedef __m256 vec_w;
typedef __m256 vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm256_setzero_ps();
}

HAQ_INLINE vec_w load_w(const void *p, size_t n)
{
    float part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return _mm256_loadu_ps(p);
}

HAQ_INLINE vec_a load_a(const void *p, size_t n)
{
    float part[LANES] = {0};
    if (n < LANES)
        p = memcpy(part, p, n * sizeof *part);
    return _mm256_loadu_ps(p);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm256_fmadd_ps(w, a, acc);
}

HAQ_INLINE void store(float *out, vec_acc acc, size_t n)
{
    float part[LANES];
    _mm256_storeu_ps(n < LANES ? part : out, acc);
    if (n < LANES)
        memcpy(out, part, n * sizeof *out);
}

#include "kernels/dwconv_tile.inc"
