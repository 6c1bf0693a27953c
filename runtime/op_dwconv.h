/* runtime/op_dwconv.h - the steps of depthwise layers that haq_add_dwconv
 * (runtime/product.h) chooses from. */
#ifndef HAQ_RUNTIME_OP_DWCONV_H
#define HAQ_RUNTIME_OP_DWCONV_H

#include "runtime/product.h"

/* Static codes in and out, one scale per channel, and a window that the table
 * of kernels/dwconv_rows.h has? */
bool haq_dwconv_rows_fit(const struct haq_plan *p, const struct haq_product *x);

/* The step for those. */
haq_product_fn haq_add_dwconv_rows;

/* Float activations, whatever the weights and the output are. */
haq_product_fn haq_add_dwconv_f32;

#endif
