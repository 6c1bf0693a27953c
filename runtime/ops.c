#include "runtime/ops.h"

#define ROW(op, function, output)                                              \
    [HAQ_OP_##                                                                 \
        op] = {.prepare = haq_prepare_##function, .codes = HAQ_CODES_##output}

/* To add an operator: write its prepare function beside its family and add one
 * row here. */
static const struct haq_op_impl impls[HAQ_OP_COUNT] = {
    ROW(CONV, conv, ALWAYS),
    ROW(GEMM, gemm, ALWAYS),
    ROW(MATMUL, matmul, ALWAYS),
    ROW(BATCH_NORM, batch_norm, NEVER),
    ROW(RELU, unary, PASS),
    ROW(CLIP, unary, PASS),
    ROW(LEAKY_RELU, unary, IF_QUANTIZED),
    ROW(SIGMOID, unary, IF_QUANTIZED),
    ROW(SILU, unary, IF_QUANTIZED),
    ROW(TANH, unary, IF_QUANTIZED),
    ROW(HARD_SIGMOID, unary, IF_QUANTIZED),
    ROW(HARD_SWISH, unary, IF_QUANTIZED),
    ROW(ERF, unary, IF_QUANTIZED),
    ROW(GELU, unary, IF_QUANTIZED),
    ROW(EXP, unary, NEVER),
    ROW(LOG, unary, NEVER),
    ROW(NEG, unary, IF_QUANTIZED),
    ROW(ABS, unary, IF_QUANTIZED),
    ROW(SQRT, unary, NEVER),
    ROW(RECIPROCAL, unary, NEVER),
    ROW(ADD, binary, IF_QUANTIZED),
    ROW(SUB, binary, IF_QUANTIZED),
    ROW(MUL, binary, IF_QUANTIZED),
    ROW(DIV, binary, NEVER),
    ROW(POW, binary, NEVER),
    ROW(MIN, binary, IF_QUANTIZED),
    ROW(MAX, binary, IF_QUANTIZED),
    ROW(EQUAL, compare, NEVER),
    ROW(WHERE, where, NEVER),
    ROW(MAX_POOL, pool, PASS),
    ROW(AVERAGE_POOL, pool, IF_QUANTIZED),
    ROW(GLOBAL_AVERAGE_POOL, pool, IF_QUANTIZED),
    ROW(REDUCE_MEAN, reduce, NEVER),
    ROW(REDUCE_SUM, reduce, NEVER),
    ROW(REDUCE_MAX, reduce, NEVER),
    ROW(SOFTMAX, softmax, NEVER),
    ROW(LOG_SOFTMAX, softmax, NEVER),
    ROW(LAYER_NORM, layer_norm, NEVER),
    ROW(RMS_NORM, rms_norm, NEVER),
    ROW(RESHAPE, view, PASS),
    ROW(FLATTEN, view, PASS),
    ROW(SQUEEZE, view, PASS),
    ROW(UNSQUEEZE, view, PASS),
    ROW(IDENTITY, view, PASS),
    ROW(DROPOUT, view, PASS),
    ROW(TRANSPOSE, copy, PASS),
    ROW(SLICE, copy, PASS),
    ROW(EXPAND, copy, PASS),
    ROW(SPLIT, split, PASS),
    ROW(PAD, pad, PASS),
    ROW(CONCAT, concat, PASS),
    [HAQ_OP_GATHER] = {.prepare = haq_prepare_gather,
                       .codes = HAQ_CODES_PASS,
                       .data_inputs = 1},
    ROW(CAST, cast, NEVER),
};

const struct haq_op_impl *haq_op_impl(enum haq_opcode code)
{
    return &impls[code];
}
