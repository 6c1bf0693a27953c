#include "kernels/peak.h"

#include "base/cpu.h"
#include "kernels/peak_priv.h"

static void f32_ref(struct haq_peak_work *done, size_t turns)
{
    float sum[HAQ_PEAK_CHAINS];
    for (int c = 0; c < HAQ_PEAK_CHAINS; c++)
        sum[c] = 1;
    for (size_t i = 0; i < turns; i++)
        for (int c = 0; c < HAQ_PEAK_CHAINS; c++) {
            sum[c] = sum[c] * 0.5f + 0.5f;
            __asm__ volatile("" : "+m"(sum[c]));
        }
    done->sum = 0;
    for (int c = 0; c < HAQ_PEAK_CHAINS; c++)
        done->sum += (double)sum[c];
    done->ops = 2.0 * HAQ_PEAK_CHAINS * (double)turns;
}

static void dot_ref(struct haq_peak_work *done, size_t turns)
{
    int32_t sum[HAQ_PEAK_CHAINS] = {0};
    uint8_t x = 3;
    int8_t w = -2;
    for (size_t i = 0; i < turns; i++)
        for (int c = 0; c < HAQ_PEAK_CHAINS; c++) {
            __asm__ volatile("" : "+r"(x), "+r"(w));
            sum[c] += x * w;
        }
    done->sum = 0;
    for (int c = 0; c < HAQ_PEAK_CHAINS; c++)
        done->sum += sum[c];
    done->ops = 2.0 * HAQ_PEAK_CHAINS * (double)turns;
}

#define READ read_ref
static haq_peak_read_fn read_ref;
#include "kernels/peak_read.inc"

#define WORK_ROW(KIND, kind, set, id)                                          \
    {                                                                          \
        "peak_" #kind "_" #id, HAQ_PEAK_##KIND, set, haq_peak_##kind##_##id,   \
            NULL                                                               \
    }
#define READ_ROW(set, id)                                                      \
    {                                                                          \
        "peak_read_" #id, HAQ_PEAK_READ, set, NULL, haq_peak_read_##id         \
    }

static const struct haq_peak_impl impls[] = {
    {"peak_f32_ref", HAQ_PEAK_F32, HAQ_ISA_NONE, f32_ref, NULL},
    {"peak_dot_ref", HAQ_PEAK_DOT, HAQ_ISA_NONE, dot_ref, NULL},
    {"peak_read_ref", HAQ_PEAK_READ, HAQ_ISA_NONE, NULL, read_ref},
#ifdef HAQ_ARCH_X86
    WORK_ROW(F32, f32, HAQ_ISA_AVX2, avx2),
    WORK_ROW(F32, f32, HAQ_ISA_AVX512, avx512),
    WORK_ROW(DOT, dot, HAQ_ISA_AVX2, avx2),
    WORK_ROW(DOT, dot, HAQ_ISA_AVX512, avx512),
    WORK_ROW(DOT, dot, HAQ_ISA_AVX512 | HAQ_ISA_VNNI, avx512vnni),
    WORK_ROW(DOT, dot, HAQ_ISA_AVX512 | HAQ_ISA_VNNI | HAQ_ISA_AMX, avx512amx),
    READ_ROW(HAQ_ISA_AVX2, avx2),
    READ_ROW(HAQ_ISA_AVX512, avx512),
#endif
#ifdef HAQ_ARCH_ARM
    WORK_ROW(F32, f32, HAQ_ISA_NEON, neon),
    WORK_ROW(DOT, dot, HAQ_ISA_NEON, neon),
    WORK_ROW(DOT, dot, HAQ_ISA_NEON | HAQ_ISA_DOTPROD, dotprod),
    WORK_ROW(DOT, dot, HAQ_ISA_NEON | HAQ_ISA_I8MM, i8mm),
    READ_ROW(HAQ_ISA_NEON, neon),
#endif
};

const struct haq_peak_impl *haq_peak_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_peak_impl *haq_peak_select(enum haq_peak_kind kind,
                                            unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (--i && (impls[i].kind != kind || impls[i].isa & ~isa))
        ; /* stops at the kind's reference row, which needs nothing */
    return &impls[i];
}
