/* kernels/simd.h - bodies that one source gives to every instruction set.
 *
 * Such a body is an .inc file: plain C loops without a dependence between
 * iterations, included by <op>.c (reference) and by kernels/x86/<op>_<isa>.c,
 * each compiled with its own flags.  Arithmetic is IEEE single precision in the
 * order written, so every ISA gives the same bits.
 */
#ifndef HAQ_KERNELS_SIMD_H
#define HAQ_KERNELS_SIMD_H

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

#endif
