/* Quads are multiplied and summed by one instruction. */
#include <immintrin.h>
#include <stdbool.h>

#include "kernels/unroll.h"

#define ISA(name) haq_dwconv_rows_##name##_avx512vnni
enum { QUAD_PARTS = 1 };

typedef __m512i ivec;
typedef __m512i quads;

#include "kernels/x86/dwconv_rows_512.inc"

HAQ_INLINE quads make_quads(ivec v)
{
    return v;
}

HAQ_INLINE quads load_quads(const char *p)
{
    return _mm512_load_si512(p);
}

HAQ_INLINE void store_quads(char *p, quads q)
{
    _mm512_store_si512(p, q);
}

HAQ_INLINE ivec dot(ivec acc, quads q, quads w)
{
    return _mm512_dpbusd_epi32(acc, q, w);
}

#include "kernels/dwconv_rows.inc"
