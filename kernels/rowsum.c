#include "kernels/rowsum.h"

#include "base/cpu.h"

static void run_ref(const struct haq_rowsum_args *r)
{
    for (size_t m = 0; m < r->rows; m++) {
        int32_t sum = 0;
        for (size_t s = 0; s < r->segments; s++) {
            const uint8_t *a = r->a[s * r->rows + m];
            for (size_t e = 0; e < r->seg_len; e++)
                sum += a[e];
        }
        r->sum[m] = sum;
    }
}

static const struct haq_rowsum_impl impls[] = {
    {"rowsum_ref", HAQ_ISA_NONE, run_ref},
#ifdef HAQ_ARCH_X86
    {"rowsum_avx2", HAQ_ISA_AVX2, haq_rowsum_avx2},
    {"rowsum_avx512", HAQ_ISA_AVX512, haq_rowsum_avx512},
#endif
#ifdef HAQ_ARCH_ARM
    {"rowsum_neon", HAQ_ISA_NEON, haq_rowsum_neon},
#endif
};

const struct haq_rowsum_impl *haq_rowsum_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_rowsum_impl *haq_rowsum_select(unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (impls[--i].isa & ~isa)
        ; /* stops at the reference, which needs nothing */
    return &impls[i];
}
