#include "kernels/pool.h"

#include "base/cpu.h"

#define POOL(name) haq_pool_##name##_ref
#include "kernels/pool.inc"

#define SET(mask, id)                                                          \
    {                                                                          \
        .name = "pool_" #id, .isa = mask, .max_f32 = haq_pool_max_f32_##id,    \
        .max_u8 = haq_pool_max_u8_##id, .avg_f32 = haq_pool_avg_f32_##id,      \
        .avg_u8 = haq_pool_avg_u8_##id, .avg_u8_f32 = haq_pool_avg_u8_f32_##id \
    }

static const struct haq_pool_impl impls[] = {
    SET(HAQ_ISA_NONE, ref),
#ifdef HAQ_ARCH_X86
    SET(HAQ_ISA_AVX2, avx2),
    SET(HAQ_ISA_AVX512, avx512),
#endif
#ifdef HAQ_ARCH_ARM
    SET(HAQ_ISA_NEON, neon),
#endif
};

const struct haq_pool_impl *haq_pool_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_pool_impl *haq_pool_select(unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (impls[--i].isa & ~isa)
        ; /* stops at the reference, which needs nothing */
    return &impls[i];
}
