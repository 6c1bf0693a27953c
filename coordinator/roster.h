/* coordinator/roster.h - the workers, as the core knows them.
 *
 *            spawn             hello            ready
 *     ABSENT -----> STARTING ---------> OPENING -----> IDLE <----> BUSY
 *        ^              |                  |             |           |
 *        +--------------+------------------+-------------+-----------+
 *                 exit, silence, a broken message, a deadline
 *
 * A slot is a place for a worker; every process in it gets an id of its own
 * ("w0-3": slot 0, third start), so that a message of a dead one is known as
 * such.
 */
#ifndef HAQ_COORDINATOR_ROSTER_H
#define HAQ_COORDINATOR_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/recent.h"

enum haq_worker_state {
    HAQ_WORKER_ABSENT,
    HAQ_WORKER_STARTING,
    HAQ_WORKER_OPENING,
    HAQ_WORKER_IDLE,
    HAQ_WORKER_BUSY,
    HAQ_WORKER_LEAVING /* said bye or gave its lease back: nothing for it */
};

struct haq_worker_slot {
    char id[32];
    unsigned starts;
    enum haq_worker_state state;
    uint64_t seen_ns;         /* last sign of life */
    uint64_t since_ns;        /* when the state was entered */
    uint64_t spawn_ns;        /* ABSENT: start it at this time */
    struct haq_task *task;    /* BUSY: what it works on */
    struct haq_recent recent; /* what this process timed last */
};

struct haq_roster {
    struct haq_worker_slot *slot; /* [n] */
    size_t n;
};

bool haq_roster_init(struct haq_roster *r, size_t n); /* false: no memory */
void haq_roster_fini(struct haq_roster *r);

/* The slot in which the process `id` lives, or NULL when it is none of the
 * living. */
struct haq_worker_slot *haq_roster_find(const struct haq_roster *r,
                                        const char *id);

void haq_slot_enter(struct haq_worker_slot *w, enum haq_worker_state state,
                    uint64_t now_ns);
/* Give the slot's next process its id and enter STARTING. */
void haq_slot_start(struct haq_roster *r, struct haq_worker_slot *w,
                    uint64_t now_ns);

/* A worker that could take a task now, or NULL. */
struct haq_worker_slot *haq_roster_idle(const struct haq_roster *r);
size_t haq_roster_count(const struct haq_roster *r,
                        enum haq_worker_state state);

/* Is a process starting, loading or leaving? */
bool haq_roster_restless(const struct haq_roster *r);

/* All are taken to have shown life just now (after a pause of our own). */
void haq_roster_refresh(struct haq_roster *r, uint64_t now_ns);

#endif
