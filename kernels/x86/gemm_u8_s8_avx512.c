/* Codes are widened to 16 bits first: maddubs saturates at 2 * 255 * 127, which
 * breaks the bit-exact contract.  A lane pair holds the two halves of a
 * column's sum until the end. */
#include <immintrin.h>
#include <string.h>

#include "kernels/gemm_priv.h"
#include "kernels/unroll.h"

#define ROWS1 12
#define ROWS2 6
#define ROWS4 2
#define RUN haq_gemm_u8_s8_avx512
enum { VECS = 2, W_STEP = 64, ELEMS = 4, REGISTERS = 32 };

typedef __m512i vec_acc;
typedef __m512i vec_w;
typedef __m512i vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm512_setzero_si512();
}

HAQ_INLINE vec_w load_w(const char *p)
{
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)p));
}

HAQ_INLINE vec_a load_a(const char *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    __m128i wide = _mm_cvtepu8_epi16(_mm_cvtsi32_si128(four));
    return _mm512_broadcastq_epi64(wide);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm512_add_epi32(acc, _mm512_madd_epi16(w, a));
}

HAQ_INLINE vec_acc add(vec_acc a, vec_acc b)
{
    return _mm512_add_epi32(a, b);
}

HAQ_INLINE void store(float *out, vec_acc acc, int shift)
{
    __m512i pairs = _mm512_add_epi32(acc, _mm512_srli_epi64(acc, 32));
    __m256i sum = _mm256_sra_epi32(_mm512_cvtepi64_epi32(pairs),
                                   _mm_cvtsi32_si128(shift));
    _mm256_storeu_si256((__m256i *)(void *)out, sum);
}

#include "kernels/gemm_tile.inc"
