/* runtime/sweep.h - empty caches: every thread of a pool writes over its part
 * of a block that is more than twice as large as all caches together. */
#ifndef HAQ_RUNTIME_SWEEP_H
#define HAQ_RUNTIME_SWEEP_H

#include "base/thread.h"

struct haq_sweep;

/* pool NULL: the calling thread.  Cache sizes are those of <root>/sys (NULL:
 * the machine's); 32 MiB where they are not told.  HAQ_NOMEM names the size. */
haq_status haq_sweep_new(struct haq_sweep **out, struct haq_pool *pool,
                         const char *root, struct haq_diag *d);
void haq_sweep_free(struct haq_sweep *s);

size_t haq_sweep_bytes(const struct haq_sweep *s);
void haq_sweep(struct haq_sweep *s);

#endif
