/* quant/method/adam.h - Adam (Kingma and Ba 2015), for methods that descend on
 * the quadratic error of a layer (quadratic.h). */
#ifndef HAQ_QUANT_METHOD_ADAM_H
#define HAQ_QUANT_METHOD_ADAM_H

#include <stddef.h>

struct haq_adam {
    double *m, *v; /* [n] running moments of the slope, zero at first */
    size_t n;
    double rate; /* of the next step */
    long steps;  /* made so far */
};

/* x -= rate m' / (sqrt(v') + 1e-8) with the corrected moments. */
void haq_adam_step(struct haq_adam *a, double *x, const double *slope);

#endif
