/* Elementwise operations, vectorized by the compiler. */
#define ELT(name) haq_elt_##name##_neon
#include "kernels/elementwise_math.inc"
