/* The epilogues, vectorized by the compiler. */
#define EPI(name) haq_epilogue_##name##_avx512
#include "kernels/epilogue.inc"
