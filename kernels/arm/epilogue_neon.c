/* The epilogues, vectorized by the compiler. */
#define EPI(name) haq_epilogue_##name##_neon
#include "kernels/epilogue.inc"
/* uses what epilogue.inc has */
#include "kernels/epilogue_codes.inc"
