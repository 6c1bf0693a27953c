/* train/drawn.h - labels drawn from what a model says.
 *
 * In the mean over draws, squared gradients of -log p(label) are the Fisher
 * information, which needs no labels of the data.
 */
#ifndef HAQ_TRAIN_DRAWN_H
#define HAQ_TRAIN_DRAWN_H

#include "train/net.h"

/* The class that a uniform number u in [0, 1) picks from softmax(logits[n]). */
size_t haq_drawn_label(const float *logits, size_t n, double u);

/* Gradient of -log p of labels that are drawn from p, p - [label], for one
 * sample's out [size] in front of a last softmax; `real`: of half the squared
 * difference to a number drawn around out with variance 1. */
void haq_drawn_gradient(const struct haq_net *net, const float *out,
                        float *grad, size_t size, bool real, uint64_t seed);

#endif
