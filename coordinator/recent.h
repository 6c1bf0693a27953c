/* coordinator/recent.h - the timed tasks that a worker finished last.
 *
 * A worker whose device has drifted says how many of them are in doubt
 * (worker/task.h, measure-latency); they are taken from here to be measured
 * again.  The last HAQ_RECENT are remembered.
 */
#ifndef HAQ_COORDINATOR_RECENT_H
#define HAQ_COORDINATOR_RECENT_H

#include <stddef.h>

struct haq_task;

enum { HAQ_RECENT = 32 };

struct haq_recent {
    struct haq_task *task[HAQ_RECENT]; /* [n] owned, oldest first */
    size_t n;
};

/* Zeros are an empty one. */
void haq_recent_fini(struct haq_recent *r);

/* Remember a copy; without memory for it, forget. */
void haq_recent_add(struct haq_recent *r, const struct haq_task *t);

/* The latest one, out of the list and the caller's; NULL: none is left. */
struct haq_task *haq_recent_take(struct haq_recent *r);

#endif
