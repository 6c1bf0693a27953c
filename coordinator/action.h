/* coordinator/action.h - what the coordinator's core wants done.
 *
 * The core touches no socket, no file and no clock: a step appends actions and
 * the loop around it carries them out in order. What an action points to lives
 * in the list's arena until the list is cleared.
 */
#ifndef HAQ_COORDINATOR_ACTION_H
#define HAQ_COORDINATOR_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "coordinator/store/store.h"
#include "wire/msg.h"

enum haq_action_kind {
    HAQ_ACT_SPAWN,  /* start a worker process that calls itself `worker` */
    HAQ_ACT_KILL,   /* end it at once; an exit event for it is ignored */
    HAQ_ACT_SEND,   /* data[len] to `worker`, after everything is committed */
    HAQ_ACT_START,  /* the facts are known: open the job, then tell STARTED */
    HAQ_ACT_LOOKUP, /* look `key` up, then tell FOUND or MISSING for `task` */
    HAQ_ACT_RECORD, /* keep `measurement` */
    HAQ_ACT_SUPERSEDE, /* what is kept of `key` counts no more: `text` */
    HAQ_ACT_FAILURE,   /* keep that `key` cannot be measured: `text` */
    HAQ_ACT_LOG,       /* append an event of type `key` with JSON body `text` */
    HAQ_ACT_COUNT
};

struct haq_action {
    enum haq_action_kind kind;
    const char *worker;
    const void *data;
    size_t len;
    uint64_t task;
    const char *key, *text;
    double elapsed_s; /* FAILURE */
    struct haq_measurement measurement;
};

struct haq_actions {
    struct haq_arena arena;
    struct haq_action *item; /* [n], owned */
    size_t n, cap;
    size_t next; /* first that haq_actions_take has not given out */
    bool failed; /* memory ran out: the list is not complete */
};

void haq_actions_init(struct haq_actions *l);
void haq_actions_fini(struct haq_actions *l);

/* The next action, or NULL; valid until the next append or clear (what it
 * points to: until clear). */
const struct haq_action *haq_actions_take(struct haq_actions *l);
/* Forget all; when nothing is left to take. */
void haq_actions_clear(struct haq_actions *l);

/* Append; arguments are copied. Lack of memory sets `failed`. */
void haq_act_worker(struct haq_actions *l, enum haq_action_kind kind,
                    const char *worker);
void haq_act_send(struct haq_actions *l, const char *worker,
                  const struct haq_msg *m);
void haq_act_start(struct haq_actions *l);
void haq_act_lookup(struct haq_actions *l, uint64_t task, const char *key);
void haq_act_record(struct haq_actions *l, const struct haq_measurement *m);
void haq_act_supersede(struct haq_actions *l, const char *key,
                       const char *reason);
void haq_act_failure(struct haq_actions *l, const char *key, const char *reason,
                     double elapsed_s);
/* Body: a JSON object made from fmt as by json_pack. */
void haq_act_log(struct haq_actions *l, const char *type, const char *fmt, ...);

#endif
