#include "graph/op.h"

#include <assert.h>
#include <string.h>

#include "graph/op_infer_priv.h"

enum {
    EW = HAQ_OP_ELEMENTWISE,
    MOVES = HAQ_OP_MOVES,
    WEIGHTED = HAQ_OP_WEIGHTED,
    VIEW = HAQ_OP_VIEW | HAQ_OP_MOVES,
    SPATIAL = HAQ_OP_SPATIAL,
    ANY = HAQ_OP_ANY,
};

/* What each operator is: fewest and most inputs, outputs, flags, shapes,
 * multiply-accumulates (NULL: none). */
// clang-format off
#define ROW_CONV 2, 3, 1, WEIGHTED | SPATIAL, haq_infer_conv, haq_macs_conv
#define ROW_GEMM 2, 3, 1, WEIGHTED, haq_infer_gemm, haq_macs_gemm
#define ROW_MATMUL 2, 3, 1, WEIGHTED, haq_infer_matmul, haq_macs_matmul
#define ROW_BATCH_NORM 5, 5, 1, SPATIAL, haq_infer_batch_norm, NULL
#define ROW_RELU 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_CLIP 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_LEAKY_RELU 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_SIGMOID 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_SILU 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_TANH 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_HARD_SIGMOID 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_HARD_SWISH 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_ERF 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_GELU 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_EXP 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_LOG 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_NEG 1, 1, 1, EW, haq_infer_same, NULL
#define ROW_ABS 1, 1, 1, EW, haq_infer_same, NULL
#define ROW_SQRT 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_RECIPROCAL 1, 1, 1, EW, haq_infer_float, NULL
#define ROW_ADD 2, 2, 1, EW, haq_infer_broadcast, NULL
#define ROW_SUB 2, 2, 1, EW, haq_infer_broadcast, NULL
#define ROW_MUL 2, 2, 1, EW, haq_infer_broadcast, NULL
#define ROW_DIV 2, 2, 1, EW, haq_infer_broadcast, NULL
#define ROW_POW 2, 2, 1, EW, haq_infer_broadcast, NULL
#define ROW_MIN 1, ANY, 1, EW, haq_infer_broadcast, NULL
#define ROW_MAX 1, ANY, 1, EW, haq_infer_broadcast, NULL
#define ROW_EQUAL 2, 2, 1, EW, haq_infer_equal, NULL
#define ROW_WHERE 3, 3, 1, EW, haq_infer_where, NULL
#define ROW_MAX_POOL 1, 1, 1, SPATIAL, haq_infer_pool, NULL
#define ROW_AVERAGE_POOL 1, 1, 1, SPATIAL, haq_infer_pool, NULL
#define ROW_GLOBAL_AVERAGE_POOL 1, 1, 1, SPATIAL, haq_infer_global_pool, NULL
#define ROW_REDUCE_MEAN 1, 1, 1, 0, haq_infer_reduce, NULL
#define ROW_REDUCE_SUM 1, 1, 1, 0, haq_infer_reduce, NULL
#define ROW_REDUCE_MAX 1, 1, 1, 0, haq_infer_reduce, NULL
#define ROW_SOFTMAX 1, 1, 1, 0, haq_infer_axis, NULL
#define ROW_LOG_SOFTMAX 1, 1, 1, 0, haq_infer_axis, NULL
#define ROW_LAYER_NORM 2, 3, 1, 0, haq_infer_layer_norm, NULL
#define ROW_RMS_NORM 2, 2, 1, 0, haq_infer_layer_norm, NULL
#define ROW_RESHAPE 1, 1, 1, VIEW, haq_infer_reshape, NULL
#define ROW_FLATTEN 1, 1, 1, VIEW, haq_infer_flatten, NULL
#define ROW_SQUEEZE 1, 1, 1, VIEW, haq_infer_squeeze, NULL
#define ROW_UNSQUEEZE 1, 1, 1, VIEW, haq_infer_unsqueeze, NULL
#define ROW_TRANSPOSE 1, 1, 1, MOVES, haq_infer_transpose, NULL
#define ROW_CONCAT 1, ANY, 1, MOVES, haq_infer_concat, NULL
#define ROW_SPLIT 1, 1, ANY, MOVES, haq_infer_split, NULL
#define ROW_SLICE 1, 1, 1, MOVES, haq_infer_slice, NULL
#define ROW_PAD 1, 1, 1, MOVES, haq_infer_pad, NULL
#define ROW_RESIZE 1, 4, 1, 0, haq_infer_folded, NULL
#define ROW_UPSAMPLE 1, 2, 1, 0, haq_infer_folded, NULL
#define ROW_GATHER 2, 2, 1, MOVES, haq_infer_gather, NULL
#define ROW_EXPAND 1, 1, 1, MOVES, haq_infer_expand, NULL
#define ROW_CAST 1, 1, 1, EW, haq_infer_cast, NULL
#define ROW_SHAPE 1, 1, 1, 0, haq_infer_folded, NULL
#define ROW_RANGE 3, 3, 1, 0, haq_infer_folded, NULL
#define ROW_CONSTANT_OF_SHAPE 1, 1, 1, 0, haq_infer_folded, NULL
#define ROW_CONSTANT 0, 0, 1, 0, haq_infer_folded, NULL
#define ROW_IDENTITY 1, 1, 1, VIEW | EW, haq_infer_same, NULL
#define ROW_DROPOUT 1, 1, 1, VIEW | EW, haq_infer_same, NULL
// clang-format on

static const struct haq_op ops[HAQ_OP_COUNT] = {
#define X(id, name) {HAQ_OP_##id, #name, ROW_##id},
    HAQ_OP_MAP(X)
#undef X
};

const struct haq_op *haq_op(enum haq_opcode code)
{
    assert((unsigned)code < HAQ_OP_COUNT);
    return &ops[code];
}

const struct haq_op *haq_op_find(const char *onnx_name)
{
    for (int i = 0; i < HAQ_OP_COUNT; i++)
        if (!strcmp(ops[i].name, onnx_name))
            return &ops[i];
    return NULL;
}
