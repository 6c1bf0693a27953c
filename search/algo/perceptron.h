/* search/algo/perceptron.h - a small network of its own: one number from a few.
 *
 *     x[in] -> relu(W1 x + b1)[hidden] -> relu(W2 . + b2)[hidden] -> w3 . + b3
 *
 * Trained by Adam (Kingma, Ba 2015).  All parameters are one array of floats,
 * so that a copy, an average or a step is one loop:
 *
 *     W1 [in][hidden]  b1 [hidden]  W2 [hidden][hidden]  b2 [hidden]
 *     w3 [hidden]  b3
 */
#ifndef HAQ_SEARCH_ALGO_PERCEPTRON_H
#define HAQ_SEARCH_ALGO_PERCEPTRON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"

struct haq_perceptron {
    size_t in, hidden, params;
    float *w;             /* [params] */
    float *grad;          /* [params] summed up by backward */
    float *mean, *square; /* [params] of Adam */
    float *h1, *h2, *d;   /* [hidden] each: what forward saw, scratch */
    unsigned long steps;  /* of Adam */
};

/* Weights uniform within 1/sqrt(inputs of the unit).  false: no memory; fini is
 * due in any case. */
bool haq_perceptron_init(struct haq_perceptron *p, size_t in, size_t hidden,
                         struct haq_rng *rng);
void haq_perceptron_fini(struct haq_perceptron *p);

/* Keeps what backward needs. */
float haq_perceptron_forward(struct haq_perceptron *p, const float *x);

/* Add the gradient of dy * output to p->grad, for the x of the last forward,
 * and write that with respect to x (dx [in], or NULL). */
void haq_perceptron_backward(struct haq_perceptron *p, const float *x, float dy,
                             float *dx);

/* One step of Adam against p->grad, which is zero then. */
void haq_perceptron_step(struct haq_perceptron *p, float rate);
void haq_perceptron_clear(struct haq_perceptron *p); /* the gradient */

/* w += part * (from's w - w). */
void haq_perceptron_follow(struct haq_perceptron *p,
                           const struct haq_perceptron *from, float part);

#endif
