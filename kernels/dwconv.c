#include "kernels/dwconv.h"

#include "base/cpu.h"
#include "kernels/dwconv_priv.h"

static void run_u8_s8(const struct haq_dwconv_args *d)
{
    for (size_t p = 0; p < d->pixels; p++)
        for (size_t c = 0; c < d->channels; c++) {
            int32_t sum = 0;
            for (size_t t = 0; t < d->taps; t++)
                sum += d->a[t * d->pixels + p][c] * d->w[t * d->channels + c];
            d->acc[p * d->ldc + c] = sum;
        }
}

static const struct haq_dwconv_impl impls[] = {
    {"dwconv_u8_s8_ref", HAQ_ISA_NONE, run_u8_s8},
#ifdef HAQ_ARCH_X86
    {"dwconv_u8_s8_avx2", HAQ_ISA_AVX2, haq_dwconv_u8_s8_avx2},
    {"dwconv_u8_s8_avx512", HAQ_ISA_AVX512, haq_dwconv_u8_s8_avx512},
#endif
#ifdef HAQ_ARCH_ARM
    {"dwconv_u8_s8_neon", HAQ_ISA_NEON, haq_dwconv_u8_s8_neon},
#endif
};

const struct haq_dwconv_impl *haq_dwconv_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_dwconv_impl *haq_dwconv_select(unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (--i && impls[i].isa & ~isa)
        ; /* stops at the reference row, which needs nothing */
    return &impls[i];
}
