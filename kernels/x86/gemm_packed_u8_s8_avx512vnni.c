/* A vector of codes is one step of gemm_u8_s8_avx512vnni.c. */
#include <string.h>

#include "kernels/gemm_priv.h"
#include "kernels/panel.h"
#include "kernels/unroll.h"
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

/* ---- one row, one bit ----------------------------------------------------
 *
 * Memory then delivers codes faster than they can be unpacked.  A bit is
 * multiplied where it stands in its byte instead: vector v of a block has bit
 * 7 - v, worth 2^(7 - v) and, for v = 0, -128; each v has its own sums t[v], so
 * that its power of two comes off at the end, and
 *
 *     sum a w = sum a - 2 * (sum of a where w = -1)
 */
enum { SIGNS = 8, PAIR = 2 };

/* Steps of a block from `first` panel on, of which `left` elements remain. */
HAQ_INLINE void add_signs(__m512i t[PAIR][SIGNS], const uint8_t *a, size_t left,
                          const char *w, size_t panel, int panels)
{
    __m512i x[PAIR];

    HAQ_UNROLL
    for (int p = 0; p < panels; p++) {
        x[p] = _mm512_loadu_si512(w + (size_t)p * panel);
        __builtin_prefetch(w + (size_t)(p + panels) * panel, 0, 2);
    }
    HAQ_UNROLL
    for (int v = 0; v < SIGNS; v++) {
        if ((size_t)v * STEP >= left)
            break;
        __m512i av = load_a((const char *)a + v * STEP, STEP);
        HAQ_UNROLL
        for (int p = 0; p < panels; p++)
            t[p][v] = haq_dpbusd(t[p][v], av, and_b(x[p], 0x80 >> v));
    }
}

HAQ_INLINE void signs_strip(const struct haq_gemm_args *g, int32_t sum,
                            size_t first, int panels)
{
    size_t panel =
        haq_panel_bytes(1, (g->seg_len + STEP - 1) / STEP * HAQ_PANEL_LINE);
    const char *w = (const char *)g->w + first * panel;
    const uint8_t *a = g->a[0];
    size_t left = g->seg_len, block = SIGNS * STEP;
    __m512i t[PAIR][SIGNS];

    HAQ_UNROLL
    for (int i = 0; i < PAIR * SIGNS; i++)
        t[i / SIGNS][i % SIGNS] = _mm512_setzero_si512();
    for (; left >= block; left -= block, a += block, w += HAQ_PANEL_LINE)
        add_signs(t, a, block, w, panel, panels);
    if (left)
        add_signs(t, a, left, w, panel, panels);
    HAQ_UNROLL
    for (int p = 0; p < panels; p++) {
        __m512i minus = _mm512_srai_epi32(
            _mm512_sub_epi32(_mm512_setzero_si512(), t[p][0]), 7);
        HAQ_UNROLL
        for (int v = 1; v < SIGNS; v++)
            minus = _mm512_add_epi32(
                minus, _mm512_sra_epi32(t[p][v], _mm_cvtsi32_si128(7 - v)));
        _mm512_storeu_si512((int32_t *)g->acc +
                                (first + (size_t)p) * HAQ_GEMM_NR,
                            _mm512_sub_epi32(_mm512_set1_epi32(sum),
                                             _mm512_slli_epi32(minus, 1)));
    }
}

static void row_of_signs(const struct haq_gemm_args *g)
{
    const uint8_t *a = g->a[0];
    int32_t sum = 0;
    size_t p = 0;

    for (size_t e = 0; e < g->seg_len; e++)
        sum += a[e];
    for (; p + PAIR <= g->panels; p += PAIR)
        signs_strip(g, sum, p, PAIR);
    if (p < g->panels)
        signs_strip(g, sum, p, 1);
}

#define ROW_OF_SIGNS row_of_signs

#include "kernels/gemm_packed.inc"
