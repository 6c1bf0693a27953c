/* quant/format/scaling.h - how the scales of a tensor are stored, where that
 * is not as fp16 in groups and as float32 elsewhere.
 *
 *   none     no scales at all: each is 1
 *   e8m0     a power of two, 2^-127 .. 2^127, in 8 bits (OCP MX v1.0)
 *   nvfp4    an E4M3 number per block, one float32 for the tensor that makes
 *            the largest of them 448
 *   double   8 bits per block as bitsandbytes does: after the mean of all is
 *            taken off, 256 blocks at a time share their largest magnitude
 *            (float32), of which each has the share that is nearest in a table
 *            of "dynamic" floats
 */
#ifndef HAQ_QUANT_FORMAT_SCALING_H
#define HAQ_QUANT_FORMAT_SCALING_H

#include <stddef.h>

struct haq_scaling {
    /* Turn n wanted scales >= 0 of a tensor into those that are read back:
     * positive, finite, near the wanted ones. */
    void (*store)(float *scale, size_t n);
    size_t (*bytes)(size_t n); /* of n stored scales */
};

extern const struct haq_scaling haq_scaling_none, haq_scaling_e8m0,
    haq_scaling_nvfp4, haq_scaling_double;

#endif
