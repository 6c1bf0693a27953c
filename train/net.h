/* train/net.h - a network that can be run backwards.
 *
 *     net    what is shared: steps in execution order, the layers' weights as
 *            they are used now, the quantizers of activations
 *     tape   one thread's memory: every tensor of one batch, its gradient, and
 *            the sums of the gradients of what is trained
 *
 * Gradients are of a loss that the caller writes beside the output
 * (haq_tape_gradient), by reverse accumulation.  Quantizers pass gradients
 * straight through inside their range (Bengio et al. 2013) and learn their
 * scale as LSQ does (Esser et al. 2020).  Tensors are as in the graph, which
 * has been optimized with nhwc.
 */
#ifndef HAQ_TRAIN_NET_H
#define HAQ_TRAIN_NET_H

#include "graph/ir.h"
#include "quant/apply.h"
#include "quant/blas.h"

/* A tensor; views share one. */
struct haq_train_slot {
    size_t count;
    const void *constant; /* of the graph; NULL: in the tape at `at` */
    bool integer;         /* indices, 8 bytes each: no gradient */
    bool grad;            /* something that is trained lies in front of it */
    size_t at, grad_at;   /* floats from the start of a tape */
};

struct haq_tape;
struct haq_net;
struct haq_train_step;

/* Forward fills the output from the inputs; backward adds to the gradients of
 * inputs (those that have one) and of what is trained. */
typedef void haq_train_fn(const struct haq_train_step *s, struct haq_tape *t);

struct haq_train_step {
    haq_train_fn *forward, *backward;
    int n_in, n_out, *in, *out; /* slots; -1: an input left out */
    int node;                   /* -1: a quantizer */
    int layer;                  /* net->layer, or -1 */
    int act;                    /* net->act, or -1 */
    struct haq_clamp clamp;     /* of the output */
    bool clamped;
    size_t scratch; /* floats that a tape must have room for */
    void *data;     /* the operator's own */
};

/* A layer's weight and bias as the forward pass uses them. */
struct haq_train_layer {
    const char *tensor;
    int node;
    size_t n, k;
    const int32_t *order;    /* [n * k]: place in the model's order, or NULL: as
                                in the model */
    float *w;                /* [n * k] in the operator's order */
    float *bias;             /* [n], or NULL */
    size_t grad_at, bias_at; /* of the gradients' sums in a tape */
};

/* A static quantizer of an activation, shared by all who read the same tensor
 * in the same format.  Codes and zero point as in haq_act_params. */
struct haq_train_act {
    const char *source; /* tensor, as recipes name it */
    struct haq_act_spec spec;
    float scale;
    int32_t zero, qlo, qhi;
    size_t count;   /* numbers of one batch */
    size_t grad_at; /* of the gradient of the scale, one number */
};

struct haq_net {
    const struct haq_graph *graph; /* borrowed */
    struct haq_arena arena;
    const struct haq_blas *blas;
    struct haq_train_slot *slot;
    struct haq_train_step *step;
    struct haq_train_layer *layer;
    struct haq_train_act *act;
    size_t slots, steps, layers, acts;
    int *slot_of;  /* [graph->n_values], -1: not made */
    int input;     /* slot of graph input 0 */
    int output;    /* slot of graph output 0, in front of a softmax at the end
                      (which leaves log-probabilities as they are) */
    size_t values; /* floats of a tape: tensors, */
    size_t sums;   /* gradients' sums, */
    size_t scratch;
};

/* `q` NULL: everything float; otherwise weights are its dequantized codes,
 * biases its own, and inputs are quantized as it says.  `g`, optimized with
 * nhwc, outlives the net; `q` need not.
 * HAQ_UNSUPPORTED: an operator that cannot be trained, by name. */
haq_status haq_net_new(struct haq_net **out, const struct haq_graph *g,
                       const struct haq_qgraph *q, struct haq_diag *d);
void haq_net_free(struct haq_net *net);

/* w in the model's order, [n][k] (quant/layer_weight.h). */
void haq_net_set_weight(struct haq_net *net, size_t layer, const float *w);

struct haq_tape {
    const struct haq_net *net;
    float *values; /* tensors */
    float *grads;  /* theirs, at the slot's grad_at */
    float *sums;   /* [net->sums] */
    float *scratch;
};

haq_status haq_tape_new(struct haq_tape **out, const struct haq_net *net,
                        struct haq_diag *d);
void haq_tape_free(struct haq_tape *t);

/* Forget the sums. */
void haq_tape_clear(struct haq_tape *t);

/* Steps begin .. end - 1, in order and in reverse.  Gradients of tensors are
 * cleared by haq_tape_reset, those that these steps read or write; a backward
 * run adds to them. */
void haq_tape_forward(struct haq_tape *t, size_t begin, size_t end);
void haq_tape_reset(struct haq_tape *t, size_t begin, size_t end);
void haq_tape_backward(struct haq_tape *t, size_t begin, size_t end);

/* Numbers of a slot; its gradient (NULL: it has none). */
static inline float *haq_tape_value(const struct haq_tape *t, int slot)
{
    return t->values + t->net->slot[slot].at;
}
static inline const float *haq_tape_read(const struct haq_tape *t, int slot)
{
    const struct haq_train_slot *s = &t->net->slot[slot];
    return s->constant ? s->constant : t->values + s->at;
}
static inline float *haq_tape_gradient(const struct haq_tape *t, int slot)
{
    const struct haq_train_slot *s = &t->net->slot[slot];
    return s->grad ? t->grads + s->grad_at : NULL;
}

/* Add the sums of a layer's weight, in the model's order, to dw [n][k], and of
 * its bias to db [n] (where there is one). */
void haq_tape_layer_sums(const struct haq_tape *t, size_t layer, float *dw,
                         float *db);

#endif
