/* train/ops.h - operators that can be run backwards: one table, by opcode. */
#ifndef HAQ_TRAIN_OPS_H
#define HAQ_TRAIN_OPS_H

#include "graph/op.h"
#include "train/net.h"

/* Complete a step whose node, slots and clamp are there: functions, data,
 * scratch, the layer's order.  HAQ_NOMEM, HAQ_UNSUPPORTED. */
typedef haq_status haq_train_prepare_fn(struct haq_net *net,
                                        struct haq_train_step *s,
                                        struct haq_diag *d);

/* NULL: cannot be trained. */
haq_train_prepare_fn *haq_train_op(enum haq_opcode code);

haq_train_prepare_fn haq_train_conv, haq_train_matmul, haq_train_unary,
    haq_train_binary, haq_train_pool, haq_train_softmax, haq_train_norm,
    haq_train_reduce, haq_train_move, haq_train_gather;

/* A quantizer between slots in[0] and out[0]; s->act is set, or the rows of
 * `row` numbers have a scale of their own each. */
haq_status haq_train_quantizer(struct haq_net *net, struct haq_train_step *s,
                               const struct haq_act_spec *spec, size_t row,
                               struct haq_diag *d);

/* What every operator asks. */
static inline const struct haq_node *
haq_train_node(const struct haq_net *net, const struct haq_train_step *s)
{
    return &net->graph->nodes[s->node];
}
static inline const struct haq_value *
haq_train_in(const struct haq_net *net, const struct haq_train_step *s, int i)
{
    return &net->graph->values[haq_train_node(net, s)->in[i]];
}
static inline const struct haq_value *
haq_train_out(const struct haq_net *net, const struct haq_train_step *s)
{
    return &net->graph->values[haq_train_node(net, s)->out[0]];
}

/* HAQ_UNSUPPORTED: the node cannot be trained, and why. */
haq_status haq_train_refuse(const struct haq_net *net,
                            const struct haq_train_step *s, const char *why,
                            struct haq_diag *d);

/* For each element of `to` the element of `from`, which broadcasts to it; NULL
 * in *out: the same.  HAQ_NOMEM. */
haq_status haq_train_broadcast(const int32_t **out, struct haq_net *net,
                               const struct haq_shape *from,
                               const struct haq_shape *to, struct haq_diag *d);

/* y := alpha op(a) op(b) + beta y, row-major, tightly packed where ld is the
 * natural one; m, n, k as in BLAS. */
void haq_train_gemm(const struct haq_net *net, bool ta, bool tb, size_t m,
                    size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float beta, float *c,
                    size_t ldc);

#endif
