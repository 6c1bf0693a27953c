/* train/saliency.h - what the loss of a float model says about an error of its
 * weights, without quantizing anything.
 *
 *     first order  |sum_i g_i dW_i|                g: gradient of the mean loss
 *     Fisher       1/2 sum_i F_i dW_i^2            F: mean of squared gradients
 *     Hessian      Tr(H) / n * sum_i dW_i^2        n: weights of the layer
 *
 * for dW = what a layer's codes stand for - W.  F is the diagonal of the
 * empirical Fisher information, from one backward run for each sample.  The
 * last is HAWQ-V2's (Dong et al. 2020), its trace Hutchinson's estimate: the
 * mean of v'Hv over vectors v of random signs, with Hv from central differences
 * of gradients.  All layers move at once; what one layer's step does to the
 * gradient of another has mean zero, so that each layer's own block comes out
 * at the price of two gradients a vector, however many layers there are, and
 * with more variance than if layers moved alone.
 *
 * The loss is cross-entropy, mean over the positions of a sample, with the
 * data's labels or with labels that are drawn once from what the model says; of
 * outputs that are no classes, half the squared difference to numbers drawn
 * around them with variance 1.
 */
#ifndef HAQ_TRAIN_SALIENCY_H
#define HAQ_TRAIN_SALIENCY_H

#include "base/thread.h"
#include "graph/dataset.h"
#include "graph/ir.h"

struct haq_saliency_job {
    const struct haq_graph *graph; /* of batch 1, optimized with nhwc */
    const struct haq_dataset *data;
    const size_t *samples; /* [n], n >= 1 */
    size_t n;
    size_t positions, classes; /* of an output */
    bool labels;               /* use the data's, which fit the output */
    bool real;                 /* outputs are numbers; labels is false */
    size_t probes; /* vectors for the trace at most; fewer when its standard
                      error is 5 % in every layer.  0: no trace */
    struct haq_pool *pool;
    void (*progress)(void *arg); /* after each run over all samples; or NULL */
    void *arg;
};

/* Arrays are [n][k] as in quant/layer_weight.h. */
struct haq_saliency_layer {
    const char *tensor;
    size_t count;    /* n * k */
    float *gradient; /* of the mean loss */
    float *fisher;
    double trace, trace_error; /* with its standard error; NAN: not asked */
};

struct haq_saliency {
    struct haq_arena arena;
    struct haq_saliency_layer *layer; /* in network order */
    size_t n;
    double loss;   /* mean over the samples */
    size_t probes; /* vectors used */
};

/* What an error of a layer's weights costs. */
struct haq_saliency_cost {
    double first_order, fisher, hessian;
};

/* fini what succeeded.  HAQ_NOMEM; HAQ_UNSUPPORTED as haq_net_new. */
haq_status haq_saliency_find(struct haq_saliency *out,
                             const struct haq_saliency_job *job,
                             struct haq_diag *d);
void haq_saliency_fini(struct haq_saliency *s);

/* NULL: no such layer. */
const struct haq_saliency_layer *
haq_saliency_layer(const struct haq_saliency *s, const char *tensor);

/* Of replacing w by q, both [n][k]. */
struct haq_saliency_cost haq_saliency_cost(const struct haq_saliency_layer *l,
                                           const float *w, const float *q);

#endif
