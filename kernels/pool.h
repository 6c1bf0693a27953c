/* kernels/pool.h - window reductions over NHWC rows by indirection.
 *
 * Pointer t * pixels + p points at the C channels of tap t for output pixel p;
 * taps outside the image are NULL and do not count.
 */
#ifndef HAQ_KERNELS_POOL_H
#define HAQ_KERNELS_POOL_H

#include <stddef.h>
#include <stdint.h>

struct haq_pool_args {
    const void *const *a; /* [taps][pixels]; NULL = outside */
    size_t pixels, taps, channels;
    void *y; /* [pixels][ldy] */
    size_t ldy;
    size_t fixed_count; /* divisor of averages; 0 = taps that are inside */
    /* u8 average: q = clamp(rhe((sum - n z_x) * (float)(1 / n) * (s_x / s_y))
     * ...): real = s_x * (float)(sum - n * z_x) / (float)n, then as float */
    float s_x;
    int32_t z_x;
    float s_y; /* u8 output */
    int32_t z_y;
    int32_t qlo, qhi;
};

typedef void haq_pool_kernel_fn(const struct haq_pool_args *a);

struct haq_pool_impl {
    const char *name;
    unsigned isa;
    haq_pool_kernel_fn *max_f32, *max_u8;
    haq_pool_kernel_fn *avg_f32;
    haq_pool_kernel_fn *avg_u8;     /* codes in, codes out */
    haq_pool_kernel_fn *avg_u8_f32; /* codes in, float out */
};

const struct haq_pool_impl *haq_pool_impls(size_t *count);
const struct haq_pool_impl *haq_pool_select(unsigned isa);

#endif
