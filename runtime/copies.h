/* runtime/copies.h - several contexts of one plan, as one contestant.
 *
 * Where the pages of a context happen to lie in memory makes one faster than
 * another by a percent, and now and then by four: as long as a context lives.
 * Timed against each other, two of the same plan would be called different, and
 * rightly so; but it is not the plan that differs.  So every round takes the
 * next one of several contexts, and the median over the rounds is that of many
 * places.
 */
#ifndef HAQ_RUNTIME_COPIES_H
#define HAQ_RUNTIME_COPIES_H

#include "runtime/exec.h"
#include "runtime/measure.h"

enum { HAQ_COPIES = 8 };

struct haq_copies {
    struct haq_exec *exec[HAQ_COPIES]; /* [n] */
    size_t n;
    size_t now; /* the one that runs */
    size_t stagger;
};

/* HAQ_COPIES contexts, fewer when they need more than 64 MiB together.  The
 * caller writes their inputs and owes haq_copies_fini, also after a failure. */
haq_status haq_copies_init(struct haq_copies *c, const struct haq_plan *plan,
                           struct haq_pool *pool, struct haq_diag *d);
void haq_copies_fini(struct haq_copies *c);

/* As contestant `i`: others come together with other copies in every turn. */
struct haq_contestant haq_copies_contestant(struct haq_copies *c, size_t i);

/* What the contestant does: run the copy of this round; go on to the next. */
void haq_copies_run(void *copies);
void haq_copies_turn(void *copies, size_t round);

#endif
