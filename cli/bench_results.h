/* cli/bench_results.h - what was measured of several contestants, as JSON and
 * in words.
 *
 * results[]      one per contestant and state of the caches: recipe, device,
 *                threads, batch, caches ("warm", "cold"), latency_ms, speedup,
 *                speedup_ci, verdict, reason, energy_mj (null: not available),
 *                weight_bytes
 * comparisons[]  one per pair: faster, slower, percent, percent_ci, different,
 *                caches
 * measured[]     one per state of the caches: rounds, counted, missing,
 *                disturbed {witness: rounds}
 */
#ifndef HAQ_CLI_BENCH_RESULTS_H
#define HAQ_CLI_BENCH_RESULTS_H

#include <jansson.h>

#include "base/status.h"
#include "runtime/measure.h"

/* Whom it was measured of; arrays are [m->n]. */
struct haq_bench_subject {
    const char *const *name;
    const size_t *weight_bytes;
    size_t threads, batch;
};

/* Append to the three lists of `doc`, which need not exist yet.  HAQ_NOMEM. */
haq_status haq_bench_add(json_t *doc, const struct haq_measured *m,
                         const struct haq_bench_subject *s, struct haq_diag *d);

/* A table of results, then sentences: which differences are real, what
 * disturbed, which witnesses were missing; on standard output. */
void haq_bench_print(const json_t *doc);

#endif
