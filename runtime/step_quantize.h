/* runtime/step_quantize.h - conversions that a plan adds between nodes. */
#ifndef HAQ_RUNTIME_STEP_QUANTIZE_H
#define HAQ_RUNTIME_STEP_QUANTIZE_H

#include "runtime/plan_priv.h"

/* Add the step that fills slot `to` (any form but PLAIN) from the float slot
 * `from`. */
haq_status haq_add_quantize(struct haq_plan *p, int from, int to,
                            struct haq_diag *d);

/* The same for a constant, done now.  HAQ_UNSUPPORTED for forms made per row:
 * recipes ask for them on activations only. */
haq_status haq_quantize_constant(struct haq_plan *p, int from, int to,
                                 struct haq_diag *d);

#endif
