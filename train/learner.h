/* train/learner.h - what is trained in a quantized network: the integer weights
 * of chosen layers with their scales, their biases, and the scales of static
 * activations. */
#ifndef HAQ_TRAIN_LEARNER_H
#define HAQ_TRAIN_LEARNER_H

#include "quant/params.h"
#include "train/crew.h"
#include "train/optimizer.h"
#include "train/weight.h"

struct haq_learner {
    struct haq_net *net;
    struct haq_train_weight *weight; /* [layers]; runs = 0: not trained */
    float **dbias;                   /* [layers] */
    float *start, *t, *dt; /* [acts]: scale = start e^t, gradient of t */
    float *w;              /* as large as the largest layer */
    bool *mine;            /* [acts] */
    struct haq_parameter *parameter;
    size_t parameters;
};

/* May this layer's weight be trained? */
typedef bool haq_learner_fn(const void *arg, const char *tensor);

/* What is to be trained of a net: what its steps begin .. end - 1 use, and of
 * that the layers that `trains` says. */
struct haq_learner_part {
    size_t begin, end;
    haq_learner_fn *trains;
    const void *arg;
};

/* On the net of `q`, which may be gone afterwards.  HAQ_NOMEM, HAQ_INVALID. */
haq_status haq_learner_init(struct haq_learner *l, struct haq_net *net,
                            const struct haq_qgraph *q,
                            const struct haq_learner_part *part,
                            struct haq_diag *d);
void haq_learner_fini(struct haq_learner *l);

/* Let the net compute with the parameters as they are. */
void haq_learner_use(struct haq_learner *l);

/* The parameters' gradients from the sums of all tapes. */
void haq_learner_back(struct haq_learner *l, const struct haq_crew *c);

/* All parameters in one array, there and back. */
size_t haq_learner_size(const struct haq_learner *l);
void haq_learner_save(const struct haq_learner *l, float *to);
void haq_learner_load(struct haq_learner *l, const float *from);

/* Put codes, scales, biases and ranges into p, as the net uses them now. */
haq_status haq_learner_store(struct haq_learner *l, struct haq_params *p,
                             struct haq_diag *d);

#endif
