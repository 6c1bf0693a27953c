/* Pooling, vectorized by the compiler. */
#define POOL(name) haq_pool_##name##_neon
#include "kernels/pool.inc"
