/* Elementwise operations, vectorized by the compiler but for those on codes. */
#define ELT(name) haq_elt_##name##_avx512
#define HAQ_OWN_ADD_U8
#include "kernels/elementwise_math.inc"

#include <immintrin.h>

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

HAQ_INLINE vec real_of(const uint8_t *q, ivec zero, vec scale)
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

#define ADD_CODES haq_elt_add_u8_avx512
#include "kernels/x86/add_codes.inc"
