/* kernels/dwconv_f32.h - depthwise convolution of floats, whole output rows at
 * a time, with its epilogue.
 *
 *     in   row that tap row ky of output row r sees: in[r * kernel[0] + ky]
 *          | pixel 0: C floats | pixel 1: C floats | ...  in_width pixels
 *     out  row r:  out[r], out_width pixels of C floats
 *
 *     acc = sum over ky, kx of  in[..][x * stride + kx * dilation - pad][c]
 *                               * W[ky][kx][c]
 *     out[r][x][c] = clamp(acc * mult[c] + bias[c], lo, hi)
 *
 * the last line in single precision as the F32_F32 epilogue of epilogue.h.
 * Columns outside the image count as zero; rows outside are NULL.  Channels
 * come in blocks, so that work can be split along rows and channels.
 *
 * Weights of an integer format are packed as the floats that equal their codes,
 * with the scale in mult: a few taps per channel are no traffic worth saving.
 */
#ifndef HAQ_KERNELS_DWCONV_F32_H
#define HAQ_KERNELS_DWCONV_F32_H

#include <stddef.h>

struct haq_dwconv_f32_args {
    const float *const *in; /* [rows][kernel[0]] */
    float *const *out;      /* [rows] */
    size_t rows;
    size_t in_width, out_width;
    size_t kernel[2];        /* rows, columns */
    size_t stride, dilation; /* of columns */
    size_t pad;              /* columns left of the image; what is missing on
                                the right is padded too */
    size_t channels;
    size_t block; /* channels block * impl->block and on are made */
    const float *packed;
    float lo, hi;
};

typedef void haq_dwconv_f32_fn(const struct haq_dwconv_f32_args *a);

struct haq_dwconv_f32_impl {
    const char *name;
    unsigned isa;
    size_t lanes; /* channels of a vector */
    size_t block; /* channels of a block; the last may have fewer */
    float bound;  /* as in gemm.h, of acc */
    haq_dwconv_f32_fn *run;
};

const struct haq_dwconv_f32_impl *haq_dwconv_f32_impls(size_t *count);
const struct haq_dwconv_f32_impl *haq_dwconv_f32_select(unsigned isa);

static inline size_t
haq_dwconv_f32_blocks(const struct haq_dwconv_f32_impl *impl, size_t channels)
{
    return (channels + impl->block - 1) / impl->block;
}

/* Floats that packed weights need. */
size_t haq_dwconv_f32_packed(const struct haq_dwconv_f32_impl *impl,
                             size_t taps, size_t channels);

/* dst: haq_dwconv_f32_packed floats; w [channels][taps]; mult and bias
 * [channels] or NULL (1, 0). */
void haq_dwconv_f32_pack(const struct haq_dwconv_f32_impl *impl, float *dst,
                         const float *w, const float *mult, const float *bias,
                         size_t taps, size_t channels);

#endif
