#include "kernels/gemm_group_priv.h"
#include "kernels/unroll.h"
#include "kernels/x86/group_vec_512.inc"

#define ROWS1 8
#define ROWS2 5
#define ROWS4 2
#define PACKED 0
#define RUN haq_gemm_group_f32_s8_avx512
enum { VECS = 1, KR = 1, W_STEP = 16 };

typedef vec_y vec_acc;
typedef vec_y vec_w;
typedef vec_y vec_a;

HAQ_INLINE vec_a load_a(const char *p)
{
    return splat_y(*(const float *)(const void *)p);
}

#include "kernels/gemm_group_float.inc"
