/* coordinator/store/store.h - what a coordinator must never lose.
 *
 * An engine is one file that fills one const struct haq_store_ops; nothing
 * outside that file names it.  What it keeps:
 *
 *   jobs          id, what was asked for (JSON), state, seconds used
 *   measurements  one per task key, until it is superseded: parameters, result,
 *                 scores
 *   failures      per job: keys that could not be measured, and why
 *   events        append-only log: leases, deaths, refusals, starts, results
 *                 that were superseded
 *
 * Writes happen between begin and commit; what commit acknowledged survives
 * SIGKILL and power loss.  Many writes share one commit.  One object, one
 * thread at a time.
 */
#ifndef HAQ_COORDINATOR_STORE_STORE_H
#define HAQ_COORDINATOR_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/status.h"

/* All texts are NUL-terminated UTF-8. */
struct haq_measurement {
    char key[HAQ_HASH_HEX];
    const char *kind;         /* "evaluate", ... */
    const char *model, *data; /* hashes; data "" when the kind reads none */
    const char *recipe;       /* assignment id, or "float" */
    const char *where;        /* device fingerprint or numerics id */
    const char *params;       /* canonical JSON */
    const char *result;       /* canonical JSON */
    const void *scores;       /* per-sample scores, NULL without */
    size_t scores_bytes;
    double elapsed_s;    /* of its job when it was stored */
    unsigned attempt;    /* 1 = at the first try */
    const char *worker;  /* who measured it */
    const char *created; /* UTC; filled in by put when NULL */
    void *memory;        /* owned by haq_measurement_fini, or NULL */
};

/* Only for what haq_store_get filled in. */
void haq_measurement_fini(struct haq_measurement *m);

struct haq_job {
    char id[HAQ_HASH_HEX]; /* hash of what was asked for */
    const char *config;    /* canonical JSON, for people */
    bool finished;
    double elapsed_s; /* used by all runs so far */
    void *memory;
};

void haq_job_fini(struct haq_job *j);

struct haq_store;

struct haq_store_ops {
    const char *name; /* "sqlite" */
    haq_status (*open)(struct haq_store **out, const char *path,
                       struct haq_diag *d);
    void (*close)(struct haq_store *s);
    haq_status (*begin)(struct haq_store *s, struct haq_diag *d);
    haq_status (*commit)(struct haq_store *s, struct haq_diag *d);
    void (*rollback)(struct haq_store *s);
    haq_status (*put)(struct haq_store *s, const struct haq_measurement *m,
                      bool *stored, struct haq_diag *d);
    haq_status (*get)(struct haq_store *s, const char *key,
                      struct haq_measurement *out, bool *found,
                      struct haq_diag *d);
    haq_status (*supersede)(struct haq_store *s, const char *job,
                            const char *key, const char *reason,
                            struct haq_diag *d);
    haq_status (*put_failure)(struct haq_store *s, const char *job,
                              const char *key, const char *reason,
                              double elapsed_s, struct haq_diag *d);
    haq_status (*get_failure)(struct haq_store *s, const char *job,
                              const char *key, char *reason, size_t size,
                              double *elapsed_s, bool *found,
                              struct haq_diag *d);
    haq_status (*put_event)(struct haq_store *s, const char *job,
                            const char *type, const char *body,
                            struct haq_diag *d);
    haq_status (*put_job)(struct haq_store *s, const struct haq_job *j,
                          struct haq_diag *d);
    haq_status (*get_job)(struct haq_store *s, struct haq_job *out, bool *found,
                          struct haq_diag *d);
    haq_status (*set_progress)(struct haq_store *s, const char *job,
                               double elapsed_s, bool finished,
                               struct haq_diag *d);
    haq_status (*count)(struct haq_store *s, const char *table, uint64_t *out,
                        struct haq_diag *d);
};

/* First member of every engine's object. */
struct haq_store {
    const struct haq_store_ops *ops;
};

extern const struct haq_store_ops *const haq_store_engines[]; /* NULL ends */

/* Open or create; `path` is what the engine makes of it (a file for SQLite).
 * HAQ_IO           cannot be opened, created or locked (another process is
 *                  writing to it)
 * HAQ_FORMAT       not a store of ours, or damaged
 * HAQ_UNSUPPORTED  written by a newer version */
haq_status haq_store_open(struct haq_store **out, const char *path,
                          struct haq_diag *d);
void haq_store_close(struct haq_store *s); /* NULL is fine */

/* A full disk and the like: HAQ_IO naming the store; what was committed stays
 * readable, what was not is rolled back. */
haq_status haq_store_begin(struct haq_store *s, struct haq_diag *d);
haq_status haq_store_commit(struct haq_store *s, struct haq_diag *d);
void haq_store_rollback(struct haq_store *s);

/* Keep a measurement; *stored (may be NULL) is false when its key was there
 * already, and then nothing changes. */
haq_status haq_store_put(struct haq_store *s, const struct haq_measurement *m,
                         bool *stored, struct haq_diag *d);
/* On *found the caller owes haq_measurement_fini. */
haq_status haq_store_get(struct haq_store *s, const char *key,
                         struct haq_measurement *out, bool *found,
                         struct haq_diag *d);

/* A measurement counts no more: it becomes an event "superseded" with its key,
 * result and the reason, and its key is free for another one.  Nothing happens
 * when there is none. */
haq_status haq_store_supersede(struct haq_store *s, const char *job,
                               const char *key, const char *reason,
                               struct haq_diag *d);

haq_status haq_store_put_failure(struct haq_store *s, const char *job,
                                 const char *key, const char *reason,
                                 double elapsed_s, struct haq_diag *d);
haq_status haq_store_get_failure(struct haq_store *s, const char *job,
                                 const char *key, char *reason, size_t size,
                                 double *elapsed_s, bool *found,
                                 struct haq_diag *d);

/* Append to the log; `body` is JSON, the time is added. */
haq_status haq_store_put_event(struct haq_store *s, const char *job,
                               const char *type, const char *body,
                               struct haq_diag *d);

haq_status haq_store_put_job(struct haq_store *s, const struct haq_job *j,
                             struct haq_diag *d);
/* The oldest job of the store; on *found the caller owes haq_job_fini. */
haq_status haq_store_get_job(struct haq_store *s, struct haq_job *out,
                             bool *found, struct haq_diag *d);
haq_status haq_store_set_progress(struct haq_store *s, const char *job,
                                  double elapsed_s, bool finished,
                                  struct haq_diag *d);

/* Rows of "measurements", "failures", "events" or "jobs". */
haq_status haq_store_count(struct haq_store *s, const char *table,
                           uint64_t *out, struct haq_diag *d);

#endif
