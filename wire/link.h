/* wire/link.h - one ZeroMQ socket with the options that are safe.
 *
 * The coordinator binds a ROUTER, a worker connects a DEALER under the id that
 * the coordinator chose for it. Sends never block: what a slow peer does not
 * take waits in a bounded queue of ours. Plain sockets are for ipc:// and
 * inproc:// only; an ipc:// socket lives in a folder that only its user may
 * enter (haq_link_folder).
 *
 * One object, one thread at a time.
 */
#ifndef HAQ_WIRE_LINK_H
#define HAQ_WIRE_LINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum {
    HAQ_LINK_ID = 64,     /* bytes of a peer's id with its NUL */
    HAQ_LINK_FOLDER = 80, /* bytes of a folder's path with its NUL */
    HAQ_LINK_QUEUE_BYTES = 64 << 20
};

struct haq_link;

/* HAQ_IO: the address cannot be bound.  HAQ_USAGE: a plain tcp:// address. */
haq_status haq_link_bind(struct haq_link **out, const char *endpoint,
                         struct haq_diag *d);

/* `id` is what the other side calls this peer: 1 .. HAQ_LINK_ID - 1 printable
 * bytes.  Connecting happens in the background; HAQ_IO, HAQ_USAGE as above. */
haq_status haq_link_connect(struct haq_link **out, const char *endpoint,
                            const char *id, struct haq_diag *d);

/* Gives queued messages up to linger_ms to leave; NULL is fine. */
void haq_link_close(struct haq_link *l, int linger_ms);

/* Send bytes to `peer` (NULL on a connected link).
 * HAQ_UNREACHABLE  the peer never connected or has gone
 * HAQ_FAILED       more than HAQ_LINK_QUEUE_BYTES wait for slow peers
 * HAQ_NOMEM */
haq_status haq_link_send(struct haq_link *l, const char *peer, const void *data,
                         size_t len, struct haq_diag *d);

struct haq_link_frame {
    char peer[HAQ_LINK_ID]; /* "" on a connected link */
    const void *data;       /* valid until the next call on this link */
    size_t len;
};

/* The next message that has arrived, or false when there is none now. Messages
 * that do not consist of one part, or come from a peer whose id is not
 * printable, are dropped. */
bool haq_link_recv(struct haq_link *l, struct haq_link_frame *out);

/* A descriptor to be waited for together with the link. */
struct haq_link_fd {
    int fd;
    bool ready; /* out: readable, or the other end has gone */
};

/* Send what was queued as far as peers take it; then sleep until a message, a
 * ready descriptor, a signal or the timeout, whatever comes first. */
void haq_link_wait(struct haq_link *l, struct haq_link_fd *fds, size_t n,
                   int timeout_ms);

/* Make a folder with mode 0700 for sockets, under $XDG_RUNTIME_DIR or /tmp, and
 * remove those that killed processes left behind.  HAQ_IO. */
haq_status haq_link_folder_make(char out[HAQ_LINK_FOLDER], struct haq_diag *d);
/* Remove it with the sockets in it. */
void haq_link_folder_remove(const char *folder);

#endif
