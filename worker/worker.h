/* worker/worker.h - the daemon beside a device: takes tasks, gives results.
 *
 *      I/O thread                         task thread
 *      socket, pings, signals   --job-->  opens the session, runs tasks
 *                               <-reply-  (may be busy for minutes)
 *
 * The I/O thread answers pings while a task runs: busy is not dead. It ends the
 * process on bye, on SIGTERM (the lease goes back first) and when the leash, a
 * pipe whose other end the starter holds, breaks.
 */
#ifndef HAQ_WORKER_WORKER_H
#define HAQ_WORKER_WORKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/status.h"

/* What to load; texts are borrowed, NULL where nothing was said. */
struct haq_runner_request {
    const char *model, *calib, *eval;
    const char *model_hash, *calib_hash, *eval_hash; /* expected ones */
    const char *metric;
    const json_t *dims; /* {"N": 1}, or NULL */
    unsigned isa;
    size_t threads; /* 0 = all physical cores */
};

/* What was loaded. */
struct haq_runner_facts {
    char model_hash[HAQ_HASH_HEX], calib_hash[HAQ_HASH_HEX],
        eval_hash[HAQ_HASH_HEX];
    char metric[33];
    bool higher_is_better, points; /* of the metric; points: unit is percent */
    size_t samples;
    json_t *layers; /* new reference */
};

/* The three things that a worker does with a model.  worker/runner.c puts
 * worker/task.h behind it; tests put in their own. */
struct haq_task_runner {
    haq_status (*open)(void **session, const struct haq_runner_request *r,
                       struct haq_runner_facts *out, struct haq_diag *d);
    /* recipe NULL: the float model.  *result is a new reference. */
    haq_status (*run)(void *session, const char *kind, const json_t *recipe,
                      const json_t *params, json_t **result,
                      struct haq_buf *scores, struct haq_diag *d);
    /* Where results of a kind are valid; static per session. */
    const char *(*where)(void *session, const char *kind);
    void (*close)(void *session);
};

extern const struct haq_task_runner haq_session_runner; /* worker/runner.c */

struct haq_worker_config {
    const char *endpoint; /* of the coordinator */
    const char *id;       /* chosen by the coordinator */
    int leash;            /* descriptor that breaks with the starter, or -1 */
};

/* Serve until told to end.  Ends the process itself (status 0) when it has to
 * leave while a task runs, since a task cannot be interrupted.
 * HAQ_IO, HAQ_NOMEM: no socket, no thread. */
haq_status haq_worker_run(const struct haq_worker_config *config,
                          const struct haq_task_runner *runner,
                          struct haq_diag *d);

/* The command line of haq-worker; the result is main's. */
int haq_worker_main(int argc, char **argv,
                    const struct haq_task_runner *runner);

#endif
