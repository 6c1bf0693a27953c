/* cli/eval_groups.h - `haq eval --groups`: accuracy by group. */
#ifndef HAQ_CLI_EVAL_GROUPS_H
#define HAQ_CLI_EVAL_GROUPS_H

#include <jansson.h>

#include "worker/groups.h"

/* `text`: "data", "labels" or the path of an .npy file.  Adds `groups` and
 * `worst_group` to doc. */
haq_status haq_eval_groups(json_t *doc, struct haq_session *session,
                           const struct haq_recipe *recipe, const char *text,
                           struct haq_diag *d);

/* What was added, as a table on standard output. */
void haq_eval_print_groups(const json_t *doc);

#endif
