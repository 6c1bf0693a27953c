/* kernels/dwconv.h - depthwise convolution over NHWC rows by indirection.
 *
 *     acc[p][c] = sum over taps t of  A[t][p][c] * W[t][c]
 *
 * Pointer t * pixels + p points at the C channels of tap t for output pixel p;
 * padded taps point at a row of zero points.
 */
#ifndef HAQ_KERNELS_DWCONV_H
#define HAQ_KERNELS_DWCONV_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/gemm.h" /* haq_gemm_kind: the same three pairs of types */

struct haq_dwconv_args {
    const void *const *a; /* [taps][pixels] */
    size_t pixels;        /* >= 1 */
    size_t taps;          /* kh * kw */
    size_t channels;
    const void *w; /* [taps][channels] float or int8 codes */
    void *acc;     /* [pixels][ldc] float or int32 */
    size_t ldc;    /* >= channels */
};

typedef void haq_dwconv_fn(const struct haq_dwconv_args *a);

struct haq_dwconv_impl {
    const char *name;
    enum haq_gemm_kind kind;
    unsigned isa;
    float bound; /* as in gemm.h */
    haq_dwconv_fn *run;
};

const struct haq_dwconv_impl *haq_dwconv_impls(size_t *count);
const struct haq_dwconv_impl *haq_dwconv_select(enum haq_gemm_kind kind,
                                                unsigned isa);

#endif
