/* kernels/arm/lane.h - a number of a vector for all lanes of a product.
 *
 * The instructions multiply by one lane of a register, so four steps of a row
 * are one load; the lane must be a literal where the intrinsic stands.
 */
#ifndef HAQ_KERNELS_ARM_LANE_H
#define HAQ_KERNELS_ARM_LANE_H

/* fn(acc, w, a, lane) for a lane that is a constant after inlining. */
#define HAQ_BY_LANE(fn, acc, w, a, lane)                                       \
    ((lane) == 0   ? fn(acc, w, a, 0)                                          \
     : (lane) == 1 ? fn(acc, w, a, 1)                                          \
     : (lane) == 2 ? fn(acc, w, a, 2)                                          \
                   : fn(acc, w, a, 3))

#endif
