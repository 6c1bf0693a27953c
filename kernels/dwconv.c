#include "kernels/dwconv.h"

#include "base/cpu.h"
#include "kernels/dwconv_priv.h"

/* Sums in double, so that the reference is the exact one of the two. */
static void run_f32(const struct haq_dwconv_args *d)
{
    const float *w = d->w;
    for (size_t p = 0; p < d->pixels; p++)
        for (size_t c = 0; c < d->channels; c++) {
            double sum = 0;
            for (size_t t = 0; t < d->taps; t++)
                sum += (double)((const float *)d->a[t * d->pixels + p])[c] *
                       (double)w[t * d->channels + c];
            ((float *)d->acc)[p * d->ldc + c] = (float)sum;
        }
}

static void run_f32_s8(const struct haq_dwconv_args *d)
{
    const int8_t *w = d->w;
    for (size_t p = 0; p < d->pixels; p++)
        for (size_t c = 0; c < d->channels; c++) {
            double sum = 0;
            for (size_t t = 0; t < d->taps; t++)
                sum += (double)((const float *)d->a[t * d->pixels + p])[c] *
                       w[t * d->channels + c];
            ((float *)d->acc)[p * d->ldc + c] = (float)sum;
        }
}

static void run_u8_s8(const struct haq_dwconv_args *d)
{
    const int8_t *w = d->w;
    for (size_t p = 0; p < d->pixels; p++)
        for (size_t c = 0; c < d->channels; c++) {
            int32_t sum = 0;
            for (size_t t = 0; t < d->taps; t++)
                sum += ((const uint8_t *)d->a[t * d->pixels + p])[c] *
                       w[t * d->channels + c];
            ((int32_t *)d->acc)[p * d->ldc + c] = sum;
        }
}

/* Windows have at most some hundred taps, so the bound is tight. */
static const struct haq_dwconv_impl impls[] = {
    {"dwconv_f32_ref", HAQ_GEMM_F32, HAQ_ISA_NONE, 2e-6f, run_f32},
    {"dwconv_f32_s8_ref", HAQ_GEMM_F32_S8, HAQ_ISA_NONE, 2e-6f, run_f32_s8},
    {"dwconv_u8_s8_ref", HAQ_GEMM_U8_S8, HAQ_ISA_NONE, 0, run_u8_s8},
#ifdef HAQ_ARCH_X86
    {"dwconv_f32_avx2", HAQ_GEMM_F32, HAQ_ISA_AVX2, 2e-6f, haq_dwconv_f32_avx2},
    {"dwconv_f32_s8_avx2", HAQ_GEMM_F32_S8, HAQ_ISA_AVX2, 2e-6f,
     haq_dwconv_f32_s8_avx2},
    {"dwconv_u8_s8_avx2", HAQ_GEMM_U8_S8, HAQ_ISA_AVX2, 0,
     haq_dwconv_u8_s8_avx2},
    {"dwconv_f32_avx512", HAQ_GEMM_F32, HAQ_ISA_AVX512, 2e-6f,
     haq_dwconv_f32_avx512},
    {"dwconv_f32_s8_avx512", HAQ_GEMM_F32_S8, HAQ_ISA_AVX512, 2e-6f,
     haq_dwconv_f32_s8_avx512},
    {"dwconv_u8_s8_avx512", HAQ_GEMM_U8_S8, HAQ_ISA_AVX512, 0,
     haq_dwconv_u8_s8_avx512},
#endif
#ifdef HAQ_ARCH_ARM
    {"dwconv_f32_neon", HAQ_GEMM_F32, HAQ_ISA_NEON, 2e-6f, haq_dwconv_f32_neon},
    {"dwconv_f32_s8_neon", HAQ_GEMM_F32_S8, HAQ_ISA_NEON, 2e-6f,
     haq_dwconv_f32_s8_neon},
    {"dwconv_u8_s8_neon", HAQ_GEMM_U8_S8, HAQ_ISA_NEON, 0,
     haq_dwconv_u8_s8_neon},
#endif
};

const struct haq_dwconv_impl *haq_dwconv_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_dwconv_impl *haq_dwconv_select(enum haq_gemm_kind kind,
                                                unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (--i && (impls[i].kind != kind || impls[i].isa & ~isa))
        ; /* stops at the kind's reference row, which needs nothing */
    return &impls[i];
}
