/* kernels/dwconv_rows.h - depthwise convolution from codes to codes, whole
 * output rows at a time.
 *
 *     in   row of output row r, tap row ky:  in[r * stride + ky]
 *          | pixel 0: C codes | pixel 1: C codes | ...  in_width pixels
 *     out  row r:  out[r], out_width pixels of C codes
 *
 *     acc = sum over ky, kx of  in[r * stride + ky][x * stride + kx - pad][c]
 *                               * W[ky][kx][c]
 *     out[r][x][c] = clamp(round_half_even((float)(acc + corr[c]) * mult[c])
 *                          + zero, qlo, qhi)
 *
 * which is kernels/dwconv.h followed by the S32_U8 epilogue, the accumulators
 * never leaving registers.  Columns outside the image hold `pad_code`; rows
 * outside are the caller's rows of it.  Channels come in blocks, so that work
 * can be split along rows and channels.
 *
 * Every row of the table is bit exact.
 */
#ifndef HAQ_KERNELS_DWCONV_ROWS_H
#define HAQ_KERNELS_DWCONV_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum {
    HAQ_DWCONV_ROWS_MAX = 16, /* output rows of a call */
    HAQ_DWCONV_ROWS_IN = 2 * (HAQ_DWCONV_ROWS_MAX - 1) + 5, /* most `in` has */
    HAQ_DWCONV_ROWS_SLACK = 64, /* bytes readable beyond the end of a row */
    HAQ_DWCONV_ROWS_SCRATCH = 24576
};

struct haq_dwconv_rows_args {
    const uint8_t *const *in; /* [(rows - 1) * stride + kernel], each
                                 in_width * channels codes and the slack */
    uint8_t *const *out;      /* [rows] */
    size_t rows;              /* 1 .. HAQ_DWCONV_ROWS_MAX */
    size_t in_width, out_width;
    size_t pad; /* columns left of the image, less than the kernel; what is
                   missing on the right is padded too */
    size_t channels;
    size_t block; /* channels block * impl->block and on are made */
    const void *packed;
    uint8_t pad_code;
    int32_t zero, qlo, qhi; /* as in epilogue.h */
    void *scratch; /* HAQ_DWCONV_ROWS_SCRATCH bytes at a multiple of 64 */
};

typedef void haq_dwconv_rows_fn(const struct haq_dwconv_rows_args *a);

/* dst: haq_dwconv_rows_bytes bytes at a multiple of 64; w [kernel * kernel]
 * [channels]; corr, mult [channels]. */
struct haq_dwconv_rows_impl;
typedef void haq_dwconv_rows_pack_fn(const struct haq_dwconv_rows_impl *impl,
                                     void *dst, const int8_t *w,
                                     const int32_t *corr, const float *mult,
                                     size_t channels);

struct haq_dwconv_rows_impl {
    const char *name;
    unsigned isa;
    size_t kernel, stride; /* of both axes */
    size_t block;          /* channels of a block; the last may have fewer */
    size_t block_bytes;    /* of a packed block */
    size_t job; /* output rows made together: other counts waste some work */
    haq_dwconv_rows_pack_fn *pack;
    haq_dwconv_rows_fn *run;
};

const struct haq_dwconv_rows_impl *haq_dwconv_rows_impls(size_t *count);

/* The fastest row of that window within `isa`, or NULL: no such window. */
const struct haq_dwconv_rows_impl *
haq_dwconv_rows_select(size_t kernel, size_t stride, unsigned isa);

static inline size_t
haq_dwconv_rows_blocks(const struct haq_dwconv_rows_impl *impl, size_t channels)
{
    return (channels + impl->block - 1) / impl->block;
}

/* Rows of a call that waste nothing: a job, or several where a last block of
 * few channels lets them share vectors. */
size_t haq_dwconv_rows_step(const struct haq_dwconv_rows_impl *impl,
                            size_t channels);

static inline size_t
haq_dwconv_rows_bytes(const struct haq_dwconv_rows_impl *impl, size_t channels)
{
    return haq_dwconv_rows_blocks(impl, channels) * impl->block_bytes;
}

#endif
