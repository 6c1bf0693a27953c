/* coordinator/coordinator_priv.h - the core's state, for its own files. */
#ifndef HAQ_COORDINATOR_COORDINATOR_PRIV_H
#define HAQ_COORDINATOR_COORDINATOR_PRIV_H

#include "coordinator/coordinator.h"
#include "coordinator/roster.h"
#include "coordinator/sched.h"

struct haq_coordinator {
    struct haq_coordinator_config config; /* defaults filled in */
    struct haq_roster roster;
    struct haq_sched sched;
    struct haq_facts facts;
    bool has_facts; /* START was given out */
    bool started;   /* STARTED came */
    bool finished;
    struct haq_diag outcome;
    double elapsed_base_s;
    bool replaying;  /* the store has answered everything so far */
    double replay_s; /* when the latest answer was stored */
    uint64_t begin_ns, tick_ns, ping_ns;
    uint64_t next_task, next_fence, next_ping;
    unsigned deaths;   /* since something was finished */
    unsigned poisoned; /* tasks in a row given up because workers died */
    struct haq_coordinator_view view;
};

/* The job is over.  Only the first outcome counts. */
void haq_core_finish(struct haq_coordinator *c, haq_status s, const char *fmt,
                     ...) __attribute__((format(printf, 3, 4)));

/* job.c: between driver, tasks and store. */

/* Facts out of a ready message; hostile. */
haq_status haq_facts_read(struct haq_facts *out, const struct haq_msg *m,
                          struct haq_diag *d);
void haq_facts_fini(struct haq_facts *f);
/* Would a task give the same anywhere in these facts as in those? */
bool haq_facts_agree(const struct haq_facts *a, const struct haq_facts *b);

/* The clock that the driver sees. */
double haq_core_driver_time(const struct haq_coordinator *c, uint64_t now_ns);

/* Turn the driver's needs into tasks as long as it has some. */
void haq_core_ask(struct haq_coordinator *c, uint64_t now_ns,
                  struct haq_actions *out);
/* Tell the driver (result NULL: the reason) and drop the task with its twins.
 */
void haq_core_settle(struct haq_coordinator *c, struct haq_task *t,
                     const json_t *result, const char *reason);
/* The latest `n` timed results of a worker are in doubt, all but the one at
 * hand: they count no more and are measured again. */
void haq_core_doubt(struct haq_coordinator *c, struct haq_worker_slot *w,
                    size_t n, const char *reason, uint64_t now_ns,
                    struct haq_actions *out);
/* A task's answer from a worker goes to the store. */
haq_status haq_core_record(struct haq_coordinator *c, const struct haq_task *t,
                           const struct haq_msg *m, const char *worker,
                           json_t **result, uint64_t now_ns,
                           struct haq_actions *out, struct haq_diag *d);

#endif
