/* runtime/ops.h - the one table of operator implementations.
 *
 * Indexed by enum haq_opcode; a row without `prepare` is an operator that the
 * runtime does not execute (folded away at import, or unsupported).
 */
#ifndef HAQ_RUNTIME_OPS_H
#define HAQ_RUNTIME_OPS_H

#include "runtime/plan_priv.h"

/* Check the node, pack what it needs and add its steps.  HAQ_UNSUPPORTED names
 * the node. */
typedef haq_status haq_prepare_fn(struct haq_plan *p, int node,
                                  struct haq_diag *d);

enum haq_code_output {
    HAQ_CODES_NEVER,        /* writes its own type only */
    HAQ_CODES_ALWAYS,       /* writes codes when all readers want them */
    HAQ_CODES_IF_QUANTIZED, /* only when it reads codes itself */
    HAQ_CODES_PASS,         /* reads its data inputs in the form it writes */
};

struct haq_op_impl {
    haq_prepare_fn *prepare;
    enum haq_code_output codes;
    int data_inputs; /* CODES_PASS: inputs that pass through; 0 = all */
};

const struct haq_op_impl *haq_op_impl(enum haq_opcode code);

haq_prepare_fn haq_prepare_conv, haq_prepare_gemm, haq_prepare_matmul;
/* Products of two activations, for gemm and matmul. */
haq_prepare_fn haq_prepare_product;
haq_prepare_fn haq_prepare_unary, haq_prepare_binary, haq_prepare_compare;
haq_prepare_fn haq_prepare_where, haq_prepare_pool, haq_prepare_reduce;
haq_prepare_fn haq_prepare_softmax, haq_prepare_layer_norm;
haq_prepare_fn haq_prepare_rms_norm;
haq_prepare_fn haq_prepare_batch_norm, haq_prepare_view, haq_prepare_concat;
haq_prepare_fn haq_prepare_copy, haq_prepare_split, haq_prepare_pad;
haq_prepare_fn haq_prepare_gather, haq_prepare_cast;

#endif
