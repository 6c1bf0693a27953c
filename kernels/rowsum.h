/* kernels/rowsum.h - sums of the codes of each row of A.
 *
 * Weights with zero points need them (epilogue.h).  A is given by the same
 * indirection as in gemm.h; exactly seg_len bytes of a segment are read.
 */
#ifndef HAQ_KERNELS_ROWSUM_H
#define HAQ_KERNELS_ROWSUM_H

#include <stddef.h>
#include <stdint.h>

struct haq_rowsum_args {
    const void *const *a; /* [segments][rows] uint8 codes */
    size_t rows;
    size_t segments;
    size_t seg_len;
    int32_t *sum; /* [rows] out */
};

/* Bit-exact contract: every row returns the reference result. */
typedef void haq_rowsum_fn(const struct haq_rowsum_args *a);

struct haq_rowsum_impl {
    const char *name;
    unsigned isa;
    haq_rowsum_fn *run;
};

/* Reference first, fastest last. */
const struct haq_rowsum_impl *haq_rowsum_impls(size_t *count);
/* The last row that needs nothing outside `isa`; never NULL. */
const struct haq_rowsum_impl *haq_rowsum_select(unsigned isa);

haq_rowsum_fn haq_rowsum_avx2, haq_rowsum_avx512, haq_rowsum_neon;

#endif
