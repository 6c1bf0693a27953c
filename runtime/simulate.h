/* runtime/simulate.h - layers of a simulation (haq_plan_options.simulate).
 *
 * What integers would be is held as float: activations as code - zero point
 * (HAQ_FORM_CENTERED), weights alike.  The float kernels then add numbers that
 * are exact in any order while sums stay below 2^24, and the scales are applied
 * afterwards as the numerics contract words it (kernels/epilogue.h,
 * kernels/gemm_group.h).  A sum beyond 2^24 is rounded, as floats are.
 */
#ifndef HAQ_RUNTIME_SIMULATE_H
#define HAQ_RUNTIME_SIMULATE_H

#include "runtime/product.h"

/* The step of a layer whose input is CENTERED or CENTERED_ROWS; x->w is not
 * read.  HAQ_INVALID: a bias that does not fit int32, named. */
haq_product_fn haq_add_simulated;

#endif
