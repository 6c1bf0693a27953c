/* runtime/interleave.h - taps of a window into the model's own order.
 *
 *     dst[channel][tap] = tap[t][channel]
 *
 * in which groups of the reduction are defined: a transposition of small
 * matrices, many per layer.
 */
#ifndef HAQ_RUNTIME_INTERLEAVE_H
#define HAQ_RUNTIME_INTERLEAVE_H

#include <stddef.h>
#include <stdint.h>

/* Pointer t * stride of `tap` points at `channels` elements.  Up to 16 bytes
 * beyond the end of dst may be overwritten. */
void haq_interleave_u8(uint8_t *dst, const void *const *tap, size_t stride,
                       size_t taps, size_t channels);
void haq_interleave_f32(float *dst, const void *const *tap, size_t stride,
                        size_t taps, size_t channels);

#endif
