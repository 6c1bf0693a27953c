/* coordinator/coordinator.h - the core: a step function of events and a clock.
 *
 *     event + now --> haq_coordinator_event --> actions --> the loop around it
 *                            ^                                    |
 *                            +---- FOUND, MISSING, STARTED <------+
 *
 * No I/O, no clock, no randomness inside: the same events give the same
 * actions, so a simulator can drive it as the loop in embed.c does. The rules:
 *
 *   - a task is under one lease at a time; each lease has a fence number, and
 *     a result under an older fence is refused
 *   - a worker's death costs its task one attempt of MAX_ATTEMPTS; the last
 *     one makes the task a failure, told to the driver with the reason
 *   - an answer that would come again (bad input, unsupported) fails at once
 *   - results that a worker calls into doubt because its device drifted are
 *     superseded and measured again, each at most twice
 *   - RECORD stands before the SEND of whatever depends on it
 *   - workers that die again and again without finishing anything end the job
 */
#ifndef HAQ_COORDINATOR_COORDINATOR_H
#define HAQ_COORDINATOR_COORDINATOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/action.h"
#include "coordinator/driver.h"

struct haq_coordinator_config {
    size_t workers;             /* processes to keep running, at least 1 */
    const struct haq_msg *open; /* sent to each worker; borrowed */
    struct haq_driver driver;
    unsigned max_attempts; /* per task; 0 = 3 */
    unsigned max_deaths;   /* without a finished task; 0 = 5 */
    unsigned max_poisoned; /* tasks in a row that killed workers; 0 = 10 */
    uint64_t heartbeat_ns; /* between pings; 0 = 1 s */
    uint64_t silence_ns;   /* without a sign of life = dead; 0 = 15 s */
    uint64_t start_ns;     /* from spawn to hello; 0 = 30 s */
    uint64_t deadline_ns;  /* of one task and of opening; 0 = 30 min */
    uint64_t backoff_ns;   /* after the first death; doubles; 0 = 100 ms */
};

enum haq_event_kind {
    HAQ_EV_BEGIN,   /* first of all */
    HAQ_EV_MESSAGE, /* `msg` from `worker` */
    HAQ_EV_BROKEN,  /* bytes from `worker` that are no message: `reason` */
    HAQ_EV_EXIT,    /* process `worker` has ended: `reason` */
    HAQ_EV_STARTED, /* the job is open; `elapsed_s` used by earlier runs */
    HAQ_EV_FOUND,   /* `task` is answered: `result`, or NULL with `reason`, as
                       stored when the job had used `elapsed_s` */
    HAQ_EV_MISSING, /* `task` has to be measured */
    HAQ_EV_TICK,    /* time passes; at least every heartbeat */
    HAQ_EV_STOP,    /* the user wants an end: HAQ_INTERRUPTED */
    HAQ_EV_ABORT,   /* the loop cannot go on: `status` and `reason` */
    HAQ_EV_COUNT
};

struct haq_event {
    enum haq_event_kind kind;
    const char *worker;
    const struct haq_msg *msg;
    uint64_t task;
    const json_t *result;
    const char *reason;
    haq_status status;
    double elapsed_s;
};

struct haq_coordinator;

/* HAQ_NOMEM. */
haq_status haq_coordinator_new(struct haq_coordinator **out,
                               const struct haq_coordinator_config *config,
                               struct haq_diag *d);
void haq_coordinator_free(struct haq_coordinator *c);

/* A resumed job first replays what is stored, and the driver sees the clock of
 * that time: it decides as it did.  From the first task that the store does not
 * answer on, it sees the real one.
 *
 * One step; appends to `out`.  Does nothing once finished. */
void haq_coordinator_event(struct haq_coordinator *c, const struct haq_event *e,
                           uint64_t now_ns, struct haq_actions *out);

/* Is the job over?  If so, *outcome is HAQ_OK or why it ended. */
bool haq_coordinator_finished(const struct haq_coordinator *c,
                              struct haq_diag *outcome);

/* Known from the first START action on. */
const struct haq_facts *haq_coordinator_facts(const struct haq_coordinator *c);

/* Seconds used by the job, earlier runs included. */
double haq_coordinator_elapsed(const struct haq_coordinator *c,
                               uint64_t now_ns);

struct haq_coordinator_view {
    size_t workers; /* ready ones */
    size_t queued, running;
    bool quiet;      /* a timed task runs: leave the machine alone */
    size_t measured; /* results of workers in this run */
    size_t answered; /* from the store in this run */
    size_t failed;   /* given up */
    size_t deaths;   /* of workers */
};
struct haq_coordinator_view
haq_coordinator_look(const struct haq_coordinator *c);

#endif
