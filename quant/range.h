/* quant/range.h - the static range of an activation under a recipe. */
#ifndef HAQ_QUANT_RANGE_H
#define HAQ_QUANT_RANGE_H

#include "quant/calib.h"
#include "quant/recipe.h"

struct haq_params;

/* Range of `tensor` (a source name) quantized to `spec`: from `params`
 * ("act/TENSOR:FORMAT" before "act/TENSOR"), else from `calib` by the recipe's
 * calibration method.  Either may be NULL.
 * HAQ_INVALID  neither has the tensor, no histogram for a method that needs
 *              one, or a range that is not finite; the sentence names it */
haq_status haq_range_find(float range[2], const char *tensor,
                          const struct haq_act_spec *spec,
                          const struct haq_recipe *r,
                          const struct haq_calib *calib,
                          const struct haq_params *params, struct haq_diag *d);

#endif
