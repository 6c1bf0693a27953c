#include "wire/link.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "wire/msg.h"

enum { SEND_QUEUE = 64, BACKLOG = 1024, HANDSHAKE_MS = 5000, RETRY_MS = 200 };

struct pending {
    struct pending *next;
    char peer[HAQ_LINK_ID];
    size_t len;
    char data[];
};

struct haq_link {
    void *ctx, *socket;
    bool router;
    bool holding; /* frame below has been initialized */
    zmq_msg_t frame;
    struct pending *first, **last;
    size_t queued_bytes;
};

static haq_status set_options(struct haq_link *l, struct haq_diag *d)
{
    const struct {
        int option, value;
        bool router_only;
    } ints[] = {
        {ZMQ_LINGER, 0, false},
        {ZMQ_SNDHWM, SEND_QUEUE, false},
        {ZMQ_BACKLOG, BACKLOG, false},
        {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS, false},
        {ZMQ_RECONNECT_IVL, RETRY_MS, false},
        {ZMQ_RECONNECT_IVL_MAX, 30 * 1000, false},
        {ZMQ_ROUTER_MANDATORY, 1, true},
    };
    const int64_t max = HAQ_WIRE_MAX_BYTES;

    if (zmq_setsockopt(l->socket, ZMQ_MAXMSGSIZE, &max, sizeof max))
        goto fail;
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
        if ((!ints[i].router_only || l->router) &&
            zmq_setsockopt(l->socket, ints[i].option, &ints[i].value,
                           sizeof(int)))
            goto fail;
    return HAQ_OK;
fail:
    return haq_fail(d, HAQ_IO, "socket option: %s", zmq_strerror(errno));
}

static haq_status new_link(struct haq_link **out, bool router,
                           const char *endpoint, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    if (strncmp(endpoint, "ipc://", 6) && strncmp(endpoint, "inproc://", 9))
        return haq_fail(d, HAQ_USAGE, "%s: only ipc:// is served without keys",
                        endpoint);
    struct haq_link *l = calloc(1, sizeof *l);
    if (!l)
        return haq_fail(d, HAQ_NOMEM, "link");
    l->router = router;
    l->last = &l->first;
    l->ctx = zmq_ctx_new();
    l->socket =
        l->ctx ? zmq_socket(l->ctx, router ? ZMQ_ROUTER : ZMQ_DEALER) : NULL;
    if (!l->socket)
        s = haq_fail(d, HAQ_IO, "socket: %s", zmq_strerror(errno));
    if (s == HAQ_OK)
        s = set_options(l, d);
    if (s != HAQ_OK) {
        haq_link_close(l, 0);
        return s;
    }
    *out = l;
    return HAQ_OK;
}

haq_status haq_link_bind(struct haq_link **out, const char *endpoint,
                         struct haq_diag *d)
{
    struct haq_link *l = NULL;
    haq_status s = new_link(&l, true, endpoint, d);
    if (s != HAQ_OK)
        return s;
    if (zmq_bind(l->socket, endpoint)) {
        s = haq_fail(d, HAQ_IO, "%s: %s", endpoint, zmq_strerror(errno));
        haq_link_close(l, 0);
        return s;
    }
    *out = l;
    return HAQ_OK;
}

haq_status haq_link_connect(struct haq_link **out, const char *endpoint,
                            const char *id, struct haq_diag *d)
{
    struct haq_link *l = NULL;
    assert(*id && strlen(id) < HAQ_LINK_ID);
    haq_status s = new_link(&l, false, endpoint, d);
    if (s != HAQ_OK)
        return s;
    if (zmq_setsockopt(l->socket, ZMQ_ROUTING_ID, id, strlen(id)) ||
        zmq_connect(l->socket, endpoint)) {
        s = haq_fail(d, HAQ_IO, "%s: %s", endpoint, zmq_strerror(errno));
        haq_link_close(l, 0);
        return s;
    }
    *out = l;
    return HAQ_OK;
}

void haq_link_close(struct haq_link *l, int linger_ms)
{
    if (!l)
        return;
    while (l->first) {
        struct pending *p = l->first;
        l->first = p->next;
        free(p);
    }
    if (l->holding)
        zmq_msg_close(&l->frame);
    if (l->socket) {
        zmq_setsockopt(l->socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
        zmq_close(l->socket);
    }
    if (l->ctx)
        while (zmq_ctx_term(l->ctx) && errno == EINTR)
            ;
    free(l);
}

static int send_part(struct haq_link *l, const void *data, size_t len,
                     int flags)
{
    int n;
    do
        n = zmq_send(l->socket, data, len, flags | ZMQ_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? errno : 0;
}

/* 0, or an errno.  Once a ROUTER took the id, it takes the rest. */
static int send_now(struct haq_link *l, const char *peer, const void *data,
                    size_t len)
{
    int err = 0;
    if (l->router)
        err = send_part(l, peer, strlen(peer), ZMQ_SNDMORE);
    return err ? err : send_part(l, data, len, 0);
}

static haq_status enqueue(struct haq_link *l, const char *peer,
                          const void *data, size_t len, struct haq_diag *d)
{
    if (l->queued_bytes + len > HAQ_LINK_QUEUE_BYTES)
        return haq_fail(d, HAQ_FAILED, "%s does not take its messages",
                        peer ? peer : "the coordinator");
    struct pending *p = malloc(sizeof *p + len);
    if (!p)
        return haq_fail(d, HAQ_NOMEM, "message of %zu bytes", len);
    p->next = NULL;
    p->len = len;
    p->peer[0] = 0;
    if (peer)
        strcpy(p->peer, peer);
    memcpy(p->data, data, len);
    *l->last = p;
    l->last = &p->next;
    l->queued_bytes += len;
    return HAQ_OK;
}

static bool waits_in_queue(const struct haq_link *l, const char *peer)
{
    for (const struct pending *p = l->first; p; p = p->next)
        if (!strcmp(p->peer, peer ? peer : ""))
            return true;
    return false;
}

haq_status haq_link_send(struct haq_link *l, const char *peer, const void *data,
                         size_t len, struct haq_diag *d)
{
    assert(l->router == (peer != NULL));
    assert(!peer || strlen(peer) < HAQ_LINK_ID);
    if (waits_in_queue(l, peer))
        return enqueue(l, peer, data, len, d);
    int err = send_now(l, peer, data, len);
    if (!err)
        return HAQ_OK;
    if (err == EAGAIN)
        return enqueue(l, peer, data, len, d);
    return haq_fail(d, HAQ_UNREACHABLE, "%s: %s",
                    peer ? peer : "the coordinator", zmq_strerror(err));
}

/* Peers that take nothing at the moment: their later messages must not overtake
 * the earlier ones. */
struct blocked {
    const char *peer[16];
    size_t n;
};

static bool is_blocked(const struct blocked *b, const char *peer)
{
    for (size_t i = 0; i < b->n; i++)
        if (!strcmp(b->peer[i], peer))
            return true;
    return false;
}

static void flush(struct haq_link *l)
{
    struct blocked b = {.n = 0};
    for (struct pending **at = &l->first; *at && b.n < 16;) {
        struct pending *p = *at;
        if (is_blocked(&b, p->peer)) {
            at = &p->next;
            continue;
        }
        if (send_now(l, p->peer, p->data, p->len) == EAGAIN) {
            b.peer[b.n++] = p->peer;
            at = &p->next;
            continue;
        }
        *at = p->next; /* sent, or its peer has gone */
        if (l->last == &p->next)
            l->last = at;
        l->queued_bytes -= p->len;
        free(p);
    }
}

static bool is_id(const char *data, size_t len)
{
    if (!len || len >= HAQ_LINK_ID)
        return false;
    for (size_t i = 0; i < len; i++)
        if (data[i] <= ' ' || data[i] > '~')
            return false;
    return true;
}

/* Receive one part into l->frame; -1 when nothing is there. */
static int recv_part(struct haq_link *l, bool *more)
{
    int n;
    if (l->holding)
        zmq_msg_close(&l->frame);
    zmq_msg_init(&l->frame);
    l->holding = true;
    do
        n = zmq_msg_recv(&l->frame, l->socket, ZMQ_DONTWAIT);
    while (n < 0 && errno == EINTR);
    *more = n >= 0 && zmq_msg_more(&l->frame);
    return n;
}

bool haq_link_recv(struct haq_link *l, struct haq_link_frame *out)
{
    bool more, good;
    for (;;) {
        out->peer[0] = 0;
        if (recv_part(l, &more) < 0)
            return false;
        good = true;
        if (l->router) {
            size_t n = zmq_msg_size(&l->frame);
            good = more && is_id(zmq_msg_data(&l->frame), n);
            if (good) {
                memcpy(out->peer, zmq_msg_data(&l->frame), n);
                out->peer[n] = 0;
            }
            if (more && recv_part(l, &more) < 0)
                return false;
        }
        good = good && !more;
        while (more && recv_part(l, &more) >= 0)
            ;
        if (good)
            break;
    }
    out->data = zmq_msg_data(&l->frame);
    out->len = zmq_msg_size(&l->frame);
    return true;
}

void haq_link_wait(struct haq_link *l, struct haq_link_fd *fds, size_t n,
                   int timeout_ms)
{
    enum { MOST = 256 };
    zmq_pollitem_t items[1 + MOST];

    assert(n <= MOST);
    flush(l);
    items[0] = (zmq_pollitem_t){l->socket, 0, ZMQ_POLLIN, 0};
    for (size_t i = 0; i < n; i++)
        items[1 + i] =
            (zmq_pollitem_t){NULL, fds[i].fd, ZMQ_POLLIN | ZMQ_POLLERR, 0};
    /* Blocked sends have no event of their own here: look again soon. */
    if (l->first && (timeout_ms < 0 || timeout_ms > 10))
        timeout_ms = 10;
    int got = zmq_poll(items, (int)n + 1, timeout_ms);
    for (size_t i = 0; i < n; i++)
        fds[i].ready = got > 0 && items[1 + i].revents;
}
