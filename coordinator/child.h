/* coordinator/child.h - worker processes of an embedded coordinator.
 *
 * A child is held by a leash, one end of a socket pair: when the child ends,
 * our end becomes readable; when we end, however that happens, its end does,
 * and the kernel kills it besides (PR_SET_PDEATHSIG). No orphan is left.
 */
#ifndef HAQ_COORDINATOR_CHILD_H
#define HAQ_COORDINATOR_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

struct haq_child {
    char id[32]; /* "" = none */
    pid_t pid;
    int leash;
};

enum { HAQ_CHILD_HOW = 160 };

/* The program to start: $HAQ_WORKER, else haq-worker beside this executable. */
haq_status haq_child_program(char *out, size_t size, struct haq_diag *d);

/* Fork and exec `program --connect ENDPOINT --id ID --leash FD`.  HAQ_IO when
 * there is no process or descriptor left; that the program cannot be executed
 * shows when it is reaped. */
haq_status haq_child_start(struct haq_child *c, const char *program,
                           const char *id, const char *endpoint,
                           struct haq_diag *d);

/* Its leash is readable: collect it and say how it ended. */
void haq_child_reap(struct haq_child *c, char how[HAQ_CHILD_HOW]);

/* SIGKILL and collect; nothing when there is none. */
void haq_child_kill(struct haq_child *c);

/* Give children that were told to leave some time, then kill them. */
void haq_children_end(struct haq_child *c, size_t n, int patience_ms);

#endif
