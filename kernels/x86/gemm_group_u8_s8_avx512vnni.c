/* Products of a group by the instruction; codes of few bits are unpacked in
 * registers. */
#include <stdbool.h>
#include <string.h>

#include "kernels/gemm_group_priv.h"
#include "kernels/unroll.h"
#include "kernels/x86/dpbusd.h"
#include "kernels/x86/group_vec_512.inc"
#include "kernels/x86/panel_vec_avx512.inc"

#include "kernels/panel.inc"

#define ROWS1 8
#define ROWS2 5
#define ROWS4 2
#define PACKED 4
#define RUN haq_gemm_group_u8_s8_avx512vnni
enum { VECS = 1, KR = 4, W_STEP = 64 };

typedef __m512i vec_acc;
typedef __m512i vec_w;
typedef __m512i vec_a;

HAQ_INLINE vec_a load_a(const char *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}

HAQ_INLINE vec_acc mac(vec_acc acc, vec_w w, vec_a a)
{
    return haq_dpbusd(acc, a, w);
}

HAQ_INLINE vec_acc begin(vec_i sum)
{
    return sum;
}

HAQ_INLINE vec_i sums(vec_acc acc)
{
    return acc;
}

#include "kernels/gemm_group_int.inc"
