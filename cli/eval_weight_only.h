/* cli/eval_weight_only.h - `haq eval`: which layers compute in floats although
 * their weights are quantized. */
#ifndef HAQ_CLI_EVAL_WEIGHT_ONLY_H
#define HAQ_CLI_EVAL_WEIGHT_ONLY_H

#include <jansson.h>

#include "quant/recipe.h"

/* Adds `weight_only` to doc, a list of {tensor, weight}; no such layers:
 * nothing.  HAQ_NOMEM. */
haq_status haq_eval_weight_only(json_t *doc, const struct haq_recipe *recipe,
                                struct haq_diag *d);

/* One line per format on standard output; a long list of layers is cut. */
void haq_eval_print_weight_only(const struct haq_recipe *recipe);

#endif
