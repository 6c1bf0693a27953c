/* kernels/codewise.h - one-pass operations on uint8 codes of activations.
 *
 * A function of one tensor is a table of its 256 results.  Functions of two
 * tensors compute in float32 and in the order of DequantizeLinear,
 * DequantizeLinear, the operation, QuantizeLinear:
 *
 *     u = sa (a - za),  v = sb (b - zb)
 *     q = clamp(rhe(op(u, v) / s) + z, qlo, qhi)    codes
 *     y = clamp(op(u, v), lo, hi)                   floats
 *
 * Every row has the bits of the scalar one.  An output may be one of the
 * inputs of the same type.
 */
#ifndef HAQ_KERNELS_CODEWISE_H
#define HAQ_KERNELS_CODEWISE_H

#include "kernels/elementwise.h"

/* y[i] = table[x[i]] */
typedef void haq_lookup_fn(uint8_t *y, const uint8_t *x, size_t n,
                           const uint8_t table[256]);

struct haq_codewise_args {
    struct haq_affine a, b, to; /* `to` and the codes' bounds: codes only */
    int32_t qlo, qhi;
    float lo, hi; /* floats only */
    int sa, sb;   /* strides of a and b: 0 (one code for all) or 1 */
};

/* y is [n], uint8 codes or floats; a and b are [n] or one code, by stride. */
typedef void haq_codewise_fn(void *y, const uint8_t *a, const uint8_t *b,
                             size_t n, const struct haq_codewise_args *args);

struct haq_codewise {
    const char *name;
    unsigned isa;
    haq_lookup_fn *lookup;
    /* Add, Sub, Mul, Min and Max; the others are NULL. */
    haq_codewise_fn *to_u8[HAQ_BIN_COUNT], *to_f32[HAQ_BIN_COUNT];
};

/* Whole sets, reference first; every set is complete. */
const struct haq_codewise *haq_codewise_impls(size_t *count);
/* The last set that needs nothing outside `isa`; never NULL. */
const struct haq_codewise *haq_codewise_select(unsigned isa);

#endif
