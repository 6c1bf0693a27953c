/* Elementwise operations, vectorized by the compiler but for those on codes. */
#define ELT(name) haq_elt_##name##_avx2
#define HAQ_OWN_ADD_U8
#include "kernels/elementwise_math.inc"

#include <immintrin.h>

typedef __m256 vec;
typedef __m256i ivec;
enum { LANES = 8 };

#define v_set _mm256_set1_ps
#define i_set _mm256_set1_epi32
#define v_add _mm256_add_ps
#define v_div _mm256_div_ps
#define v_min _mm256_min_ps
#define i_round _mm256_cvtps_epi32
#define i_add _mm256_add_epi32

HAQ_INLINE vec real_of(const uint8_t *q, ivec zero, vec scale)
{
    ivec i = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)q));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(i, zero)), scale);
}

/* Packing works within 128-bit lanes: four of 32 bits each go home last. */
HAQ_INLINE void store_codes(uint8_t *y, const ivec *i, uint8_t lo, uint8_t hi)
{
    const ivec home = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    ivec q = _mm256_packus_epi16(_mm256_packs_epi32(i[0], i[1]),
                                 _mm256_packs_epi32(i[2], i[3]));
    q = _mm256_max_epu8(q, _mm256_set1_epi8((char)lo));
    q = _mm256_min_epu8(q, _mm256_set1_epi8((char)hi));
    _mm256_storeu_si256((__m256i *)(void *)y,
                        _mm256_permutevar8x32_epi32(q, home));
}

#define ADD_CODES haq_elt_add_u8_avx2
#include "kernels/x86/add_codes.inc"
