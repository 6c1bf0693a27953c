/* coordinator/embed.h - a coordinator inside this process, with workers of its
 * own: the loop around the core that does the I/O.
 *
 * One turn of the loop: wait, take messages and deaths as events, carry out
 * what the core asks of the store, commit once, and only then send and start.
 * So nothing that anybody was told is ever lost by a SIGKILL.
 */
#ifndef HAQ_COORDINATOR_EMBED_H
#define HAQ_COORDINATOR_EMBED_H

#include <jansson.h>
#include <stdbool.h>

#include "coordinator/coordinator.h"

struct haq_embed_view {
    struct haq_coordinator_view work;
    double elapsed_s;  /* of the job, earlier runs included */
    bool started;      /* the driver was started */
    bool resumed;      /* the store held this job already */
    bool was_finished; /* ... and it had ended */
};

struct haq_embed_config {
    struct haq_coordinator_config core;
    const char *store;     /* file, in a folder that exists */
    const json_t *options; /* object: what makes the job this one, beside the
                              hashes of its files */
    bool resume;           /* go on with an unfinished job */
    int stop_fd;           /* readable: stop (a signalfd, say); -1 = none */
    /* Called in every turn; may take its time when !view->work.quiet. */
    void (*notify)(void *ctx, const struct haq_embed_view *view);
    void *ctx;
};

/* Run the job to its end.  *last (may be NULL) is the final view.
 * HAQ_OK           the driver is done
 * HAQ_INTERRUPTED  `stop_fd` became readable
 * HAQ_INVALID      the store holds another job, or this one unfinished without
 *                  `resume`; or what a worker refused (its sentence)
 * HAQ_IO           disk full, no socket, no process, folder in use
 * HAQ_FAILED       workers died again and again
 * A job that never started leaves no store behind.  Whatever the status, what
 * was measured is in the store, and no process is left behind. */
haq_status haq_embed_run(const struct haq_embed_config *config,
                         struct haq_embed_view *last, struct haq_diag *d);

#endif
