/* kernels/epilogue.h - what happens to accumulators on the way to memory.
 *
 * Integer accumulators become real numbers or codes by the numerics contract
 * (architecture): with z_x, z_w the zero points of activation and weight,
 *
 *   v[m][n] = acc[m][n] + corr[n] - zw[n] * rowsum[m]
 *     corr[n] = bias_q[n] - z_x * colsum[n] + K * z_x * z_w[n]   (exact int32,
 *               made once by the runtime; static activations)
 *   to float:  y = (float)v * mult[n], clamped to [lo, hi]
 *   to codes:  q = clamp(round_half_even((float)v * mult[n]) + zero, qlo, qhi)
 *
 * Dynamic activations have a scale and a zero point per row:
 *   y = (float)(acc - z_m * colsum[n] - zw[n] * (rowsum[m] - K * z_m))
 *       * (s_m * mult[n]) + bias[n]
 *
 * Float accumulators: y = acc * mult[n] + bias[n] (mult NULL = 1), clamped, and
 * optionally quantized: q = clamp(round_half_even(y / scale) + zero, qlo, qhi),
 * a true division as ONNX QuantizeLinear has it.
 *
 * Rows of one table per (input, output) pair and ISA; results are the same
 * bits on every ISA (no contraction, no reciprocal).
 */
#ifndef HAQ_KERNELS_EPILOGUE_H
#define HAQ_KERNELS_EPILOGUE_H

#include <stddef.h>
#include <stdint.h>

enum haq_epilogue_kind {
    HAQ_EPI_S32_U8,      /* static int32 -> codes */
    HAQ_EPI_S32_F32,     /* static int32 -> float */
    HAQ_EPI_S32_F32_ROW, /* dynamic int32 -> float */
    HAQ_EPI_F32_F32,     /* float -> float */
    HAQ_EPI_F32_U8,      /* float -> codes */
    HAQ_EPI_KINDS
};

struct haq_epilogue_args {
    const void *acc; /* [rows][lda] int32 or float */
    size_t lda;
    size_t rows, cols;
    void *y; /* [rows][ldy] uint8 or float; may be acc itself for F32_F32 */
    size_t ldy;
    const float *mult;       /* [cols]; NULL = 1 (float kinds only) */
    const int32_t *corr;     /* [cols] static int kinds */
    const float *bias;       /* [cols] float and dynamic kinds; NULL = 0 */
    const int32_t *colsum;   /* [cols] dynamic kind */
    const int32_t *zw;       /* [cols] weight zero points; NULL = all zero */
    const int32_t *rowsum;   /* [rows] sums of a; needed when zw is not NULL */
    const float *row_scale;  /* [rows] dynamic kind */
    const int32_t *row_zero; /* [rows] dynamic kind */
    int32_t k;               /* reduction length, padding included */
    float lo, hi;            /* clamp on real results */
    float scale;             /* F32_U8 */
    int32_t zero;            /* of the output codes */
    int32_t qlo, qhi;        /* clamp on codes, within 0 .. 255 */
};

typedef void haq_epilogue_fn(const struct haq_epilogue_args *a);

struct haq_epilogue_impl {
    const char *name;
    enum haq_epilogue_kind kind;
    unsigned isa;
    haq_epilogue_fn *run;
};

const struct haq_epilogue_impl *haq_epilogue_impls(size_t *count);
const struct haq_epilogue_impl *haq_epilogue_select(enum haq_epilogue_kind kind,
                                                    unsigned isa);

#endif
