#include "kernels/dwconv_f32.h"

#include <string.h>

#include "base/cpu.h"
#include "kernels/dwconv_f32_priv.h"
#include "kernels/simd.h"

/* ---- reference ---------------------------------------------------------- */

enum { REF_LANES = 4, REF_BLOCK = 16 };

/* Channel c of the packed weights, REF_LANES apart. */
static const float *ref_channel(const struct haq_dwconv_f32_args *a, size_t c)
{
    size_t vec = HAQ_DWF_TAPS + a->kernel[0] * a->kernel[1];
    return a->packed + c / REF_LANES * vec * REF_LANES + c % REF_LANES;
}

/* In double, so that the reference is the exact one of the two. */
static float ref_sum(const struct haq_dwconv_f32_args *a, size_t row, size_t x,
                     size_t c)
{
    const float *w = ref_channel(a, c) + HAQ_DWF_TAPS * REF_LANES;
    double sum = 0;
    for (size_t t = 0; t < a->kernel[0] * a->kernel[1]; t++) {
        size_t ky = t / a->kernel[1], kx = t % a->kernel[1];
        const float *in = a->in[row * a->kernel[0] + ky];
        size_t col = x * a->stride + kx * a->dilation - a->pad; /* may wrap */
        if (in && col < a->in_width)
            sum += (double)in[col * a->channels + c] * (double)w[t * REF_LANES];
    }
    return (float)sum;
}

static void run_ref(const struct haq_dwconv_f32_args *a)
{
    size_t first = a->block * REF_BLOCK, n = a->channels - first;
    if (n > REF_BLOCK)
        n = REF_BLOCK;
    for (size_t i = 0; i < a->rows * a->out_width * n; i++) {
        size_t c = first + i % n, x = i / n % a->out_width;
        size_t r = i / n / a->out_width;
        const float *w = ref_channel(a, c);
        float y = ref_sum(a, r, x, c) * w[HAQ_DWF_MULT * REF_LANES] +
                  w[HAQ_DWF_BIAS * REF_LANES];
        a->out[r][x * a->channels + c] = haq_clampf(y, a->lo, a->hi);
    }
}

/* ---- packing ------------------------------------------------------------ */

size_t haq_dwconv_f32_packed(const struct haq_dwconv_f32_impl *impl,
                             size_t taps, size_t channels)
{
    size_t vecs = (channels + impl->lanes - 1) / impl->lanes;
    return vecs * (HAQ_DWF_TAPS + taps) * impl->lanes;
}

void haq_dwconv_f32_pack(const struct haq_dwconv_f32_impl *impl, float *dst,
                         const float *w, const float *mult, const float *bias,
                         size_t taps, size_t channels)
{
    size_t lanes = impl->lanes, vec = (HAQ_DWF_TAPS + taps) * lanes;
    memset(dst, 0, haq_dwconv_f32_packed(impl, taps, channels) * sizeof *dst);
    for (size_t c = 0; c < channels; c++) {
        float *to = dst + c / lanes * vec + c % lanes;
        to[HAQ_DWF_MULT * lanes] = mult ? mult[c] : 1;
        to[HAQ_DWF_BIAS * lanes] = bias ? bias[c] : 0;
        for (size_t t = 0; t < taps; t++)
            to[(HAQ_DWF_TAPS + t) * lanes] = w[c * taps + t];
    }
}

/* ---- the table ---------------------------------------------------------- */

/* Windows have at most some hundred taps, so the bound is tight. */
#define ROW(set, id, n)                                                        \
    {                                                                          \
        .name = "dwconv_f32_" #id, .isa = set, .lanes = n, .block = 96,        \
        .bound = 2e-6f, .run = haq_dwconv_f32_##id                             \
    }

static const struct haq_dwconv_f32_impl impls[] = {
    {"dwconv_f32_ref", HAQ_ISA_NONE, REF_LANES, REF_BLOCK, 2e-6f, run_ref},
#ifdef HAQ_ARCH_X86
    ROW(HAQ_ISA_AVX2, avx2, 8),
    ROW(HAQ_ISA_AVX512, avx512, 16),
#endif
#ifdef HAQ_ARCH_ARM
    ROW(HAQ_ISA_NEON, neon, 4),
#endif
};

const struct haq_dwconv_f32_impl *haq_dwconv_f32_impls(size_t *count)
{
    *count = sizeof impls / sizeof *impls;
    return impls;
}

const struct haq_dwconv_f32_impl *haq_dwconv_f32_select(unsigned isa)
{
    size_t i = sizeof impls / sizeof *impls;
    while (--i && impls[i].isa & ~isa)
        ; /* stops at the reference row, which needs nothing */
    return &impls[i];
}
