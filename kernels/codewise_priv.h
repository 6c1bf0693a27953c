/* kernels/codewise_priv.h - functions of the sets of operations on codes. */
#ifndef HAQ_KERNELS_CODEWISE_PRIV_H
#define HAQ_KERNELS_CODEWISE_PRIV_H

#include "kernels/codewise.h"

/* Functions of one set: HAQ_CODEWISE_DECLARE(ref) declares
 * haq_codewise_add_ref, ...
 */
#define HAQ_CODEWISE_DECLARE(id)                                               \
    haq_lookup_fn haq_codewise_lookup_##id;                                    \
    haq_codewise_fn haq_codewise_add_##id, haq_codewise_sub_##id,              \
        haq_codewise_mul_##id, haq_codewise_min_##id, haq_codewise_max_##id,   \
        haq_codewise_add_f32_##id, haq_codewise_sub_f32_##id,                  \
        haq_codewise_mul_f32_##id, haq_codewise_min_f32_##id,                  \
        haq_codewise_max_f32_##id

HAQ_CODEWISE_DECLARE(ref);
HAQ_CODEWISE_DECLARE(avx2);
HAQ_CODEWISE_DECLARE(avx512);
HAQ_CODEWISE_DECLARE(neon);

#endif
