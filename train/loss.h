/* train/loss.h - what a network is trained for.
 *
 *   labels   cross-entropy with the true class
 *   teacher  Kullback-Leibler divergence from the float model's distribution
 *            (Hinton et al. 2015, temperature 1); with `real` outputs, which
 * are no classes, half the squared difference
 *
 * mixed: share x labels + (1 - share) x teacher, per position of the output.
 */
#ifndef HAQ_TRAIN_LOSS_H
#define HAQ_TRAIN_LOSS_H

#include "graph/dataset.h"

struct haq_loss {
    const struct haq_dataset *data; /* its labels; not looked at if share = 0 */
    const float *teacher; /* [samples][positions][classes] outputs of the float
                             model in front of a last softmax */
    size_t positions, classes;
    bool real;
    float share; /* of the labels, 0 .. 1 */
};

/* Loss of a sample's output out [positions][classes], mean over positions; its
 * gradient times `scale` goes to grad unless that is NULL. */
double haq_loss_sample(const struct haq_loss *l, size_t sample,
                       const float *out, float *grad, float scale);

#endif
