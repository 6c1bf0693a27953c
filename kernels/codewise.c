#include "kernels/codewise.h"

#include "base/cpu.h"

#define CODEWISE(name) haq_codewise_##name##_ref
#include "kernels/codewise.inc"

void haq_codewise_lookup_ref(uint8_t *y, const uint8_t *x, size_t n,
                             const uint8_t table[256])
{
    for (size_t i = 0; i < n; i++)
        y[i] = table[x[i]];
}

#define SET(mask, id)                                                          \
    {                                                                          \
        .name = "codewise_" #id, .isa = mask,                                  \
        .lookup = haq_codewise_lookup_##id,                                    \
        .to_u8 = {[HAQ_BIN_ADD] = haq_codewise_add_##id,                       \
                  [HAQ_BIN_SUB] = haq_codewise_sub_##id,                       \
                  [HAQ_BIN_MUL] = haq_codewise_mul_##id,                       \
                  [HAQ_BIN_MIN] = haq_codewise_min_##id,                       \
                  [HAQ_BIN_MAX] = haq_codewise_max_##id},                      \
        .to_f32 = {[HAQ_BIN_ADD] = haq_codewise_add_f32_##id,                  \
                   [HAQ_BIN_SUB] = haq_codewise_sub_f32_##id,                  \
                   [HAQ_BIN_MUL] = haq_codewise_mul_f32_##id,                  \
                   [HAQ_BIN_MIN] = haq_codewise_min_f32_##id,                  \
                   [HAQ_BIN_MAX] = haq_codewise_max_f32_##id},                 \
    }

static const struct haq_codewise sets[] = {
    SET(HAQ_ISA_NONE, ref),
#ifdef HAQ_ARCH_X86
    SET(HAQ_ISA_AVX2, avx2),
    SET(HAQ_ISA_AVX512, avx512),
#endif
#ifdef HAQ_ARCH_ARM
    SET(HAQ_ISA_NEON, neon),
#endif
};

const struct haq_codewise *haq_codewise_impls(size_t *count)
{
    *count = sizeof sets / sizeof *sets;
    return sets;
}

const struct haq_codewise *haq_codewise_select(unsigned isa)
{
    size_t i = sizeof sets / sizeof *sets;
    while (sets[--i].isa & ~isa)
        ; /* stops at the reference, which needs nothing */
    return &sets[i];
}
