/* runtime/product.h - the steps that multiply rows of A with a layer's weights.
 * op_conv.c and op_gemm.c choose one of them.
 */
#ifndef HAQ_RUNTIME_PRODUCT_H
#define HAQ_RUNTIME_PRODUCT_H

#include "runtime/rows.h"
#include "runtime/weights.h"

/* A layer about to become a step. */
struct haq_product {
    int node;
    int in, out;     /* slots */
    bool conv;       /* rows are windows over NHWC, else a plain matrix */
    size_t count;    /* rows */
    size_t parts;    /* convolution groups */
    size_t channels; /* input channels of one part */
    struct haq_weights *w;
};

typedef haq_status haq_product_fn(struct haq_plan *p,
                                  const struct haq_product *x,
                                  struct haq_diag *d);

haq_product_fn haq_add_gemm;       /* one scale per channel or tensor */
haq_product_fn haq_add_gemm_group; /* a scale per group of the reduction */
haq_product_fn haq_add_dwconv;     /* one input and output channel a part */

/* Read the node's data input, prepare its weights and output and add the step
 * that fits: the whole of a layer's prepare function.  `count` rows of `parts`
 * times `channels` elements; dynamic scales are per `row` elements. */
haq_status haq_add_layer(struct haq_plan *p, struct haq_product *x, size_t row,
                         size_t pad, struct haq_diag *d);

/* Rows of A for the step. */
haq_status haq_product_rows(struct haq_rows *r, struct haq_plan *p,
                            const struct haq_product *x, size_t mr,
                            struct haq_diag *d);

#endif
