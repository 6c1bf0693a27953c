/* Weights are float. */
#include <immintrin.h>

#include "kernels/gemm_priv.h"
#include "kernels/unroll.h"
#include "kernels/x86/gemm_finish_avx512.inc"

#define ROWS1 24
#define ROWS2 12
#define ROWS4 6
#define LOAD_A4 load_a4
#define FINISH finish_floats
#define FETCH fetch_floats
#define RUN haq_gemm_f32_avx512
enum { VECS = 1, W_STEP = 64, ELEMS = 1, REGISTERS = 32 };

typedef __m512 vec_acc;
typedef __m512 vec_w;
typedef __m512 vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm512_setzero_ps();
}

HAQ_INLINE vec_w load_w(const char *p)
{
    return _mm512_loadu_ps((const float *)p);
}

HAQ_INLINE vec_a load_a(const char *p)
{
    return _mm512_set1_ps(*(const float *)p);
}

/* With one panel every product needs an A vector of its own, more than the load
 * ports deliver; shuffles of one load of four steps make half of them. */
HAQ_INLINE vec_a load_a4(const char *row, int k)
{
    __m512 four = _mm512_broadcast_f32x4(_mm_loadu_ps((const float *)row));
    return k == 2   ? _mm512_permute_ps(four, 0xaa)
           : k == 3 ? _mm512_permute_ps(four, 0xff)
                    : load_a(row + k * 4);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm512_fmadd_ps(w, a, acc);
}

HAQ_INLINE vec_acc add(vec_acc a, vec_acc b)
{
    return _mm512_add_ps(a, b);
}

HAQ_INLINE void store(float *out, vec_acc acc, int shift)
{
    (void)shift; /* weights are floats */
    _mm512_storeu_ps(out, acc);
}

#include "kernels/gemm_tile.inc"
