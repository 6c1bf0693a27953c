/* kernels/gemm_turned.h - W packed from [k][n]: an activation that is the
 * second operand of a product comes so, and is packed at every run.
 *
 * The panels are those of haq_gemm_pack_fn for one segment of k elements.
 */
#ifndef HAQ_KERNELS_GEMM_TURNED_H
#define HAQ_KERNELS_GEMM_TURNED_H

#include <stddef.h>
#include <stdint.h>

void haq_gemm_pack_turned_f32(float *dst, const float *w, size_t k, size_t n);

/* Codes become int8 by taking 128 away; sum[n] of the int8 codes. */
void haq_gemm_pack_turned_u8(int8_t *dst, int32_t *sum, const uint8_t *w,
                             size_t k, size_t n);

#endif
