/* Operations on codes; a table of 256 bytes is four registers of 64, two of
 * which a permutation of 16-bit words looks up at once: the code's low bit then
 * says which half of the word it is. */
#include <immintrin.h>

#include "kernels/simd.h"

typedef __m512 vec;
typedef __m512i ivec;
enum { LANES = 16 };

#define v_set _mm512_set1_ps
#define i_set _mm512_set1_epi32
#define v_add _mm512_add_ps
#define v_div _mm512_div_ps
#define v_min _mm512_min_ps
#define i_round _mm512_cvtps_epi32
#define i_add _mm512_add_epi32

HAQ_INLINE vec lanes_of(const uint8_t *q, ivec zero, vec scale)
{
    ivec i = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)q));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(i, zero)), scale);
}

/* Packing works within 128-bit lanes: four of 32 bits each go home last. */
HAQ_INLINE void store_codes(uint8_t *y, const ivec *i, uint8_t lo, uint8_t hi)
{
    const ivec home =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    ivec q = _mm512_packus_epi16(_mm512_packs_epi32(i[0], i[1]),
                                 _mm512_packs_epi32(i[2], i[3]));
    q = _mm512_max_epu8(q, _mm512_set1_epi8((char)lo));
    q = _mm512_min_epu8(q, _mm512_set1_epi8((char)hi));
    _mm512_storeu_si512(y, _mm512_permutexvar_epi32(home, q));
}

#include "kernels/x86/add_codes.inc"

#define CODEWISE(name) haq_codewise_##name##_avx512
#include "kernels/codewise.inc"

enum { STEP = 64 };

struct table {
    __m512i part[4];
};

/* The codes are the high bytes of 16-bit words; so are the results, and the low
 * bytes are 0. */
HAQ_INLINE __m512i look_up(const struct table *t, __m512i x)
{
    const __m512i top = _mm512_slli_epi16(_mm512_set1_epi16(1), 15);
    __m512i word = _mm512_srli_epi16(x, 9);
    __m512i low = _mm512_permutex2var_epi16(t->part[0], word, t->part[1]);
    __m512i high = _mm512_permutex2var_epi16(t->part[2], word, t->part[3]);
    __m512i both =
        _mm512_mask_blend_epi16(_mm512_test_epi16_mask(x, top), low, high);
    __mmask32 odd = _mm512_test_epi16_mask(x, _mm512_set1_epi16(0x100));
    __m512i even = _mm512_slli_epi16(both, 8);
    __m512i pick = _mm512_mask_blend_epi16(odd, even, both);
    return _mm512_and_si512(pick, _mm512_set1_epi16((short)0xff00));
}

HAQ_INLINE __m512i look_up_all(const struct table *t, __m512i x)
{
    __m512i odd = look_up(t, x);
    __m512i even = look_up(t, _mm512_slli_epi16(x, 8));
    return _mm512_or_si512(odd, _mm512_srli_epi16(even, 8));
}

void haq_codewise_lookup_avx512(uint8_t *y, const uint8_t *x, size_t n,
                                const uint8_t table[256])
{
    struct table t;
    size_t i = 0;

    for (size_t k = 0; k < 4; k++)
        t.part[k] = _mm512_loadu_si512(table + k * STEP);
    for (; i + STEP <= n; i += STEP)
        _mm512_storeu_si512(y + i, look_up_all(&t, _mm512_loadu_si512(x + i)));
    __mmask64 rest = ((__mmask64)1 << (n - i)) - 1;
    _mm512_mask_storeu_epi8(
        y + i, rest, look_up_all(&t, _mm512_maskz_loadu_epi8(rest, x + i)));
}
