#include "coordinator/embed.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "coordinator/child.h"
#include "wire/codec.h"
#include "wire/link.h"

enum {
    TURN_MS = 100,
    QUIET_TURN_MS = 1000,
    MESSAGES_PER_TURN = 256,
    MAX_WORKERS = 255,
    BYE_MS = 2000
};

struct embed {
    const struct haq_embed_config *config;
    struct haq_store *store;
    struct haq_link *link;
    struct haq_coordinator *core;
    struct haq_actions actions;
    struct haq_child *child; /* [core.workers] */
    struct haq_link_fd *fds; /* [core.workers + 1] */
    char folder[HAQ_LINK_FOLDER], endpoint[HAQ_LINK_FOLDER + 16];
    char program[4096];
    char job[HAQ_HASH_HEX];
    int lock_fd;
    bool created; /* the store is of this run */
    bool stop;    /* the user wants an end */
    bool writing; /* a transaction is open */
    uint64_t saved_ns;
    struct haq_embed_view view;
};

static void feed(struct embed *e, const struct haq_event *event)
{
    haq_coordinator_event(e->core, event, haq_clock_ns(), &e->actions);
}

static void abort_job(struct embed *e, haq_status s, const struct haq_diag *d)
{
    feed(e, &(struct haq_event){
                .kind = HAQ_EV_ABORT, .status = s, .reason = d->text});
}

/* ---- the store's part -----------------------------------------------------
 */

/* Every write of a turn goes into one transaction. */
static haq_status begin_once(struct embed *e, struct haq_diag *d)
{
    if (e->writing)
        return HAQ_OK;
    haq_status s = haq_store_begin(e->store, d);
    e->writing = s == HAQ_OK;
    return s;
}

/* "seed is 1 there and 2 here", for the first option that differs. */
static haq_status other_job(const struct embed *e, const char *stored,
                            const json_t *mine, struct haq_diag *d)
{
    json_t *theirs = NULL;
    const char *key;
    json_t *value;
    haq_status s =
        haq_json_parse(e->config->store, stored, strlen(stored), &theirs, d);
    if (s != HAQ_OK)
        return s;
    s = haq_fail(d, HAQ_INVALID, "%s holds another job", e->config->store);
    void *at;
    json_object_foreach_safe((json_t *)(uintptr_t)mine, at, key, value)
    {
        json_t *other = json_object_get(theirs, key);
        if (other && json_equal(other, value))
            continue;
        char *here = haq_json_canonical(value, NULL);
        char *there = other ? haq_json_canonical(other, NULL) : strdup("unset");
        if (here && there)
            s = haq_fail(d, HAQ_INVALID,
                         "%s holds another job: %s is %.80s there and %.80s "
                         "here",
                         e->config->store, key, there, here);
        free(here);
        free(there);
        break;
    }
    json_decref(theirs);
    return s;
}

static json_t *job_identity(const struct embed *e)
{
    const struct haq_facts *f = haq_coordinator_facts(e->core);
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:s}", "model", f->model_hash, "calib",
                  f->calib_hash, "eval", f->eval_hash, "metric", f->metric);
    json_object_update(j, (json_t *)(uintptr_t)e->config->options);
    return j;
}

static haq_status create_job(struct embed *e, const char *text,
                             struct haq_diag *d)
{
    struct haq_job job = {.config = text};
    memcpy(job.id, e->job, sizeof job.id);
    haq_status s = begin_once(e, d);
    return s == HAQ_OK ? haq_store_put_job(e->store, &job, d) : s;
}

static haq_status check_job(struct embed *e, const struct haq_job *job,
                            const json_t *identity, struct haq_diag *d)
{
    if (strcmp(job->id, e->job))
        return other_job(e, job->config, identity, d);
    if (!job->finished && !e->config->resume)
        return haq_fail(d, HAQ_INVALID,
                        "%s holds this job, not finished: go on with --resume",
                        e->config->store);
    e->view.resumed = true;
    e->view.was_finished = job->finished;
    return HAQ_OK;
}

static haq_status open_job(struct embed *e, double *elapsed_s,
                           struct haq_diag *d)
{
    struct haq_job job = {.memory = NULL};
    bool found = false;
    json_t *identity = job_identity(e);
    char *text = identity ? haq_json_canonical(identity, NULL) : NULL;
    haq_status s = text ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "job");
    if (s == HAQ_OK) {
        haq_hash(e->job, text, strlen(text));
        s = haq_store_get_job(e->store, &job, &found, d);
    }
    if (s == HAQ_OK && found)
        s = check_job(e, &job, identity, d);
    else if (s == HAQ_OK)
        s = create_job(e, text, d);
    *elapsed_s = found ? job.elapsed_s : 0;
    haq_job_fini(&job);
    json_decref(identity);
    free(text);
    return s;
}

static haq_status do_start(struct embed *e, const struct haq_action *a,
                           struct haq_diag *d)
{
    const struct haq_driver *driver = &e->config->core.driver;
    double elapsed_s = 0;
    (void)a;
    e->created = !haq_file_exists(e->config->store);
    haq_status s = haq_store_open(&e->store, e->config->store, d);
    if (s == HAQ_OK)
        s = open_job(e, &elapsed_s, d);
    if (s == HAQ_OK)
        s = driver->ops->start(driver->self, haq_coordinator_facts(e->core), d);
    if (s != HAQ_OK)
        return s;
    e->view.started = true;
    feed(e,
         &(struct haq_event){.kind = HAQ_EV_STARTED, .elapsed_s = elapsed_s});
    return HAQ_OK;
}

static haq_status answer(struct embed *e, uint64_t task,
                         struct haq_measurement *m, struct haq_diag *d)
{
    json_t *result = NULL;
    haq_status s = haq_json_parse(e->config->store, m->result,
                                  strlen(m->result), &result, d);
    if (s == HAQ_OK)
        feed(e, &(struct haq_event){.kind = HAQ_EV_FOUND,
                                    .task = task,
                                    .result = result,
                                    .elapsed_s = m->elapsed_s});
    json_decref(result);
    haq_measurement_fini(m);
    return s;
}

static haq_status do_lookup(struct embed *e, const struct haq_action *a,
                            struct haq_diag *d)
{
    struct haq_measurement m;
    char reason[400];
    double at = 0;
    bool found = false;
    haq_status s = haq_store_get(e->store, a->key, &m, &found, d);
    if (s != HAQ_OK)
        return s;
    if (found)
        return answer(e, a->task, &m, d);
    s = haq_store_get_failure(e->store, e->job, a->key, reason, sizeof reason,
                              &at, &found, d);
    if (s != HAQ_OK)
        return s;
    feed(e, &(struct haq_event){.kind = found ? HAQ_EV_FOUND : HAQ_EV_MISSING,
                                .task = a->task,
                                .reason = reason,
                                .elapsed_s = at});
    return HAQ_OK;
}

static haq_status do_record(struct embed *e, const struct haq_action *a,
                            struct haq_diag *d)
{
    haq_status s = begin_once(e, d);
    return s == HAQ_OK ? haq_store_put(e->store, &a->measurement, NULL, d) : s;
}

static haq_status do_supersede(struct embed *e, const struct haq_action *a,
                               struct haq_diag *d)
{
    haq_status s = begin_once(e, d);
    return s == HAQ_OK
               ? haq_store_supersede(e->store, e->job, a->key, a->text, d)
               : s;
}

static haq_status do_failure(struct embed *e, const struct haq_action *a,
                             struct haq_diag *d)
{
    haq_status s = begin_once(e, d);
    return s == HAQ_OK ? haq_store_put_failure(e->store, e->job, a->key,
                                               a->text, a->elapsed_s, d)
                       : s;
}

static haq_status do_log(struct embed *e, const struct haq_action *a,
                         struct haq_diag *d)
{
    haq_log(HAQ_LOG_DEBUG, "%s %s", a->key, a->text);
    /* A folder of another job gets nothing written, not even this. */
    if (!e->view.started)
        return HAQ_OK;
    haq_status s = begin_once(e, d);
    return s == HAQ_OK
               ? haq_store_put_event(e->store, e->job, a->key, a->text, d)
               : s;
}

/* ---- the processes' part --------------------------------------------------
 */

static struct haq_child *find_child(struct embed *e, const char *id)
{
    for (size_t i = 0; i < e->config->core.workers; i++)
        if (!strcmp(e->child[i].id, id))
            return &e->child[i];
    return NULL;
}

static haq_status do_spawn(struct embed *e, const struct haq_action *a,
                           struct haq_diag *d)
{
    struct haq_child *free_place = find_child(e, "");
    return haq_child_start(free_place, e->program, a->worker, e->endpoint, d);
}

static haq_status do_kill(struct embed *e, const struct haq_action *a,
                          struct haq_diag *d)
{
    struct haq_child *c = find_child(e, a->worker);
    (void)d;
    if (c)
        haq_child_kill(c);
    return HAQ_OK;
}

static haq_status do_send(struct embed *e, const struct haq_action *a,
                          struct haq_diag *d)
{
    struct haq_diag gone;
    (void)d;
    /* A peer that has gone shows up as an exit soon. */
    haq_link_send(e->link, a->worker, a->data, a->len, &gone);
    return HAQ_OK;
}

/* ---- a turn ---------------------------------------------------------------
 */

static const struct {
    haq_status (*run)(struct embed *e, const struct haq_action *a,
                      struct haq_diag *d);
    bool after_commit;
} doers[HAQ_ACT_COUNT] = {
    [HAQ_ACT_SPAWN] = {do_spawn, true},
    [HAQ_ACT_KILL] = {do_kill, true},
    [HAQ_ACT_SEND] = {do_send, true},
    [HAQ_ACT_START] = {do_start, false},
    [HAQ_ACT_LOOKUP] = {do_lookup, false},
    [HAQ_ACT_RECORD] = {do_record, false},
    [HAQ_ACT_SUPERSEDE] = {do_supersede, false},
    [HAQ_ACT_FAILURE] = {do_failure, false},
    [HAQ_ACT_LOG] = {do_log, false},
};

/* What the store has to do; events that this causes append more actions. */
static haq_status settle_store(struct embed *e, struct haq_diag *d)
{
    const struct haq_action *next;
    haq_status s = HAQ_OK;
    while ((next = haq_actions_take(&e->actions))) {
        struct haq_action a = *next;
        if (s != HAQ_OK || doers[a.kind].after_commit)
            continue;
        s = doers[a.kind].run(e, &a, d);
        if (s != HAQ_OK)
            abort_job(e, s, d);
    }
    return s;
}

static haq_status save_progress(struct embed *e, struct haq_diag *d)
{
    uint64_t now = haq_clock_ns();
    struct haq_diag outcome = {HAQ_OK, ""};
    bool over = haq_coordinator_finished(e->core, &outcome);
    if (!e->view.started ||
        (!e->writing && !over && now - e->saved_ns < UINT64_C(1000000000)))
        return HAQ_OK;
    e->saved_ns = now;
    haq_status s = begin_once(e, d);
    if (s != HAQ_OK)
        return s;
    return haq_store_set_progress(e->store, e->job,
                                  haq_coordinator_elapsed(e->core, now),
                                  over && outcome.status == HAQ_OK, d);
}

static haq_status commit(struct embed *e, struct haq_diag *d)
{
    if (!e->writing)
        return HAQ_OK;
    e->writing = false;
    return haq_store_commit(e->store, d);
}

static haq_status run_rest(struct embed *e, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (size_t i = 0; i < e->actions.n && s == HAQ_OK; i++) {
        struct haq_action a = e->actions.item[i];
        if (doers[a.kind].after_commit)
            s = doers[a.kind].run(e, &a, d);
    }
    return s;
}

/* HAQ_OK, or what ends the job whatever the core thinks. */
static haq_status carry_out(struct embed *e, struct haq_diag *d)
{
    haq_status s = settle_store(e, d);
    if (s == HAQ_OK)
        s = save_progress(e, d);
    if (s == HAQ_OK)
        s = commit(e, d);
    if (s == HAQ_OK)
        s = run_rest(e, d);
    if (s != HAQ_OK && e->writing) {
        haq_store_rollback(e->store);
        e->writing = false;
    }
    haq_actions_clear(&e->actions);
    return s;
}

static void receive(struct embed *e)
{
    struct haq_link_frame f;
    for (int i = 0; i < MESSAGES_PER_TURN && haq_link_recv(e->link, &f); i++) {
        struct haq_msg m;
        struct haq_arena a;
        struct haq_diag d = {HAQ_OK, ""};
        haq_arena_init(&a);
        bool good = haq_msg_decode(&m, &a, f.data, f.len, &d) == HAQ_OK;
        feed(e,
             &(struct haq_event){.kind = good ? HAQ_EV_MESSAGE : HAQ_EV_BROKEN,
                                 .worker = f.peer,
                                 .msg = &m,
                                 .reason = d.text});
        haq_arena_fini(&a);
    }
}

static void watch_children(struct embed *e, int timeout_ms)
{
    size_t n = 0;
    struct haq_child *of[MAX_WORKERS];
    for (size_t i = 0; i < e->config->core.workers; i++)
        if (e->child[i].id[0]) {
            of[n] = &e->child[i];
            e->fds[n++] = (struct haq_link_fd){e->child[i].leash, false};
        }
    size_t watched = n;
    if (e->config->stop_fd >= 0)
        e->fds[watched++] = (struct haq_link_fd){e->config->stop_fd, false};
    haq_link_wait(e->link, e->fds, watched, timeout_ms);
    e->stop = watched > n && e->fds[n].ready;
    /* What a worker sent before it died comes first. */
    receive(e);
    for (size_t i = 0; i < n; i++) {
        char how[HAQ_CHILD_HOW], id[32];
        if (!e->fds[i].ready)
            continue;
        memcpy(id, of[i]->id, sizeof id);
        haq_child_reap(of[i], how);
        feed(e, &(struct haq_event){
                    .kind = HAQ_EV_EXIT, .worker = id, .reason = how});
    }
}

static void look(struct embed *e)
{
    e->view.work = haq_coordinator_look(e->core);
    e->view.elapsed_s = haq_coordinator_elapsed(e->core, haq_clock_ns());
}

static haq_status loop(struct embed *e, struct haq_diag *d)
{
    const struct haq_embed_config *k = e->config;
    feed(e, &(struct haq_event){.kind = HAQ_EV_BEGIN});
    haq_status s = carry_out(e, d);
    while (s == HAQ_OK && !haq_coordinator_finished(e->core, NULL)) {
        watch_children(e, e->view.work.quiet ? QUIET_TURN_MS : TURN_MS);
        feed(e, &(struct haq_event){.kind = HAQ_EV_TICK});
        if (e->stop)
            feed(e, &(struct haq_event){.kind = HAQ_EV_STOP});
        s = carry_out(e, d);
        look(e);
        if (k->notify && s == HAQ_OK)
            k->notify(k->ctx, &e->view);
    }
    if (s != HAQ_OK)
        return s;
    haq_coordinator_finished(e->core, d);
    return d->status;
}

/* ---- life -----------------------------------------------------------------
 */

/* One coordinator per folder. */
static haq_status lock_folder(struct embed *e, struct haq_diag *d)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", e->config->store);
    const char *dir = dirname(path);
    e->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e->lock_fd < 0)
        return haq_fail(d, HAQ_IO, "%s: %s", dir, strerror(errno));
    if (flock(e->lock_fd, LOCK_EX | LOCK_NB))
        return haq_fail(d, HAQ_IO, "%s: another search is running in it", dir);
    return HAQ_OK;
}

static haq_status set_up(struct embed *e, struct haq_diag *d)
{
    size_t n = e->config->core.workers;
    if (!n || n > MAX_WORKERS)
        return haq_fail(d, HAQ_USAGE, "workers must be 1 .. %d", MAX_WORKERS);
    e->child = calloc(n, sizeof *e->child);
    e->fds = calloc(n + 1, sizeof *e->fds);
    if (!e->child || !e->fds)
        return haq_fail(d, HAQ_NOMEM, "workers");
    haq_status s = haq_child_program(e->program, sizeof e->program, d);
    if (s == HAQ_OK)
        s = lock_folder(e, d);
    if (s == HAQ_OK)
        s = haq_coordinator_new(&e->core, &e->config->core, d);
    if (s == HAQ_OK)
        s = haq_link_folder_make(e->folder, d);
    if (s != HAQ_OK) {
        e->folder[0] = 0;
        return s;
    }
    snprintf(e->endpoint, sizeof e->endpoint, "ipc://%s/s", e->folder);
    return haq_link_bind(&e->link, e->endpoint, d);
}

static void say_bye(struct embed *e)
{
    struct haq_msg bye;
    struct haq_buf b;
    haq_buf_init(&b);
    haq_msg_init(&bye, HAQ_MSG_BYE);
    if (e->link && haq_msg_encode(&bye, &b, NULL) == HAQ_OK)
        for (size_t i = 0; i < e->config->core.workers; i++)
            if (e->child[i].id[0])
                haq_link_send(e->link, e->child[i].id, b.data, b.len, NULL);
    haq_buf_fini(&b);
}

static void tear_down(struct embed *e)
{
    if (e->child) {
        say_bye(e);
        haq_children_end(e->child, e->config->core.workers, BYE_MS);
    }
    haq_link_close(e->link, 0);
    if (e->folder[0])
        haq_link_folder_remove(e->folder);
    haq_coordinator_free(e->core);
    haq_store_close(e->store);
    if (e->created && !e->view.started)
        unlink(e->config->store);
    if (e->lock_fd >= 0)
        close(e->lock_fd);
    haq_actions_fini(&e->actions);
    free(e->child);
    free(e->fds);
}

haq_status haq_embed_run(const struct haq_embed_config *config,
                         struct haq_embed_view *last, struct haq_diag *d)
{
    struct haq_diag own = {0};
    struct embed *e = calloc(1, sizeof *e);
    if (!e)
        return haq_fail(d, HAQ_NOMEM, "coordinator");
    d = d ? d : &own;
    e->config = config;
    e->lock_fd = -1;
    haq_actions_init(&e->actions);
    haq_status s = set_up(e, d);
    if (s == HAQ_OK)
        s = loop(e, d);
    if (e->core)
        look(e);
    if (last)
        *last = e->view;
    tear_down(e);
    free(e);
    return s;
}
