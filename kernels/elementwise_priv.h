/* kernels/elementwise_priv.h - functions of the sets of elementwise operations.
 */
#ifndef HAQ_KERNELS_ELEMENTWISE_PRIV_H
#define HAQ_KERNELS_ELEMENTWISE_PRIV_H

#include "kernels/elementwise.h"

/* Functions of one set: HAQ_ELT_DECLARE(ref) declares haq_elt_relu_ref, ... */
#define HAQ_ELT_DECLARE(id)                                                    \
    haq_unary_fn haq_elt_relu_##id, haq_elt_clip_##id,                         \
        haq_elt_leaky_relu_##id, haq_elt_sigmoid_##id, haq_elt_silu_##id,      \
        haq_elt_tanh_##id, haq_elt_hard_sigmoid_##id, haq_elt_hard_swish_##id, \
        haq_elt_erf_##id, haq_elt_gelu_##id, haq_elt_exp_##id,                 \
        haq_elt_neg_##id, haq_elt_abs_##id, haq_elt_sqrt_##id,                 \
        haq_elt_reciprocal_##id;                                               \
    haq_binary_fn haq_elt_add_##id, haq_elt_sub_##id, haq_elt_mul_##id,        \
        haq_elt_div_##id, haq_elt_min_##id, haq_elt_max_##id;                  \
    haq_quantize_fn haq_elt_quantize_##id;                                     \
    haq_dequantize_fn haq_elt_dequantize_##id;                                 \
    haq_requantize_fn haq_elt_requantize_##id;                                 \
    haq_softmax_fn haq_elt_softmax_##id, haq_elt_log_softmax_##id;             \
    haq_minmax_fn haq_elt_minmax_##id

HAQ_ELT_DECLARE(ref);
HAQ_ELT_DECLARE(avx2);
HAQ_ELT_DECLARE(avx512);
HAQ_ELT_DECLARE(neon);

#endif
