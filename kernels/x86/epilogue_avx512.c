/* Float results are vectorized by the compiler.  Codes are not: it would take
 * 64 columns at a time, and networks have layers of 16. */
#include <immintrin.h>

#define EPI(name) haq_epilogue_##name##_avx512
#include "kernels/epilogue.inc"

HAQ_INLINE __mmask16 first(size_t n)
{
    return (__mmask16)(n < 16 ? (1u << n) - 1 : 0xffffu);
}

/* Arguments of haq_to_code, in every lane. */
struct code_range {
    __m512 zero, qlo, qhi;
};

static struct code_range code_range(const struct haq_epilogue_args *e)
{
    return (struct code_range){_mm512_set1_ps((float)e->zero),
                               _mm512_set1_ps((float)e->qlo),
                               _mm512_set1_ps((float)e->qhi)};
}

HAQ_INLINE __m512 clamp(__m512 x, __m512 lo, __m512 hi)
{
    return _mm512_min_ps(_mm512_max_ps(x, lo), hi);
}

HAQ_INLINE void store_codes(uint8_t *y, __mmask16 m, __m512 real,
                            struct code_range r)
{
    __m512 q = _mm512_roundscale_ps(real, _MM_FROUND_TO_NEAREST_INT |
                                              _MM_FROUND_NO_EXC);
    q = clamp(_mm512_add_ps(q, r.zero), r.qlo, r.qhi);
    __m128i codes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(q));
    if (m == 0xffff)
        _mm_storeu_si128((__m128i *)(void *)y, codes);
    else
        _mm_mask_storeu_epi8(y, m, codes);
}

HAQ_INLINE void s32_u8_row(const struct haq_epilogue_args *e, size_t m,
                           const int32_t *zw)
{
    struct static_row r = static_row(e, m, zw);
    struct code_range range = code_range(e);
    uint8_t *y = (uint8_t *)e->y + m * e->ldy;
    __m512i rowsum = _mm512_set1_epi32(r.rowsum);

    for (size_t n = 0; n < e->cols; n += 16) {
        __mmask16 k = first(e->cols - n);
        __m512i v = _mm512_add_epi32(_mm512_maskz_loadu_epi32(k, r.acc + n),
                                     _mm512_maskz_loadu_epi32(k, r.corr + n));
        if (zw)
            v = _mm512_sub_epi32(
                v, _mm512_mullo_epi32(_mm512_maskz_loadu_epi32(k, zw + n),
                                      rowsum));
        __m512 real = _mm512_mul_ps(_mm512_cvtepi32_ps(v),
                                    _mm512_maskz_loadu_ps(k, r.mult + n));
        store_codes(y + n, k, real, range);
    }
}

HAQ_INLINE void code_row(const struct haq_epilogue_args *e, size_t m,
                         const float *mult, const float *bias)
{
    const float *acc = (const float *)e->acc + m * e->lda;
    struct code_range range = code_range(e);
    uint8_t *y = (uint8_t *)e->y + m * e->ldy;
    __m512 lo = _mm512_set1_ps(e->lo), hi = _mm512_set1_ps(e->hi);
    __m512 scale = _mm512_set1_ps(e->scale);

    for (size_t n = 0; n < e->cols; n += 16) {
        __mmask16 k = first(e->cols - n);
        __m512 real = _mm512_maskz_loadu_ps(k, acc + n);
        if (mult)
            real = _mm512_mul_ps(real, _mm512_maskz_loadu_ps(k, mult + n));
        if (bias)
            real = _mm512_add_ps(real, _mm512_maskz_loadu_ps(k, bias + n));
        real = _mm512_div_ps(clamp(real, lo, hi), scale);
        store_codes(y + n, k, real, range);
    }
}

void haq_epilogue_s32_u8_avx512(const struct haq_epilogue_args *e)
{
    each_static_row(e, s32_u8_row);
}

void haq_epilogue_f32_u8_avx512(const struct haq_epilogue_args *e)
{
    each_row(e, code_row);
}
