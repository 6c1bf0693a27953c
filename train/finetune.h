/* train/finetune.h - quantization-aware fine-tuning of a whole network.
 *
 * The last resort for few bits: codes, scales, biases and activation ranges
 * descend together on the loss of train/loss.h, from where the methods before
 * left them.  A tenth of the data (at most 1,024 samples) is held out and its
 * loss looked at several times an epoch.  When it rises, training goes back to
 * the best so far at half the rate; the best is what is kept, the start
 * included: fine-tuning cannot make the held-out loss worse.
 */
#ifndef HAQ_TRAIN_FINETUNE_H
#define HAQ_TRAIN_FINETUNE_H

#include "quant/params.h"
#include "train/learner.h"

struct haq_finetune {
    const struct haq_graph *graph; /* with a batch for one thread */
    const struct haq_qgraph *q;    /* quantized as the methods before left it */
    haq_learner_fn *trains;        /* layers */
    const void *arg;
    const struct haq_dataset *data;
    struct haq_pool *pool;
    bool real;             /* outputs are numbers, no classes */
    float share;           /* of the labels in the loss; 0: none are needed */
    size_t epochs;         /* >= 1 */
    const char *optimizer; /* train/optimizer.h */
    /* At the start; it falls to 0 as a cosine does.  0: the one of four, tried
     * for some batches each, that lowers the held-out loss most. */
    float rate;
    /* NULL, or called after every batch. */
    void (*progress)(void *arg, size_t done, size_t of);
    void *progress_arg;
};

struct haq_finetuned {
    double before, after; /* loss of the held-out samples */
    float rate;           /* at the start */
    size_t returns;       /* times that it went back to the best */
};

/* What is found goes into p.  HAQ_NOMEM; HAQ_INVALID: fewer than 2 samples;
 * HAQ_UNSUPPORTED as haq_net_new; HAQ_USAGE: no such optimizer. */
haq_status haq_finetune_run(const struct haq_finetune *f, struct haq_params *p,
                            struct haq_finetuned *out, struct haq_diag *d);

#endif
