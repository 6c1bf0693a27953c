/* runtime/memplan.h - where in one arena tensors live, by lifetime.
 *
 * Two blocks may share bytes only when no step needs both.  Greedy by size:
 * the largest block first, each into the tightest gap that is free during its
 * life (Pisarchyk, Lee 2020, "Efficient Memory Management for Deep Neural Net
 * Inference").
 */
#ifndef HAQ_RUNTIME_MEMPLAN_H
#define HAQ_RUNTIME_MEMPLAN_H

#include <stddef.h>

#include "base/status.h"

struct haq_block {
    size_t bytes;
    int first, last; /* steps during which it is needed, both inclusive */
    size_t offset;   /* out: multiple of 64 */
};

/* Place n blocks; *total is the size of the arena.  HAQ_NOMEM; HAQ_INVALID when
 * the sum overflows. */
haq_status haq_memplan(struct haq_block *block, size_t n, size_t *total,
                       struct haq_diag *d);

#endif
