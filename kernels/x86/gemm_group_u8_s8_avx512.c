/* Codes are widened to 16 bits; a lane pair holds the halves of a column's sum
 * until the group ends. */
#include <stdbool.h>
#include <string.h>

#include "kernels/gemm_group_priv.h"
#include "kernels/unroll.h"
#include "kernels/x86/group_vec_256.inc"

#define ROWS1 6
#define ROWS2 3
#define ROWS4 1
#define PACKED 0
#define RUN haq_gemm_group_u8_s8_avx512
enum { VECS = 2, KR = 4, W_STEP = 64 };

typedef __m512i vec_acc;
typedef __m512i vec_w;
typedef __m512i vec_a;
struct head;

HAQ_INLINE vec_w load_w(const char *p, const struct head *h)
{
    (void)h;
    return _mm512_cvtepi8_epi16(
        _mm256_loadu_si256((const __m256i *)(const void *)p));
}

HAQ_INLINE vec_a load_a(const char *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_cvtsi32_si128(four)));
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return _mm512_add_epi32(acc, _mm512_madd_epi16(w, a));
}

HAQ_INLINE vec_acc begin(vec_i sum)
{
    return _mm512_cvtepu32_epi64(sum);
}

HAQ_INLINE vec_i sums(vec_acc acc)
{
    return _mm512_cvtepi64_epi32(
        _mm512_add_epi32(acc, _mm512_srli_epi64(acc, 32)));
}

#include "kernels/gemm_group_int.inc"
