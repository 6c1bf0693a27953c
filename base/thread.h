/* base/thread.h - a pool of pinned threads for data-parallel loops.
 *
 * The caller of haq_pool_run is worker 0; a pool of n threads therefore starts
 * n - 1.  Workers spin for some microseconds after a loop and then sleep.
 * Threads are pinned with hwloc to distinct physical cores allowed to this
 * process (cgroup and affinity mask respected); worker 0 is pinned while it is
 * inside haq_pool_run's owner thread only when haq_pool_pin_caller is called.
 */
#ifndef HAQ_BASE_THREAD_H
#define HAQ_BASE_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

struct haq_pool;

/* Called once per worker and loop.  `worker` is 0 .. threads-1, `begin..end`
 * its share of the range. */
typedef void haq_pool_fn(void *arg, size_t begin, size_t end, size_t worker);

/* threads 0 = one per allowed physical core.  HAQ_NOMEM, HAQ_IO. */
haq_status haq_pool_new(struct haq_pool **out, size_t threads,
                        struct haq_diag *d);
void haq_pool_free(struct haq_pool *p);

size_t haq_pool_threads(const struct haq_pool *p);

/* Bind the calling thread to worker 0's core; haq_pool_free, called from that
 * thread, gives it back the CPUs it had. */
void haq_pool_pin_caller(struct haq_pool *p);

/* Give the thread that was bound its CPUs back: before it makes another pool,
 * which would find one core only. */
void haq_pool_unpin_caller(struct haq_pool *p);

/* Split 0..n statically into contiguous shares that are multiples of `grain`
 * (the last may be short), run, return when all are done.  One loop at a time:
 * only the owner thread calls.  n == 0 returns at once; a single share runs in
 * the caller without waking anybody. */
void haq_pool_run(struct haq_pool *p, size_t n, size_t grain, haq_pool_fn *fn,
                  void *arg);

/* As above but shares of `grain` are taken one by one by whoever is free: for
 * uneven work. */
void haq_pool_run_dynamic(struct haq_pool *p, size_t n, size_t grain,
                          haq_pool_fn *fn, void *arg);

/* Physical cores this process may use; at least 1. */
size_t haq_cores_allowed(void);

#endif
