/* kernels/unroll.h - loops over registers must be gone before registers
 * are handed out, and row counts must be constants: the two tools for that. */
#ifndef HAQ_KERNELS_UNROLL_H
#define HAQ_KERNELS_UNROLL_H

#include "kernels/simd.h"

#ifdef __clang__
#define HAQ_UNROLL _Pragma("clang loop unroll(full)")
#define HAQ_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define HAQ_UNROLL _Pragma("GCC unroll 64")
#define HAQ_ROLLED _Pragma("GCC unroll 1")
#endif

/* Hides where a pointer comes from, so that what it points at is not kept in
 * (and spilled from) registers that a loop needs. */
#define HAQ_OPAQUE(p) __asm__ volatile("" : "+r"(p))

#define HAQ_CAT_(a, b) a##b
#define HAQ_CAT(a, b) HAQ_CAT_(a, b)

/* HAQ_UPTO(n, X, p): X(1, p) X(2, p) ... X(n, p). */
#define HAQ_UPTO(n, X, p) HAQ_CAT(HAQ_UPTO_, n)(X, p)
#define HAQ_UPTO_0(X, p)
#define HAQ_UPTO_1(X, p) X(1, p)
#define HAQ_UPTO_2(X, p) HAQ_UPTO_1(X, p) X(2, p)
#define HAQ_UPTO_3(X, p) HAQ_UPTO_2(X, p) X(3, p)
#define HAQ_UPTO_4(X, p) HAQ_UPTO_3(X, p) X(4, p)
#define HAQ_UPTO_5(X, p) HAQ_UPTO_4(X, p) X(5, p)
#define HAQ_UPTO_6(X, p) HAQ_UPTO_5(X, p) X(6, p)
#define HAQ_UPTO_7(X, p) HAQ_UPTO_6(X, p) X(7, p)
#define HAQ_UPTO_8(X, p) HAQ_UPTO_7(X, p) X(8, p)
#define HAQ_UPTO_9(X, p) HAQ_UPTO_8(X, p) X(9, p)
#define HAQ_UPTO_10(X, p) HAQ_UPTO_9(X, p) X(10, p)
#define HAQ_UPTO_11(X, p) HAQ_UPTO_10(X, p) X(11, p)
#define HAQ_UPTO_12(X, p) HAQ_UPTO_11(X, p) X(12, p)
#define HAQ_UPTO_13(X, p) HAQ_UPTO_12(X, p) X(13, p)
#define HAQ_UPTO_14(X, p) HAQ_UPTO_13(X, p) X(14, p)
#define HAQ_UPTO_15(X, p) HAQ_UPTO_14(X, p) X(15, p)
#define HAQ_UPTO_16(X, p) HAQ_UPTO_15(X, p) X(16, p)
#define HAQ_UPTO_17(X, p) HAQ_UPTO_16(X, p) X(17, p)
#define HAQ_UPTO_18(X, p) HAQ_UPTO_17(X, p) X(18, p)
#define HAQ_UPTO_19(X, p) HAQ_UPTO_18(X, p) X(19, p)
#define HAQ_UPTO_20(X, p) HAQ_UPTO_19(X, p) X(20, p)
#define HAQ_UPTO_21(X, p) HAQ_UPTO_20(X, p) X(21, p)
#define HAQ_UPTO_22(X, p) HAQ_UPTO_21(X, p) X(22, p)
#define HAQ_UPTO_23(X, p) HAQ_UPTO_22(X, p) X(23, p)
#define HAQ_UPTO_24(X, p) HAQ_UPTO_23(X, p) X(24, p)

#endif
