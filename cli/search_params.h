/* cli/search_params.h - the numbers beside the recipes of a finished search. */
#ifndef HAQ_CLI_SEARCH_PARAMS_H
#define HAQ_CLI_SEARCH_PARAMS_H

#include "cli/search_job.h"

/* Write DIR/recipes/ID.safetensors for every recipe of the front and name it in
 * the recipe, so that both files and the model are all that another machine
 * needs.  Calibrates once.  Files of recipes that are gone are removed. */
haq_status haq_search_save_params(const struct haq_search_job *job,
                                  const char *dir, const json_t *front,
                                  struct haq_diag *d);

#endif
