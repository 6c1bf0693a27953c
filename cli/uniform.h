/* cli/uniform.h - a recipe with the same words for every layer. */
#ifndef HAQ_CLI_UNIFORM_H
#define HAQ_CLI_UNIFORM_H

#include "quant/recipe.h"
#include "worker/task.h"

/* The words as in quant/spec.h and quant/calib_method.h; `calibration` is kept,
 * not copied.  `name` stands in messages. HAQ_USAGE    a word that is not
 * known; static activations without calibration data in the session HAQ_INVALID
 * formats that do not go together */
haq_status haq_uniform_recipe(struct haq_recipe *out,
                              const struct haq_session *session,
                              const char *name, const char *weights,
                              const char *activations, const char *calibration,
                              struct haq_diag *d);

/* What --activations is by default: "float" beside weights that are no
 * integers, else `integers`.  A word that is not known is left to
 * haq_uniform_recipe. */
const char *haq_uniform_activations(const char *weights, const char *integers);

#endif
