/* Codes are widened to 16 bits first: maddubs saturates at 2 * 255 * 127, which
 * breaks the bit-exact contract.  A lane pair holds the two halves of a
 * column's sum until the end. */
#include <immintrin.h>
#include <string.h>

#include "kernels/gemm_priv.h"
#include "kernels/unroll.h"

#define ROWS1 2
#define ROWS2 0
#define ROWS4 0
#define RUN haq_gemm_u8_s8_avx2
enum { VECS = 4, W_STEP = 64, ELEMS = 4, REGISTERS = 16 };

typedef __m256i vec_acc;
typedef __m256i vec_w;
typedef __m256i vec_a;

HAQ_INLINE vec_acc zero(void)
{
    return _mm256_setzero_si256();
}

HAQ_INLINE vec_w load_w(const char *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)p));
}

HAQ_INLINE vec_a load_a(const char *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    __m128i wide = _mm_cvtepu8_epi16(_mm_cvtsi32_si128(four));
    return _mm256_broadcastq_epi64(wide);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm256_add_epi32(acc, _mm256_madd_epi16(w, a));
}

HAQ_INLINE vec_acc add(vec_acc a, vec_acc b)
{
    return _mm256_add_epi32(a, b);
}

HAQ_INLINE void store(float *out, vec_acc acc, int shift)
{
    __m128i low = _mm256_castsi256_si128(acc);
    __m128i high = _mm256_extracti128_si256(acc, 1);
    __m128i sum =
        _mm_sra_epi32(_mm_hadd_epi32(low, high), _mm_cvtsi32_si128(shift));
    _mm_storeu_si128((__m128i *)(void *)out, sum);
}

#include "kernels/gemm_tile.inc"
