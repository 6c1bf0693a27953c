/* coordinator/sched.h - open tasks, and which of them runs next.
 *
 *     LOOKING --found--> settled
 *        |  \--the same key is open already--> TWIN --> settled with it
 *        v
 *     QUEUED <--> RUNNING --> settled
 *
 * A result that falls into doubt later (a device that drifted) brings its task
 * back as QUEUED; `again` counts that.
 *
 * A timed task (exclusive) runs when nothing else runs on the device, and
 * nothing starts until it ends.  Others go first, in the order of asking, but
 * not past an exclusive one that has waited for `patience_ns`.
 */
#ifndef HAQ_COORDINATOR_SCHED_H
#define HAQ_COORDINATOR_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "coordinator/roster.h"
#include "wire/taskkind.h"

enum haq_task_state {
    HAQ_TASK_LOOKING,
    HAQ_TASK_TWIN,
    HAQ_TASK_QUEUED,
    HAQ_TASK_RUNNING
};

struct haq_task {
    uint64_t id;
    uint64_t want; /* what the driver calls it */
    enum haq_task_state state;
    char key[HAQ_HASH_HEX];
    const struct haq_task_kind *kind;
    char recipe_id[HAQ_HASH_HEX]; /* assignment id or "float" */
    char *recipe;                 /* canonical JSON, owned; NULL: float model */
    char *params;                 /* canonical JSON, owned */
    bool exclusive;
    unsigned again;    /* times that its result fell into doubt */
    unsigned attempts; /* leases given out that were not handed back */
    uint64_t fence;    /* of the current lease */
    uint64_t queued_ns, deadline_ns;
    char trouble[300]; /* why the last attempt failed */
};

struct haq_sched {
    struct haq_task **task; /* [n] open ones, in the order of asking; owned */
    size_t n, cap;
    uint64_t patience_ns;
};

void haq_sched_init(struct haq_sched *s, uint64_t patience_ns);
void haq_sched_fini(struct haq_sched *s);

/* Takes the task; false: no memory, and it is still the caller's. */
bool haq_sched_add(struct haq_sched *s, struct haq_task *t);
/* Remove and free. */
void haq_sched_remove(struct haq_sched *s, struct haq_task *t);
void haq_task_free(struct haq_task *t);

struct haq_task *haq_sched_find(const struct haq_sched *s, uint64_t id);
/* Another open task with the same key that is not itself a twin, or NULL. */
struct haq_task *haq_sched_original(const struct haq_sched *s,
                                    const struct haq_task *t);
/* The first twin of a key, or NULL. */
struct haq_task *haq_sched_twin(const struct haq_sched *s, const char *key);

/* What an idle worker should get now, or NULL.  `restless`: a process on the
 * device is loading or leaving, so that nothing can be timed. */
struct haq_task *haq_sched_pick(const struct haq_sched *s, bool restless,
                                uint64_t now_ns);

/* Is a timed task running? */
bool haq_sched_quiet(const struct haq_sched *s);

#endif
