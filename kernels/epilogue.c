#include "kernels/epilogue.h"

#include "base/cpu.h"

#define EPI(name) haq_epilogue_##name##_ref
#include "kernels/epilogue.inc"
#include "kernels/epilogue_codes.inc"

#define ROWS(set, isa)                                                         \
    {"epilogue_s32_u8_" #isa, HAQ_EPI_S32_U8, set, haq_epilogue_s32_u8_##isa}, \
        {"epilogue_s32_f32_" #isa, HAQ_EPI_S32_F32, set,                       \
         haq_epilogue_s32_f32_##isa},                                          \
        {"epilogue_s32_f32_row_" #isa, HAQ_EPI_S32_F32_ROW, set,               \
         haq_epilogue_s32_f32_row_##isa},                                      \
        {"epilogue_f32_f32_" #isa, HAQ_EPI_F32_F32, set,                       \
         haq_epilogue_f32_f32_##isa},                                          \
    {                                                                          \
        "epilogue_f32_u8_" #isa, HAQ_EPI_F32_U8, set,                          \
            haq_epilogue_f32_u8_##isa                                          \
    }

static const struct haq_epilogue_impl impls[] = {
    ROWS(HAQ_ISA_NONE, ref),
#ifdef HAQ_ARCH_X86
    ROWS(HAQ_ISA_AVX2, avx2),
    ROWS(HAQ_ISA_AVX512, avx512),
#endif
#ifdef HAQ_ARCH_ARM
    ROWS(HAQ_ISA_NEON, neon),
#endif
};

const struct haq_epilogue_impl *haq_epilogue_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_epilogue_impl *haq_epilogue_select(enum haq_epilogue_kind kind,
                                                    unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (--i && (impls[i].kind != kind || impls[i].isa & ~isa))
        ; /* stops at the kind's reference row, which needs nothing */
    return &impls[i];
}
