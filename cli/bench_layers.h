/* cli/bench_layers.h - where the time of a network goes: a table of steps. */
#ifndef HAQ_CLI_BENCH_LAYERS_H
#define HAQ_CLI_BENCH_LAYERS_H

#include <jansson.h>

#include "worker/profile.h"

/* List of {step, layer, kernel, ms, gops, weight_bytes}: layer and gops (2 per
 * multiply-add and second, in 10^9) are null outside layers.  New reference;
 * HAQ_NOMEM. */
haq_status haq_bench_steps(json_t **out, struct haq_session *session,
                           const struct haq_recipe *recipe, size_t batch,
                           struct haq_diag *d);

/* That list as a table on standard output, with a sum. */
void haq_bench_print_steps(const json_t *steps);

#endif
