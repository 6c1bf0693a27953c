/* tests/kernels/selfcheck/guard.h - buffers between pages that nobody may
 * touch.
 *
 *     | no access | canaries ... buffer | no access |    GUARD_BEHIND
 *     | no access | buffer ... canaries | no access |    GUARD_BEFORE
 *
 * A read or write beyond the end, or in front of the buffer, faults at once on
 * the side that lies at the page; on the other side canaries show writes.  A
 * buffer of an alignment that its size does not have ends a few canaries before
 * the page.  Pages are kept and used again.
 */
#ifndef HAQ_TESTS_SELFCHECK_GUARD_H
#define HAQ_TESTS_SELFCHECK_GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum guard_side { GUARD_BEHIND, GUARD_BEFORE, GUARD_SIDES };

enum { GUARD_CLASSES = 16 }; /* of 1, 2, 4, ... pages */

struct guard {
    struct guard_class {
        struct guard_block *block;
        size_t count, used;
    } of[GUARD_CLASSES];
    size_t page;
    enum guard_side side;
};

/* Memory for `bytes` bytes at a multiple of `align` (a power of two up to a
 * page), all 0xa5, until the next guard_reset.  Ends the program without
 * memory. */
void *guard_alloc(struct guard *g, size_t bytes, size_t align);

/* Take every buffer back; the next ones lie at pages on `side`. */
void guard_reset(struct guard *g, enum guard_side side);

/* Are all canaries of the buffers since the last reset whole? */
bool guard_whole(const struct guard *g);

void guard_free(struct guard *g);

#endif
