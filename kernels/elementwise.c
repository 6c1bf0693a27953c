#include "kernels/elementwise.h"

#include <math.h>

#include "base/cpu.h"

#define ELT(name) haq_elt_##name##_ref
#include "kernels/elementwise.inc"

/* libm in double, rounded once. */
UNARY(sigmoid, (float)(1 / (1 + exp(-(double)x[i]))))
/* The two roundings of Mul(x, Sigmoid(x)), which it stands for. */
UNARY(silu, x[i] * (float)(1 / (1 + exp(-(double)x[i]))))
UNARY(tanh, (float)tanh((double)x[i]))
UNARY(erf, (float)erf((double)x[i]))
UNARY(gelu, (float)(0.5 * (double)x[i] * erfc(-(double)x[i] * M_SQRT1_2)))
UNARY(exp, (float)exp((double)x[i]))

void haq_elt_softmax_ref(float *y, const float *x, size_t rows, size_t n)
{
    for (size_t m = 0; m < rows; m++, x += n, y += n) {
        float low, high;
        double sum = 0;
        haq_elt_minmax_ref(x, n, &low, &high);
        for (size_t i = 0; i < n; i++)
            sum += exp((double)(x[i] - high));
        for (size_t i = 0; i < n; i++)
            y[i] = (float)(exp((double)(x[i] - high)) / sum);
    }
}

void haq_elt_log_softmax_ref(float *y, const float *x, size_t rows, size_t n)
{
    for (size_t m = 0; m < rows; m++, x += n, y += n) {
        float low, high;
        double sum = 0;
        haq_elt_minmax_ref(x, n, &low, &high);
        for (size_t i = 0; i < n; i++)
            sum += exp((double)(x[i] - high));
        for (size_t i = 0; i < n; i++)
            y[i] = (float)((double)(x[i] - high) - log(sum));
    }
}

/* Too rare in networks to have vectors; shared by all sets. */
static void log_all(float *y, const float *x, size_t n, float alpha, float beta)
{
    (void)alpha, (void)beta;
    for (size_t i = 0; i < n; i++)
        y[i] = logf(x[i]);
}

static void pow_all(float *y, const float *a, const float *b, size_t n, int sa,
                    int sb, float lo, float hi)
{
    for (size_t i = 0; i < n; i++) {
        float u = sa ? a[i] : a[0], v = sb ? b[i] : b[0];
        y[i] = haq_clampf(powf(u, v), lo, hi);
    }
}

#define SET(mask, id)                                                          \
    {                                                                          \
        .name = "elementwise_" #id, .isa = mask,                               \
        .unary = {[HAQ_UN_RELU] = haq_elt_relu_##id,                           \
                  [HAQ_UN_CLIP] = haq_elt_clip_##id,                           \
                  [HAQ_UN_LEAKY_RELU] = haq_elt_leaky_relu_##id,               \
                  [HAQ_UN_SIGMOID] = haq_elt_sigmoid_##id,                     \
                  [HAQ_UN_SILU] = haq_elt_silu_##id,                           \
                  [HAQ_UN_TANH] = haq_elt_tanh_##id,                           \
                  [HAQ_UN_HARD_SIGMOID] = haq_elt_hard_sigmoid_##id,           \
                  [HAQ_UN_HARD_SWISH] = haq_elt_hard_swish_##id,               \
                  [HAQ_UN_ERF] = haq_elt_erf_##id,                             \
                  [HAQ_UN_GELU] = haq_elt_gelu_##id,                           \
                  [HAQ_UN_EXP] = haq_elt_exp_##id,                             \
                  [HAQ_UN_LOG] = log_all,                                      \
                  [HAQ_UN_NEG] = haq_elt_neg_##id,                             \
                  [HAQ_UN_ABS] = haq_elt_abs_##id,                             \
                  [HAQ_UN_SQRT] = haq_elt_sqrt_##id,                           \
                  [HAQ_UN_RECIPROCAL] = haq_elt_reciprocal_##id},              \
        .binary = {[HAQ_BIN_ADD] = haq_elt_add_##id,                           \
                   [HAQ_BIN_SUB] = haq_elt_sub_##id,                           \
                   [HAQ_BIN_MUL] = haq_elt_mul_##id,                           \
                   [HAQ_BIN_DIV] = haq_elt_div_##id,                           \
                   [HAQ_BIN_POW] = pow_all,                                    \
                   [HAQ_BIN_MIN] = haq_elt_min_##id,                           \
                   [HAQ_BIN_MAX] = haq_elt_max_##id},                          \
        .quantize = haq_elt_quantize_##id,                                     \
        .dequantize = haq_elt_dequantize_##id,                                 \
        .requantize = haq_elt_requantize_##id,                                 \
        .softmax = haq_elt_softmax_##id,                                       \
        .log_softmax = haq_elt_log_softmax_##id, .minmax = haq_elt_minmax_##id \
    }

static const struct haq_elementwise sets[] = {
    SET(HAQ_ISA_NONE, ref),
#ifdef HAQ_ARCH_X86
    SET(HAQ_ISA_AVX2, avx2),
    SET(HAQ_ISA_AVX512, avx512),
#endif
#ifdef HAQ_ARCH_ARM
    SET(HAQ_ISA_NEON, neon),
#endif
};

const struct haq_elementwise *haq_elementwise_impls(size_t *count)
{
    *count = sizeof sets / sizeof *sets;
    return sets;
}

const struct haq_elementwise *haq_elementwise_select(unsigned isa)
{
    size_t i = sizeof sets / sizeof *sets;
    while (sets[--i].isa & ~isa)
        ; /* stops at the reference, which needs nothing */
    return &sets[i];
}
