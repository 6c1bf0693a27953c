/* runtime/exec.h - run a plan. */
#ifndef HAQ_RUNTIME_EXEC_H
#define HAQ_RUNTIME_EXEC_H

#include "base/thread.h"
#include "runtime/plan.h"

struct haq_exec;

/* A context: arena and scratch of its own, so contexts of one plan run side by
 * side.  `pool` NULL runs in the calling thread; otherwise every step is split
 * over the pool, and only the pool's owner thread may run it. */
haq_status haq_exec_new(struct haq_exec **out, const struct haq_plan *plan,
                        struct haq_pool *pool, struct haq_diag *d);
void haq_exec_free(struct haq_exec *e);

/* Where graph input i is to be written before a run, and where output i can be
 * read after it (until the next run): C order in the graph's shape and dtype;
 * outputs are float32. */
void *haq_exec_input(struct haq_exec *e, int i);
const float *haq_exec_output(const struct haq_exec *e, int i);

void haq_exec_run(struct haq_exec *e);

/* Run and add each step's time in ns to step_ns[haq_plan_steps()]. */
void haq_exec_run_timed(struct haq_exec *e, uint64_t *step_ns);

/* Float plans only: called after each step for every float tensor it wrote, to
 * observe activations.  data holds `count` values.  false: that was enough, the
 * rest of this run is left out. */
typedef bool haq_watch_fn(void *arg, int value, const float *data,
                          size_t count);
void haq_exec_run_watched(struct haq_exec *e, haq_watch_fn *fn, void *arg);

#endif
