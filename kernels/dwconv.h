/* kernels/dwconv.h - depthwise convolution of codes over NHWC rows by
 * indirection: any window, sums as they are.
 *
 *     acc[p][c] = sum over taps t of  A[t][p][c] * W[t][c]
 *
 * Every row of the table is bit exact.  Pointer t * pixels + p points at the C
 * channels of tap t for output pixel p; padded taps point at a row of zero
 * points.
 */
#ifndef HAQ_KERNELS_DWCONV_H
#define HAQ_KERNELS_DWCONV_H

#include <stddef.h>
#include <stdint.h>

struct haq_dwconv_args {
    const uint8_t *const *a; /* [taps][pixels] */
    size_t pixels;           /* >= 1 */
    size_t taps;             /* kh * kw */
    size_t channels;
    const int8_t *w; /* [taps][channels] */
    int32_t *acc;    /* [pixels][ldc] */
    size_t ldc;      /* >= channels */
};

typedef void haq_dwconv_fn(const struct haq_dwconv_args *a);

struct haq_dwconv_impl {
    const char *name;
    unsigned isa;
    haq_dwconv_fn *run;
};

const struct haq_dwconv_impl *haq_dwconv_impls(size_t *count);
const struct haq_dwconv_impl *haq_dwconv_select(unsigned isa);

#endif
