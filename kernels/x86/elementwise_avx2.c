/* Elementwise operations, vectorized by the compiler. */
#define ELT(name) haq_elt_##name##_avx2
#include "kernels/elementwise_math.inc"
