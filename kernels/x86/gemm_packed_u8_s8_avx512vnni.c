/* A vector of codes is one step of gemm_u8_s8_avx512vnni.c. */
#include <string.h>

#include "kernels/gemm_priv.h"
#include "kernels/x86/dpbusd.h"
#include "kernels/x86/panel_vec_avx512.inc"

#define ROWS 4
#define PANELS(rows) 4
#define RUN(bits) haq_gemm_w##bits##_u8_s8_avx512vnni
enum { STEP = 4, A_BYTES = 1, SUMS = 1 };

typedef __m512i vec_acc;
typedef __m512i vec_a;

static inline vec_acc zero(void)
{
    return _mm512_setzero_si512();
}

static inline vec_acc add(vec_acc a, vec_acc b)
{
    return _mm512_add_epi32(a, b);
}

/* Four codes may be read when one is left. */
static inline vec_a load_a(const char *row, size_t left)
{
    int32_t four;
    (void)left;
    memcpy(&four, row, sizeof four);
    return _mm512_set1_epi32(four);
}

static inline void mac(vec_acc *acc, vec_b x, vec_a a)
{
    *acc = haq_dpbusd(*acc, a, x);
}

static inline void store(float *out, const vec_acc *acc, int shift)
{
    __m512i sum = _mm512_sra_epi32(*acc, _mm_cvtsi32_si128(shift));
    _mm512_storeu_si512(out, sum);
}

#include "kernels/gemm_packed.inc"
