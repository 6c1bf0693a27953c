/* train/reconstruct.h - blocks that learn to do what they did, after BRECQ (Li
 * et al. 2021).
 *
 * Block by block (train/blocks.h), behind blocks that are quantized already,
 * codes, scales, biases and the scales of static activations descend on the
 * squared difference of the block's output to the float model's, each element
 * weighted by the size of the loss's gradient there, with labels drawn from
 * what the float model says.
 *
 * Two things are not as in the paper, since they did better on the networks
 * that this was tried on: the gradient's size in place of its square (the
 * diagonal of the Fisher information), which leaves next to all weight to the
 * few samples that the model is in doubt about; and rounding to nearest with
 * gradients straight through in place of AdaRound's soft rounding.
 */
#ifndef HAQ_TRAIN_RECONSTRUCT_H
#define HAQ_TRAIN_RECONSTRUCT_H

#include "quant/params.h"
#include "train/learner.h"

struct haq_reconstruct {
    const struct haq_graph *graph; /* with a batch for one thread */
    const struct haq_qgraph *q;    /* quantized as the methods before left it */
    haq_learner_fn *trains;        /* layers */
    const void *arg;
    const struct haq_dataset *data; /* at most 1,024 samples are used */
    struct haq_pool *pool;
    bool real;    /* outputs are numbers, no classes */
    size_t steps; /* of descent for each block */
    void (*progress)(void *arg, size_t done, size_t of); /* or NULL */
    void *progress_arg;
};

/* What is found goes into p.  Statuses as haq_finetune_run. */
haq_status haq_reconstruct_run(const struct haq_reconstruct *r,
                               struct haq_params *p, struct haq_diag *d);

#endif
