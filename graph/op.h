/* graph/op.h - the one table of operators.
 *
 * A row is all that the tree needs to know about an operator outside the
 * runtime: arity, shape, cost, and how passes may treat it.  The runtime keeps
 * its own table of implementations, indexed by the same enum haq_opcode.
 *
 * Normal form.  ONNX gave the same meaning several spellings over the years
 * (attributes became inputs, defaults moved).  After import there is one: what
 * steers shapes is in the attributes, every axis counts from 0, and those
 * inputs are gone.
 *
 *     Conv        window; in: x, weight [, bias [O]]; auto_pad resolved
 *     Gemm        in: a, b [, bias [N]]; trans_a, trans_b; alpha = beta = 1
 *     MatMul      in: a, b [, bias [N]] (bias only from the pass "clamp")
 *     Relu, Clip  in: x; the bounds are the node's clamp
 *     MaxPool, AveragePool  window
 *     Reduce*     axes ascending, keepdims; no axes = nothing is reduced
 *     Softmax, LogSoftmax, LayerNormalization, RMSNormalization, Concat,
 *     Gather, Split   axis
 *     Reshape, Expand   ints[0] = the concrete output shape; in: x
 *     Flatten     axis, 0 .. rank
 *     Squeeze     axes ascending; Unsqueeze: the same, of the output
 *     Transpose   ints[0] = perm
 *     Slice       axes = 0 .. rank-1; ints[0..2] = starts, ends, steps of each
 *                 axis, inside the tensor; with a negative step the end may be
 *                 -1, "before the first"
 *     Pad         ints[0], ints[1] = elements added before and behind each
 *                 axis, negative ones crop; alpha = the value; mode NULL =
 *                 constant, else "edge" or "reflect"
 *     Split       sizes are the outputs' shapes
 *     Cast        to = enum haq_dtype (float16 and float64 became float32)
 *     Gelu        mode NULL = erf, else "tanh"
 *     Swish       x sigmoid(x)
 *     Resize, Upsample   rewritten: Gathers along the axes, and for linear
 *                 interpolation Mul and Add
 *     Constant, Shape, Range, ConstantOfShape   always folded away
 */
#ifndef HAQ_GRAPH_OP_H
#define HAQ_GRAPH_OP_H

#include "graph/ir.h"

/* id, ONNX name */
#define HAQ_OP_MAP(X)                                                          \
    X(CONV, Conv)                                                              \
    X(GEMM, Gemm)                                                              \
    X(MATMUL, MatMul)                                                          \
    X(BATCH_NORM, BatchNormalization)                                          \
    X(RELU, Relu)                                                              \
    X(CLIP, Clip)                                                              \
    X(LEAKY_RELU, LeakyRelu)                                                   \
    X(SIGMOID, Sigmoid)                                                        \
    X(SILU, Swish)                                                             \
    X(TANH, Tanh)                                                              \
    X(HARD_SIGMOID, HardSigmoid)                                               \
    X(HARD_SWISH, HardSwish)                                                   \
    X(ERF, Erf)                                                                \
    X(GELU, Gelu)                                                              \
    X(EXP, Exp)                                                                \
    X(LOG, Log)                                                                \
    X(NEG, Neg)                                                                \
    X(ABS, Abs)                                                                \
    X(SQRT, Sqrt)                                                              \
    X(RECIPROCAL, Reciprocal)                                                  \
    X(ADD, Add)                                                                \
    X(SUB, Sub)                                                                \
    X(MUL, Mul)                                                                \
    X(DIV, Div)                                                                \
    X(POW, Pow)                                                                \
    X(MIN, Min)                                                                \
    X(MAX, Max)                                                                \
    X(EQUAL, Equal)                                                            \
    X(WHERE, Where)                                                            \
    X(MAX_POOL, MaxPool)                                                       \
    X(AVERAGE_POOL, AveragePool)                                               \
    X(GLOBAL_AVERAGE_POOL, GlobalAveragePool)                                  \
    X(REDUCE_MEAN, ReduceMean)                                                 \
    X(REDUCE_SUM, ReduceSum)                                                   \
    X(REDUCE_MAX, ReduceMax)                                                   \
    X(SOFTMAX, Softmax)                                                        \
    X(LOG_SOFTMAX, LogSoftmax)                                                 \
    X(LAYER_NORM, LayerNormalization)                                          \
    X(RMS_NORM, RMSNormalization)                                              \
    X(RESHAPE, Reshape)                                                        \
    X(FLATTEN, Flatten)                                                        \
    X(SQUEEZE, Squeeze)                                                        \
    X(UNSQUEEZE, Unsqueeze)                                                    \
    X(TRANSPOSE, Transpose)                                                    \
    X(CONCAT, Concat)                                                          \
    X(SPLIT, Split)                                                            \
    X(SLICE, Slice)                                                            \
    X(PAD, Pad)                                                                \
    X(RESIZE, Resize)                                                          \
    X(UPSAMPLE, Upsample)                                                      \
    X(GATHER, Gather)                                                          \
    X(EXPAND, Expand)                                                          \
    X(CAST, Cast)                                                              \
    X(SHAPE, Shape)                                                            \
    X(RANGE, Range)                                                            \
    X(CONSTANT_OF_SHAPE, ConstantOfShape)                                      \
    X(CONSTANT, Constant)                                                      \
    X(IDENTITY, Identity)                                                      \
    X(DROPOUT, Dropout)

enum haq_opcode {
#define X(id, name) HAQ_OP_##id,
    HAQ_OP_MAP(X)
#undef X
        HAQ_OP_COUNT
};

enum haq_op_flags {
    HAQ_OP_ELEMENTWISE = 1 << 0, /* broadcasts; any layout will do */
    /* Output numbers are input numbers (or copies of them, or a constant that
     * is representable): quantized codes pass through unchanged. */
    HAQ_OP_MOVES = 1 << 1,
    HAQ_OP_WEIGHTED = 1 << 2, /* a layer when its weight is constant */
    HAQ_OP_VIEW = 1 << 3,     /* same bytes, other shape */
    HAQ_OP_SPATIAL = 1 << 4,  /* NCHW by definition in ONNX */
};

enum { HAQ_OP_ANY = 1 << 16 }; /* variadic: no bound on the arity */

struct haq_op {
    enum haq_opcode code;
    const char *name;   /* ONNX op_type */
    int min_in, max_in; /* in normal form */
    int n_out;          /* HAQ_OP_ANY: one or more (Split) */
    unsigned flags;
    /* Fill the shapes and types of the outputs.  Inputs that steer shapes are
     * constants by now or HAQ_UNSUPPORTED. */
    haq_status (*infer)(struct haq_graph *g, struct haq_node *n,
                        struct haq_diag *d);
    /* Multiply-accumulates of one run at the graph's shapes; NULL = 0. */
    int64_t (*macs)(const struct haq_graph *g, const struct haq_node *n);
};

/* Row by code; never NULL. Row by ONNX name; NULL when unknown. */
const struct haq_op *haq_op(enum haq_opcode code);
const struct haq_op *haq_op_find(const char *onnx_name);

/* Multidirectional broadcasting of b into *a; false when they do not fit. */
bool haq_shape_broadcast(struct haq_shape *a, const struct haq_shape *b);

#endif
