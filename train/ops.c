#include "train/ops.h"

#include "graph/strided.h"

haq_train_prepare_fn *haq_train_op(enum haq_opcode code)
{
    static haq_train_prepare_fn *const table[HAQ_OP_COUNT] = {
        [HAQ_OP_CONV] = haq_train_conv,
        [HAQ_OP_GEMM] = haq_train_matmul,
        [HAQ_OP_MATMUL] = haq_train_matmul,
        [HAQ_OP_RELU] = haq_train_unary,
        [HAQ_OP_CLIP] = haq_train_unary,
        [HAQ_OP_LEAKY_RELU] = haq_train_unary,
        [HAQ_OP_SIGMOID] = haq_train_unary,
        [HAQ_OP_SILU] = haq_train_unary,
        [HAQ_OP_TANH] = haq_train_unary,
        [HAQ_OP_HARD_SIGMOID] = haq_train_unary,
        [HAQ_OP_HARD_SWISH] = haq_train_unary,
        [HAQ_OP_ERF] = haq_train_unary,
        [HAQ_OP_GELU] = haq_train_unary,
        [HAQ_OP_EXP] = haq_train_unary,
        [HAQ_OP_LOG] = haq_train_unary,
        [HAQ_OP_NEG] = haq_train_unary,
        [HAQ_OP_ABS] = haq_train_unary,
        [HAQ_OP_SQRT] = haq_train_unary,
        [HAQ_OP_RECIPROCAL] = haq_train_unary,
        [HAQ_OP_ADD] = haq_train_binary,
        [HAQ_OP_SUB] = haq_train_binary,
        [HAQ_OP_MUL] = haq_train_binary,
        [HAQ_OP_DIV] = haq_train_binary,
        [HAQ_OP_POW] = haq_train_binary,
        [HAQ_OP_MIN] = haq_train_binary,
        [HAQ_OP_MAX] = haq_train_binary,
        [HAQ_OP_MAX_POOL] = haq_train_pool,
        [HAQ_OP_AVERAGE_POOL] = haq_train_pool,
        [HAQ_OP_GLOBAL_AVERAGE_POOL] = haq_train_pool,
        [HAQ_OP_REDUCE_MEAN] = haq_train_reduce,
        [HAQ_OP_REDUCE_SUM] = haq_train_reduce,
        [HAQ_OP_SOFTMAX] = haq_train_softmax,
        [HAQ_OP_LOG_SOFTMAX] = haq_train_softmax,
        [HAQ_OP_LAYER_NORM] = haq_train_norm,
        [HAQ_OP_RMS_NORM] = haq_train_norm,
        [HAQ_OP_TRANSPOSE] = haq_train_move,
        [HAQ_OP_CONCAT] = haq_train_move,
        [HAQ_OP_SPLIT] = haq_train_move,
        [HAQ_OP_SLICE] = haq_train_move,
        [HAQ_OP_PAD] = haq_train_move,
        [HAQ_OP_EXPAND] = haq_train_move,
        [HAQ_OP_GATHER] = haq_train_gather,
    };
    return table[code];
}

haq_status haq_train_refuse(const struct haq_net *net,
                            const struct haq_train_step *s, const char *why,
                            struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    return haq_fail(d, HAQ_UNSUPPORTED, "training: %s %s: %s", n->op->name,
                    n->name, why);
}

haq_status haq_train_broadcast(const int32_t **out, struct haq_net *net,
                               const struct haq_shape *from,
                               const struct haq_shape *to, struct haq_diag *d)
{
    struct haq_strided w;
    size_t count = 0;
    *out = NULL;
    if (haq_shape_equal(from, to))
        return HAQ_OK;
    haq_shape_count(to, &count);
    int32_t *map = haq_arena_array(&net->arena, count + 1, sizeof *map);
    if (!map)
        return haq_fail(d, HAQ_NOMEM, "broadcasting to %zu numbers", count);
    haq_strided_init(&w, to);
    haq_strided_broadcast(&w, from);
    for (size_t i = 0; i < count; i++) {
        map[i] = (int32_t)w.offset[0];
        haq_strided_next(&w);
    }
    *out = map;
    return HAQ_OK;
}

void haq_train_gemm(const struct haq_net *net, bool ta, bool tb, size_t m,
                    size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float beta, float *c,
                    size_t ldc)
{
    net->blas->sgemm(HAQ_BLAS_ROW_MAJOR,
                     ta ? HAQ_BLAS_TRANSPOSED : HAQ_BLAS_PLAIN,
                     tb ? HAQ_BLAS_TRANSPOSED : HAQ_BLAS_PLAIN, (int)m, (int)n,
                     (int)k, 1, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
