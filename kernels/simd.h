/* kernels/simd.h - bodies that one source gives to every instruction set.
 *
 * Such a body is an .inc file: plain C loops without a dependence between
 * iterations, included by <op>.c (reference) and by arm/ and x86/<op>_<isa>.c,
 * each compiled with its own flags.  Arithmetic is IEEE single precision in the
 * order written, so every ISA gives the same bits.
 */
#ifndef HAQ_KERNELS_SIMD_H
#define HAQ_KERNELS_SIMD_H

#include <math.h>
#include <stdint.h>

#define HAQ_INLINE static inline __attribute__((always_inline))

/* In front of a loop whose iterations are independent, arrays that are the same
 * array element by element included. */
#define HAQ_SIMD _Pragma("omp simd")

/* min and max as the vector instructions have them: the second operand when
 * they are equal. */
HAQ_INLINE float haq_clampf(float x, float lo, float hi)
{
    x = x > lo ? x : lo;
    return x < hi ? x : hi;
}

/* clamp(round_half_even(real) + zero, qlo, qhi), the bounds within 0 .. 255.
 * Values beyond the range of int saturate because the clamp comes first. */
HAQ_INLINE uint8_t haq_to_code(float real, float zero, float qlo, float qhi)
{
    return (uint8_t)(int32_t)haq_clampf(rintf(real) + zero, qlo, qhi);
}

#endif
