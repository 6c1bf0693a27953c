#include "worker/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "wire/codec.h"
#include "wire/link.h"
#include "wire/taskkind.h"

enum { LINGER_MS = 1000 };

/* A message for the task thread with the memory it lives in. */
struct job {
    struct haq_arena arena;
    struct haq_msg msg;
};

struct worker {
    const struct haq_worker_config *config;
    const struct haq_task_runner *runner;
    struct haq_link *link;
    int done_fd, signal_fd; /* a reply is there; SIGTERM came */
    pthread_t thread;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    struct job *job;      /* for the task thread */
    struct haq_buf reply; /* from it, encoded */
    bool quit;

    /* I/O thread only */
    bool busy, leaving;
    uint64_t task, fence; /* of the lease at hand; 0 = none */

    void *session; /* task thread only */
};

/* ---- the task thread ------------------------------------------------------
 */

/* JSON text of a field, or NULL when it is absent. */
static haq_status field_json(const struct haq_msg *m, enum haq_field f,
                             json_t **out, struct haq_diag *d)
{
    *out = NULL;
    if (!haq_msg_has(m, f))
        return HAQ_OK;
    return haq_json_parse(haq_field_info(f)->name, haq_msg_text(m, f),
                          m->value[f].len, out, d);
}

static void reply_error(struct haq_buf *out, struct haq_msg *m, haq_status s,
                        struct haq_diag *d)
{
    /* Sentences may quote bytes of files, and messages carry UTF-8 only. */
    for (char *p = d->text; *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    haq_msg_set_text(m, HAQ_F_STATUS, haq_msg_status_name(s));
    haq_msg_set_text(m, HAQ_F_REASON,
                     d->text[0] ? d->text : haq_status_text(s));
    if (haq_msg_encode(m, out, NULL) != HAQ_OK)
        out->failed = true;
}

static json_t *where_table(struct worker *w)
{
    json_t *t = json_object();
    for (const struct haq_task_kind *k = haq_task_kinds; k->name; k++)
        json_object_set_new(t, k->name,
                            json_string(w->runner->where(w->session, k->name)));
    return t;
}

static haq_status reply_ready(struct worker *w, struct haq_buf *out,
                              const struct haq_runner_facts *f,
                              struct haq_diag *d)
{
    struct haq_msg m;
    json_t *where = where_table(w);
    char *layers = haq_json_canonical(f->layers, NULL);
    char *places = haq_json_canonical(where, NULL);
    haq_status s = layers && places ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "ready");
    if (s == HAQ_OK) {
        haq_msg_init(&m, HAQ_MSG_READY);
        haq_msg_set_text(&m, HAQ_F_LAYERS, layers);
        haq_msg_set_text(&m, HAQ_F_WHERE, places);
        haq_msg_set_text(&m, HAQ_F_METRIC, f->metric);
        haq_msg_set_uint(&m, HAQ_F_HIGHER, f->higher_is_better);
        haq_msg_set_uint(&m, HAQ_F_POINTS, f->points);
        haq_msg_set_uint(&m, HAQ_F_SAMPLES, f->samples);
        haq_msg_set_text(&m, HAQ_F_MODEL_HASH, f->model_hash);
        haq_msg_set_text(&m, HAQ_F_CALIB_HASH, f->calib_hash);
        haq_msg_set_text(&m, HAQ_F_EVAL_HASH, f->eval_hash);
        s = haq_msg_encode(&m, out, d);
    }
    json_decref(where);
    free(layers);
    free(places);
    return s;
}

static void open_session(struct worker *w, const struct haq_msg *m,
                         struct haq_buf *out)
{
    struct haq_diag d = {HAQ_OK, ""};
    struct haq_runner_facts facts = {.layers = NULL};
    json_t *dims = NULL;
    haq_status s = field_json(m, HAQ_F_DIMS, &dims, &d);
    struct haq_runner_request request = {
        .model = haq_msg_text(m, HAQ_F_MODEL),
        .calib = haq_msg_text(m, HAQ_F_CALIB),
        .eval = haq_msg_text(m, HAQ_F_EVAL),
        .model_hash = haq_msg_text(m, HAQ_F_MODEL_HASH),
        .calib_hash = haq_msg_text(m, HAQ_F_CALIB_HASH),
        .eval_hash = haq_msg_text(m, HAQ_F_EVAL_HASH),
        .metric = haq_msg_text(m, HAQ_F_METRIC),
        .dims = dims,
        .isa = (unsigned)haq_msg_uint(m, HAQ_F_ISA),
        .threads = (size_t)haq_msg_uint(m, HAQ_F_THREADS),
    };
    if (s == HAQ_OK && w->session)
        s = haq_fail(&d, HAQ_FAILED, "a session is open already");
    if (s == HAQ_OK)
        s = w->runner->open(&w->session, &request, &facts, &d);
    if (s == HAQ_OK)
        s = reply_ready(w, out, &facts, &d);
    if (s != HAQ_OK) {
        struct haq_msg refused;
        haq_msg_init(&refused, HAQ_MSG_REFUSED);
        reply_error(out, &refused, s, &d);
    }
    json_decref(facts.layers);
    json_decref(dims);
}

static haq_status compute(struct worker *w, const struct haq_msg *m,
                          char **result, struct haq_buf *scores,
                          struct haq_diag *d)
{
    json_t *recipe = NULL, *params = NULL, *j = NULL;
    haq_status s = field_json(m, HAQ_F_RECIPE, &recipe, d);
    if (s == HAQ_OK)
        s = field_json(m, HAQ_F_PARAMS, &params, d);
    if (s == HAQ_OK && !w->session)
        s = haq_fail(d, HAQ_FAILED, "a task before a session");
    if (s == HAQ_OK)
        s = w->runner->run(w->session, haq_msg_text(m, HAQ_F_KIND), recipe,
                           params, &j, scores, d);
    if (s == HAQ_OK && !(*result = haq_json_canonical(j, NULL)))
        s = haq_fail(d, HAQ_NOMEM, "result");
    if (s == HAQ_OK && scores->failed)
        s = haq_fail(d, HAQ_NOMEM, "scores");
    json_decref(j);
    json_decref(params);
    json_decref(recipe);
    return s;
}

static void run_task(struct worker *w, const struct haq_msg *m,
                     struct haq_buf *out)
{
    struct haq_diag d = {HAQ_OK, ""};
    struct haq_buf scores;
    struct haq_msg r;
    char *result = NULL;

    haq_buf_init(&scores);
    haq_status s = compute(w, m, &result, &scores, &d);
    haq_msg_init(&r, HAQ_MSG_RESULT);
    haq_msg_set_uint(&r, HAQ_F_TASK, haq_msg_uint(m, HAQ_F_TASK));
    haq_msg_set_uint(&r, HAQ_F_FENCE, haq_msg_uint(m, HAQ_F_FENCE));
    if (s == HAQ_OK) {
        struct haq_msg good = r;
        haq_msg_set_text(&good, HAQ_F_STATUS, haq_msg_status_name(HAQ_OK));
        haq_msg_set_text(&good, HAQ_F_RESULT, result);
        if (scores.len)
            haq_msg_set_bytes(&good, HAQ_F_SCORES, scores.data, scores.len);
        s = haq_msg_encode(&good, out, &d);
    }
    if (s != HAQ_OK)
        reply_error(out, &r, s, &d);
    free(result);
    haq_buf_fini(&scores);
}

typedef void job_fn(struct worker *w, const struct haq_msg *m,
                    struct haq_buf *out);

static job_fn *const jobs[HAQ_MSG_COUNT] = {
    [HAQ_MSG_OPEN] = open_session,
    [HAQ_MSG_TASK] = run_task,
};

static void free_job(struct job *j)
{
    if (j)
        haq_arena_fini(&j->arena);
    free(j);
}

static struct job *await_job(struct worker *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->job && !w->quit)
        pthread_cond_wait(&w->wake, &w->mutex);
    struct job *j = w->quit ? NULL : w->job;
    if (j)
        w->job = NULL;
    pthread_mutex_unlock(&w->mutex);
    return j;
}

static void *task_thread(void *arg)
{
    struct worker *w = arg;
    struct job *j;
    while ((j = await_job(w))) {
        struct haq_buf out;
        haq_buf_init(&out);
        jobs[j->msg.kind](w, &j->msg, &out);
        free_job(j);
        pthread_mutex_lock(&w->mutex);
        w->reply = out;
        pthread_mutex_unlock(&w->mutex);
        eventfd_write(w->done_fd, 1);
    }
    if (w->session)
        w->runner->close(w->session);
    return NULL;
}

/* ---- the I/O thread -------------------------------------------------------
 */

static void send_msg(struct worker *w, const struct haq_msg *m)
{
    struct haq_buf b;
    haq_buf_init(&b);
    if (haq_msg_encode(m, &b, NULL) == HAQ_OK)
        haq_link_send(w->link, NULL, b.data, b.len, NULL);
    haq_buf_fini(&b);
}

static void say_hello(struct worker *w)
{
    struct haq_msg m;
    char host[256] = "";
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    gethostname(host, sizeof host - 1);
    haq_msg_init(&m, HAQ_MSG_HELLO);
    haq_msg_set_text(&m, HAQ_F_BUILD, HAQ_VERSION);
    haq_msg_set_uint(&m, HAQ_F_PID, (uint64_t)getpid());
    haq_msg_set_uint(&m, HAQ_F_THREADS, cores > 0 ? (uint64_t)cores : 1);
    haq_msg_set_text(&m, HAQ_F_HOST, host);
    send_msg(w, &m);
}

/* Hand the lease back, if there is one. */
static void release(struct worker *w)
{
    struct haq_msg m;
    if (!w->fence)
        return;
    haq_msg_init(&m, HAQ_MSG_RELEASE);
    haq_msg_set_uint(&m, HAQ_F_TASK, w->task);
    haq_msg_set_uint(&m, HAQ_F_FENCE, w->fence);
    send_msg(w, &m);
    w->task = w->fence = 0;
}

static void take_job(struct worker *w, struct job *j)
{
    if (w->busy) {
        haq_log(HAQ_LOG_WARN, "worker %s: %s while busy", w->config->id,
                haq_msg_info(j->msg.kind)->name);
        free_job(j);
        return;
    }
    w->busy = true;
    w->task = haq_msg_uint(&j->msg, HAQ_F_TASK);
    w->fence = haq_msg_uint(&j->msg, HAQ_F_FENCE);
    pthread_mutex_lock(&w->mutex);
    w->job = j;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
}

static void answer_ping(struct worker *w, struct job *j)
{
    struct haq_msg m;
    haq_msg_init(&m, HAQ_MSG_PONG);
    haq_msg_set_uint(&m, HAQ_F_SEQUENCE, haq_msg_uint(&j->msg, HAQ_F_SEQUENCE));
    send_msg(w, &m);
    free_job(j);
}

static void leave(struct worker *w, struct job *j)
{
    w->leaving = true;
    free_job(j);
}

typedef void message_fn(struct worker *w, struct job *j);

static message_fn *const on_message[HAQ_MSG_COUNT] = {
    [HAQ_MSG_OPEN] = take_job,
    [HAQ_MSG_TASK] = take_job,
    [HAQ_MSG_PING] = answer_ping,
    [HAQ_MSG_BYE] = leave,
};

static void receive(struct worker *w)
{
    struct haq_link_frame f;
    struct haq_diag d;
    while (!w->leaving && haq_link_recv(w->link, &f)) {
        struct job *j = calloc(1, sizeof *j);
        if (!j)
            return;
        haq_arena_init(&j->arena);
        if (haq_msg_decode(&j->msg, &j->arena, f.data, f.len, &d) != HAQ_OK) {
            haq_log(HAQ_LOG_WARN, "worker %s: %s", w->config->id, d.text);
            free_job(j);
        } else if (on_message[j->msg.kind]) {
            on_message[j->msg.kind](w, j);
        } else {
            free_job(j);
        }
    }
}

static void send_reply(struct worker *w)
{
    eventfd_t n;
    eventfd_read(w->done_fd, &n);
    pthread_mutex_lock(&w->mutex);
    struct haq_buf out = w->reply;
    haq_buf_init(&w->reply);
    pthread_mutex_unlock(&w->mutex);
    w->busy = false;
    if (out.failed) /* no memory even for the answer: the next one may do */
        release(w);
    else
        haq_link_send(w->link, NULL, out.data, out.len, NULL);
    w->task = w->fence = 0;
    haq_buf_fini(&out);
}

/* False: the starter is gone. */
static bool serve(struct worker *w)
{
    struct haq_link_fd fds[] = {
        {w->done_fd, false}, {w->signal_fd, false}, {w->config->leash, false}};
    size_t n = w->config->leash < 0 ? 2 : 3;
    struct haq_msg bye;

    say_hello(w);
    while (!w->leaving) {
        haq_link_wait(w->link, fds, n, 1000);
        if (n == 3 && fds[2].ready)
            return false;
        if (fds[0].ready)
            send_reply(w);
        if (fds[1].ready)
            break;
        receive(w);
    }
    release(w);
    haq_msg_init(&bye, HAQ_MSG_BYE);
    send_msg(w, &bye);
    return true;
}

/* ---- life -----------------------------------------------------------------
 */

static haq_status start(struct worker *w, struct haq_diag *d)
{
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    /* Before any thread exists: they inherit the mask. */
    pthread_sigmask(SIG_BLOCK, &term, NULL);
    w->signal_fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
    w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->signal_fd < 0 || w->done_fd < 0)
        return haq_fail(d, HAQ_IO, "worker: %s", strerror(errno));
    haq_status s =
        haq_link_connect(&w->link, w->config->endpoint, w->config->id, d);
    if (s != HAQ_OK)
        return s;
    int err = pthread_create(&w->thread, NULL, task_thread, w);
    if (err)
        return haq_fail(d, HAQ_IO, "worker thread: %s", strerror(err));
    return HAQ_OK;
}

haq_status haq_worker_run(const struct haq_worker_config *config,
                          const struct haq_task_runner *runner,
                          struct haq_diag *d)
{
    struct worker w = {
        .config = config, .runner = runner, .done_fd = -1, .signal_fd = -1};
    pthread_mutex_init(&w.mutex, NULL);
    pthread_cond_init(&w.wake, NULL);
    haq_buf_init(&w.reply);
    haq_status s = start(&w, d);
    if (s == HAQ_OK) {
        bool heard = serve(&w);
        if (w.busy) {
            if (heard)
                haq_link_close(w.link, LINGER_MS);
            _exit(0);
        }
        pthread_mutex_lock(&w.mutex);
        w.quit = true;
        pthread_cond_signal(&w.wake);
        pthread_mutex_unlock(&w.mutex);
        pthread_join(w.thread, NULL);
    }
    haq_link_close(w.link, LINGER_MS);
    haq_buf_fini(&w.reply);
    pthread_cond_destroy(&w.wake);
    pthread_mutex_destroy(&w.mutex);
    if (w.done_fd >= 0)
        close(w.done_fd);
    if (w.signal_fd >= 0)
        close(w.signal_fd);
    return s;
}
