/* cli/bench_load.h - `haq bench --load`: several requests at once. */
#ifndef HAQ_CLI_BENCH_LOAD_H
#define HAQ_CLI_BENCH_LOAD_H

#include <jansson.h>

#include "worker/load.h"

enum { HAQ_LOAD_LEVELS = 16, HAQ_LOAD_CLIENTS = 256 };

/* "1,2,4x8": clients, or clients x batch (else `batch`).  *n <=
 * HAQ_LOAD_LEVELS.  HAQ_USAGE. */
haq_status haq_bench_load_parse(struct haq_load_level out[HAQ_LOAD_LEVELS],
                                size_t *n, const char *text, size_t batch,
                                struct haq_diag *d);

/* List of {recipe, clients, batch, requests, seconds, requests_per_second,
 * samples_per_second, tokens_per_second (null where there are none), p50_ms,
 * p90_ms, p99_ms, max_ms}; name[0] is the float model's.  New reference. */
haq_status haq_bench_load(json_t **out, struct haq_session *session,
                          const struct haq_recipe *const *recipes, size_t n,
                          const char *const *name,
                          const struct haq_load_level *level, size_t levels,
                          size_t budget_ms, struct haq_diag *d);

/* That list as a table on standard output. */
void haq_bench_print_load(const json_t *rows);

#endif
