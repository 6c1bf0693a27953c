/* kernels/elementwise.h - one-pass operations on contiguous arrays.
 *
 * Every operation has a scalar row and, where it pays, rows for wider ISAs;
 * integer results are bit exact, float ones within the stated bound: exp and
 * friends 4 ulp of the correctly rounded result, Gelu left of -1 an absolute
 * 1e-7 (its tail tends to 0), softmax 6 ulp; + - * / and the rest exact. Finite
 * arguments never give NaN.  An output may be one of the inputs.
 */
#ifndef HAQ_KERNELS_ELEMENTWISE_H
#define HAQ_KERNELS_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

/* Affine code of an activation tensor: real = scale * (code - zero). */
struct haq_affine {
    float scale;
    int32_t zero;
};

enum haq_unary {
    HAQ_UN_RELU,
    HAQ_UN_CLIP,
    HAQ_UN_LEAKY_RELU,
    HAQ_UN_SIGMOID,
    HAQ_UN_SILU,
    HAQ_UN_TANH,
    HAQ_UN_HARD_SIGMOID,
    HAQ_UN_HARD_SWISH,
    HAQ_UN_ERF,
    HAQ_UN_GELU,
    HAQ_UN_EXP,
    HAQ_UN_LOG,
    HAQ_UN_NEG,
    HAQ_UN_ABS,
    HAQ_UN_SQRT,
    HAQ_UN_RECIPROCAL,
    HAQ_UN_COUNT
};
enum haq_binary {
    HAQ_BIN_ADD,
    HAQ_BIN_SUB,
    HAQ_BIN_MUL,
    HAQ_BIN_DIV,
    HAQ_BIN_POW,
    HAQ_BIN_MIN,
    HAQ_BIN_MAX,
    HAQ_BIN_COUNT
};

/* y[i] = f(x[i]); alpha, beta: Clip lo/hi, LeakyRelu slope, HardSigmoid. */
typedef void haq_unary_fn(float *y, const float *x, size_t n, float alpha,
                          float beta);
/* y[i] = f(a[i * sa], b[i * sb]) clamped to [lo, hi]; a stride is 0 (one value
 * for all) or 1. */
typedef void haq_binary_fn(float *y, const float *a, const float *b, size_t n,
                           int sa, int sb, float lo, float hi);

/* q = clamp(rhe(x / scale) + zero, qlo, qhi) */
typedef void haq_quantize_fn(uint8_t *q, const float *x, size_t n,
                             struct haq_affine to, int32_t qlo, int32_t qhi);
/* x = scale * (q - zero) */
typedef void haq_dequantize_fn(float *x, const uint8_t *q, size_t n,
                               struct haq_affine from);
/* q -> real -> other affine code (Concat of tensors with different scales). */
typedef void haq_requantize_fn(uint8_t *y, const uint8_t *q, size_t n,
                               struct haq_affine from, struct haq_affine to,
                               int32_t qlo, int32_t qhi);
/* Rows of [rows][n]: softmax with the maximum taken out first. */
typedef void haq_softmax_fn(float *y, const float *x, size_t rows, size_t n);
/* min and max of n >= 1 finite values. */
typedef void haq_minmax_fn(const float *x, size_t n, float *lo, float *hi);

struct haq_elementwise {
    const char *name;
    unsigned isa;
    haq_unary_fn *unary[HAQ_UN_COUNT];
    haq_binary_fn *binary[HAQ_BIN_COUNT];
    haq_quantize_fn *quantize;
    haq_dequantize_fn *dequantize;
    haq_requantize_fn *requantize;
    haq_softmax_fn *softmax;
    haq_softmax_fn *log_softmax;
    haq_minmax_fn *minmax;
};

/* Whole sets, reference first; every set is complete. */
const struct haq_elementwise *haq_elementwise_impls(size_t *count);
const struct haq_elementwise *haq_elementwise_select(unsigned isa);

#endif
