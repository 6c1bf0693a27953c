/* Pooling, vectorized by the compiler. */
#define POOL(name) haq_pool_##name##_avx512
#include "kernels/pool.inc"
