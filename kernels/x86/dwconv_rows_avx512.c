/* Quads are two pairs of 16-bit numbers, whose multiply-add is exact; that of
 * bytes would saturate. */
#include <immintrin.h>
#include <stdbool.h>

#include "kernels/unroll.h"

#define ISA(name) haq_dwconv_rows_##name##_avx512
enum { QUAD_PARTS = 2 };

typedef __m512i ivec;
typedef struct {
    __m512i even, odd;
} quads;

#include "kernels/x86/dwconv_rows_512.inc"

HAQ_INLINE quads make_quads(ivec v)
{
    return (quads){_mm512_and_si512(v, _mm512_set1_epi16(255)),
                   _mm512_srli_epi16(v, 8)};
}

HAQ_INLINE quads load_quads(const char *p)
{
    return (quads){_mm512_load_si512(p), _mm512_load_si512(p + 64)};
}

HAQ_INLINE void store_quads(char *p, quads q)
{
    _mm512_store_si512(p, q.even);
    _mm512_store_si512(p + 64, q.odd);
}

HAQ_INLINE ivec dot(ivec acc, quads q, quads w)
{
    __m512i even = _mm512_madd_epi16(q.even, w.even);
    __m512i odd = _mm512_madd_epi16(q.odd, w.odd);
    return _mm512_add_epi32(acc, _mm512_add_epi32(even, odd));
}

#include "kernels/dwconv_rows.inc"
