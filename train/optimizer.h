/* train/optimizer.h - descent on parameters by their gradients: one table.
 *
 *   adam  Kingma and Ba 2015, beta 0.9 and 0.999, epsilon 1e-8
 *   sgd   with momentum 0.9
 *
 * Parameters are without units (weights in steps of their scale, scales as
 * logarithms), so one rate serves them all.
 */
#ifndef HAQ_TRAIN_OPTIMIZER_H
#define HAQ_TRAIN_OPTIMIZER_H

#include <stddef.h>

#include "base/status.h"

/* Numbers that are trained together; all memory is the caller's. */
struct haq_parameter {
    float *value;
    const float *gradient;
    size_t n;
    float rate; /* times that of the step */
};

struct haq_optimizer;

/* HAQ_USAGE lists the names; HAQ_NOMEM.  `p` is copied, what it points at must
 * outlive the optimizer. */
haq_status haq_optimizer_new(struct haq_optimizer **out, const char *name,
                             const struct haq_parameter *p, size_t n,
                             struct haq_diag *d);
void haq_optimizer_free(struct haq_optimizer *o);

/* Forget what was learned of the gradients so far. */
void haq_optimizer_reset(struct haq_optimizer *o);

void haq_optimizer_step(struct haq_optimizer *o, float rate);

#endif
