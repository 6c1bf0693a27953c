#include "kernels/arm/group_vec_128.inc"
#include "kernels/gemm_group_priv.h"
#include "kernels/unroll.h"

#define ROWS1 2
#define ROWS2 1
#define ROWS4 0
#define PACKED 0
#define RUN haq_gemm_group_f32_s8_neon
enum { VECS = 4, KR = 1, W_STEP = 16 };

typedef vec_y vec_acc;
typedef vec_y vec_w;
typedef vec_y vec_a;

HAQ_INLINE vec_a load_a(const char *p)
{
    return vld1q_dup_f32((const float *)(const void *)p);
}

#include "kernels/gemm_group_float.inc"
