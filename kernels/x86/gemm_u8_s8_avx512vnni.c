/* Four products a lane and step, summed by the instruction itself. */
#include <immintrin.h>
#include <string.h>

#include "kernels/gemm_priv.h"
#include "kernels/unroll.h"
#include "kernels/x86/dpbusd.h"
#include "kernels/x86/gemm_finish_avx512.inc"

#define ROWS1 24
#define ROWS2 12
#define ROWS4 6
#define LOAD_A4 load_a4
#define FINISH finish_ints
#define FETCH fetch_results
#define RUN haq_gemm_u8_s8_avx512vnni
enum { VECS = 1, W_STEP = 64, ELEMS = 4, REGISTERS = 32 };

typedef __m512i vec_acc;
typedef __m512i vec_w;
typedef __m512i vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm512_setzero_si512();
}

HAQ_INLINE vec_w load_w(const char *p)
{
    return _mm512_loadu_si512(p);
}

HAQ_INLINE vec_a load_a(const char *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}

/* With one panel every product needs an A vector of its own, more than the load
 * ports deliver; shuffles of one load of four steps make half of them. */
HAQ_INLINE vec_a load_a4(const char *row, int k)
{
    __m512i four =
        _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)row));
    return k == 2   ? _mm512_shuffle_epi32(four, 0xaa)
           : k == 3 ? _mm512_shuffle_epi32(four, 0xff)
                    : load_a(row + k * 4);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return haq_dpbusd(acc, a, w);
}

HAQ_INLINE vec_acc add(vec_acc a, vec_acc b)
{
    return _mm512_add_epi32(a, b);
}

HAQ_INLINE void store(float *out, vec_acc acc, int shift)
{
    __m512i sum = _mm512_sra_epi32(acc, _mm_cvtsi32_si128(shift));
    _mm512_storeu_si512(out, sum);
}

#include "kernels/gemm_tile.inc"
