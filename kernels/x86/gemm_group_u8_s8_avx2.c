/* Codes are widened to 16 bits: maddubs would saturate.  A lane pair holds the
 * halves of a column's sum until the group ends. */
#include <stdbool.h>
#include <string.h>

#include "kernels/gemm_group_priv.h"
#include "kernels/unroll.h"
#include "kernels/x86/group_vec_128.inc"

#define ROWS1 2
#define ROWS2 0
#define ROWS4 0
#define PACKED 0
#define RUN haq_gemm_group_u8_s8_avx2
enum { VECS = 4, KR = 4, W_STEP = 64 };

typedef __m256i vec_acc;
typedef __m256i vec_w;
typedef __m256i vec_a;
struct head;

HAQ_INLINE vec_w load_w(const char *p, const struct head *h)
{
    (void)h;
    return _mm256_cvtepi8_epi16(
        _mm_loadu_si128((const __m128i *)(const void *)p));
}

HAQ_INLINE vec_a load_a(const char *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(four)));
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm256_add_epi32(acc, _mm256_madd_epi16(w, a));
}

HAQ_INLINE vec_acc begin(vec_i sum)
{
    return _mm256_cvtepu32_epi64(sum);
}

HAQ_INLINE vec_i sums(vec_acc acc)
{
    return _mm_hadd_epi32(_mm256_castsi256_si128(acc),
                          _mm256_extracti128_si256(acc, 1));
}

#include "kernels/gemm_group_int.inc"
