#include "coordinator/coordinator.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/coordinator_priv.h"

#define SECONDS(n) (UINT64_C(1000000000) * (n))

/* What one step has at hand. */
struct step {
    struct haq_coordinator *c;
    const struct haq_event *e;
    struct haq_worker_slot *worker; /* whom the event is about, or NULL */
    uint64_t now;
    struct haq_actions *out;
};

void haq_core_finish(struct haq_coordinator *c, haq_status s, const char *fmt,
                     ...)
{
    if (c->finished)
        return;
    c->finished = true;
    c->outcome.status = s;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->outcome.text, sizeof c->outcome.text, fmt, ap);
    va_end(ap);
}

/* ---- tasks that end badly -------------------------------------------------
 */

static void give_up(const struct step *st, struct haq_task *t,
                    const char *reason)
{
    haq_act_failure(st->out, t->key, reason,
                    haq_coordinator_elapsed(st->c, st->now));
    haq_act_log(st->out, "failed", "{s:s, s:s, s:s, s:s}", "key", t->key,
                "kind", t->kind->name, "recipe", t->recipe_id, "reason",
                reason);
    haq_core_settle(st->c, t, NULL, reason);
}

/* One attempt is used up; the last one ends the task. */
static void attempt_failed(const struct step *st, struct haq_task *t,
                           bool poisoned)
{
    struct haq_coordinator *c = st->c;
    char reason[400];
    t->state = HAQ_TASK_QUEUED;
    t->queued_ns = st->now;
    if (t->attempts < c->config.max_attempts)
        return;
    snprintf(reason, sizeof reason, "%s, at attempt %u of %u", t->trouble,
             t->attempts, c->config.max_attempts);
    if (poisoned) {
        c->deaths = 0;
        if (++c->poisoned >= c->config.max_poisoned)
            haq_core_finish(c, HAQ_FAILED,
                            "%u tasks in a row ended their workers, the last "
                            "a %s: %s",
                            c->poisoned, t->kind->name, reason);
    }
    give_up(st, t, reason);
}

/* ---- workers --------------------------------------------------------------
 */

static uint64_t backoff(const struct haq_coordinator *c)
{
    unsigned doublings = c->deaths > 6 ? 6 : c->deaths;
    return doublings ? c->config.backoff_ns << (doublings - 1) : 0;
}

/* The process is gone or is being killed. */
static void lose_worker(const struct step *st, struct haq_worker_slot *w,
                        const char *how)
{
    struct haq_coordinator *c = st->c;
    struct haq_task *t = w->task;
    bool innocent = w->state == HAQ_WORKER_LEAVING;

    haq_act_log(st->out, "death", "{s:s, s:s, s:o}", "worker", w->id, "how",
                how, "task", t ? json_string(t->key) : json_null());
    w->task = NULL;
    haq_slot_enter(w, HAQ_WORKER_ABSENT, st->now);
    c->view.deaths++;
    c->deaths += !innocent;
    if (t) {
        snprintf(t->trouble, sizeof t->trouble, "worker %s: %s", w->id, how);
        attempt_failed(st, t, true);
    }
    if (c->deaths >= c->config.max_deaths)
        haq_core_finish(c, HAQ_FAILED,
                        "%u workers in a row ended before finishing anything, "
                        "the last: %s",
                        c->deaths, how);
    w->spawn_ns = st->now + backoff(c);
}

static void kill_worker(const struct step *st, struct haq_worker_slot *w,
                        const char *how)
{
    haq_act_worker(st->out, HAQ_ACT_KILL, w->id);
    lose_worker(st, w, how);
}

static void spawn_due(const struct step *st)
{
    struct haq_roster *r = &st->c->roster;
    /* Loading a model beside a timed task would disturb it. */
    if (haq_sched_quiet(&st->c->sched))
        return;
    for (size_t i = 0; i < r->n; i++) {
        struct haq_worker_slot *w = &r->slot[i];
        if (w->state != HAQ_WORKER_ABSENT || w->spawn_ns > st->now)
            continue;
        haq_slot_start(r, w, st->now);
        haq_act_worker(st->out, HAQ_ACT_SPAWN, w->id);
    }
}

static void become_idle(const struct step *st, struct haq_worker_slot *w)
{
    w->task = NULL;
    haq_slot_enter(w, HAQ_WORKER_IDLE, st->now);
}

/* ---- messages -------------------------------------------------------------
 */

static void on_hello(const struct step *st)
{
    if (st->worker->state != HAQ_WORKER_STARTING) {
        kill_worker(st, st->worker, "hello twice");
        return;
    }
    haq_slot_enter(st->worker, HAQ_WORKER_OPENING, st->now);
    haq_act_send(st->out, st->worker->id, st->c->config.open);
}

static void on_ready(const struct step *st)
{
    struct haq_coordinator *c = st->c;
    struct haq_facts facts;
    struct haq_diag d = {HAQ_OK, ""};

    if (st->worker->state != HAQ_WORKER_OPENING) {
        kill_worker(st, st->worker, "ready twice");
        return;
    }
    if (haq_facts_read(&facts, st->e->msg, &d) != HAQ_OK) {
        kill_worker(st, st->worker, d.text);
        return;
    }
    if (!c->has_facts) {
        c->facts = facts;
        c->has_facts = true;
        haq_act_start(st->out);
    } else {
        bool agree = haq_facts_agree(&c->facts, &facts);
        haq_facts_fini(&facts);
        if (!agree) {
            haq_core_finish(c, HAQ_FAILED,
                            "worker %s reads other model or data files than "
                            "the first one did; did a file change?",
                            st->worker->id);
            return;
        }
    }
    become_idle(st, st->worker);
}

static void on_refused(const struct step *st)
{
    haq_core_finish(st->c,
                    haq_msg_status(haq_msg_text(st->e->msg, HAQ_F_STATUS)),
                    "%s", haq_msg_text(st->e->msg, HAQ_F_REASON));
}

/* The task that a result or release is about, if its lease is the current one.
 */
static struct haq_task *leased_task(const struct step *st)
{
    struct haq_task *t = st->worker->task;
    uint64_t id = haq_msg_uint(st->e->msg, HAQ_F_TASK);
    uint64_t fence = haq_msg_uint(st->e->msg, HAQ_F_FENCE);
    if (t && t->id == id && t->fence == fence)
        return t;
    haq_act_log(st->out, "late", "{s:s, s:I, s:I}", "worker", st->worker->id,
                "task", (json_int_t)id, "fence", (json_int_t)fence);
    return NULL;
}

/* Would another attempt end the same way? */
static bool is_final(haq_status s)
{
    return s == HAQ_INVALID || s == HAQ_FORMAT || s == HAQ_UNSUPPORTED ||
           s == HAQ_USAGE;
}

static void on_bad_result(const struct step *st, struct haq_task *t,
                          haq_status status, const char *reason)
{
    snprintf(t->trouble, sizeof t->trouble, "%s", reason);
    if (is_final(status))
        give_up(st, t, t->trouble[0] ? reason : haq_status_text(status));
    else
        attempt_failed(st, t, false);
}

/* Does the result say that the device has drifted? */
static void check_drift(const struct step *st, const json_t *result)
{
    const json_t *drift = json_object_get(result, "drift");
    json_int_t again = json_integer_value(json_object_get(drift, "again"));
    char reason[160];
    if (!json_is_object(drift))
        return;
    snprintf(reason, sizeof reason,
             "the float model took %.4g ms on worker %s, %.4g ms before",
             json_number_value(json_object_get(drift, "reference_ms")),
             st->worker->id,
             json_number_value(json_object_get(drift, "expected_ms")));
    haq_act_log(st->out, "drift", "{s:s, s:s, s:I}", "worker", st->worker->id,
                "reason", reason, "again", again);
    if (again > 0)
        haq_core_doubt(st->c, st->worker, (size_t)again, reason, st->now,
                       st->out);
}

static void on_result(const struct step *st)
{
    struct haq_coordinator *c = st->c;
    const struct haq_msg *m = st->e->msg;
    struct haq_task *t = leased_task(st);
    struct haq_diag d = {HAQ_OK, ""};
    json_t *result = NULL;
    if (!t)
        return;

    const char *reason = haq_msg_text(m, HAQ_F_REASON);
    haq_status status = haq_msg_status(haq_msg_text(m, HAQ_F_STATUS));
    if (status != HAQ_OK) {
        become_idle(st, st->worker);
        on_bad_result(st, t, status, reason ? reason : haq_status_text(status));
        return;
    }
    if (haq_core_record(c, t, m, st->worker->id, &result, st->now, st->out,
                        &d) != HAQ_OK) {
        kill_worker(st, st->worker, d.text);
        return;
    }
    become_idle(st, st->worker);
    c->deaths = c->poisoned = 0;
    c->view.measured++;
    check_drift(st, result);
    if (t->kind->timed)
        haq_recent_add(&st->worker->recent, t);
    haq_core_settle(c, t, result, NULL);
    json_decref(result);
}

/* The worker is asked to leave by its machine: no attempt is charged. */
static void on_release(const struct step *st)
{
    struct haq_task *t = leased_task(st);
    if (t) {
        t->attempts--;
        t->state = HAQ_TASK_QUEUED;
        t->queued_ns = st->now;
        haq_act_log(st->out, "release", "{s:s, s:s}", "worker", st->worker->id,
                    "task", t->key);
    }
    st->worker->task = NULL;
    haq_slot_enter(st->worker, HAQ_WORKER_LEAVING, st->now);
}

static void on_pong(const struct step *st)
{
    (void)st; /* any message counts as a sign of life */
}

static void on_bye(const struct step *st)
{
    if (!st->worker->task)
        haq_slot_enter(st->worker, HAQ_WORKER_LEAVING, st->now);
}

typedef void step_fn(const struct step *st);

static step_fn *const on_kind[HAQ_MSG_COUNT] = {
    [HAQ_MSG_HELLO] = on_hello,     [HAQ_MSG_READY] = on_ready,
    [HAQ_MSG_REFUSED] = on_refused, [HAQ_MSG_RESULT] = on_result,
    [HAQ_MSG_RELEASE] = on_release, [HAQ_MSG_PONG] = on_pong,
    [HAQ_MSG_BYE] = on_bye,
};

/* ---- events ---------------------------------------------------------------
 */

static void on_begin(const struct step *st)
{
    st->c->begin_ns = st->c->tick_ns = st->c->ping_ns = st->now;
}

static void on_message(const struct step *st)
{
    const struct haq_msg *m = st->e->msg;
    if (!st->worker) {
        haq_act_log(st->out, "stranger", "{s:s, s:s}", "worker", st->e->worker,
                    "message", haq_msg_info(m->kind)->name);
        return;
    }
    st->worker->seen_ns = st->now;
    if (on_kind[m->kind])
        on_kind[m->kind](st);
    else
        kill_worker(st, st->worker, "sent what only a coordinator may send");
}

static void on_broken(const struct step *st)
{
    if (st->worker)
        kill_worker(st, st->worker, st->e->reason);
}

static void on_exit_event(const struct step *st)
{
    if (st->worker)
        lose_worker(st, st->worker, st->e->reason);
}

static void on_started(const struct step *st)
{
    st->c->elapsed_base_s = st->e->elapsed_s;
    st->c->started = true;
    st->c->replaying = true;
}

static void on_found(const struct step *st)
{
    struct haq_task *t = haq_sched_find(&st->c->sched, st->e->task);
    assert(t && t->state == HAQ_TASK_LOOKING);
    st->c->view.answered++;
    if (st->e->elapsed_s > st->c->replay_s)
        st->c->replay_s = st->e->elapsed_s;
    haq_core_settle(st->c, t, st->e->result, st->e->reason);
}

static void on_missing(const struct step *st)
{
    struct haq_task *t = haq_sched_find(&st->c->sched, st->e->task);
    assert(t && t->state == HAQ_TASK_LOOKING);
    t->state = HAQ_TASK_QUEUED;
    st->c->replaying = false;
}

static void check_worker(const struct step *st, struct haq_worker_slot *w)
{
    const struct haq_coordinator_config *k = &st->c->config;
    uint64_t age = st->now - w->since_ns;
    if (w->state == HAQ_WORKER_ABSENT)
        return;
    if (w->state == HAQ_WORKER_STARTING && age > k->start_ns)
        kill_worker(st, w, "did not start in time");
    else if (w->state == HAQ_WORKER_OPENING && age > k->deadline_ns)
        kill_worker(st, w, "did not load the model in time");
    else if (w->task && st->now > w->task->deadline_ns)
        kill_worker(st, w, "ran past the deadline");
    else if (w->state != HAQ_WORKER_STARTING &&
             st->now - w->seen_ns > k->silence_ns)
        kill_worker(st, w, "fell silent");
}

static void ping_all(const struct step *st)
{
    struct haq_coordinator *c = st->c;
    struct haq_msg ping;
    c->ping_ns = st->now;
    haq_msg_init(&ping, HAQ_MSG_PING);
    haq_msg_set_uint(&ping, HAQ_F_SEQUENCE, ++c->next_ping);
    for (size_t i = 0; i < c->roster.n; i++) {
        enum haq_worker_state s = c->roster.slot[i].state;
        if (s != HAQ_WORKER_ABSENT && s != HAQ_WORKER_STARTING &&
            s != HAQ_WORKER_LEAVING)
            haq_act_send(st->out, c->roster.slot[i].id, &ping);
    }
}

/* Our own sleep (SIGSTOP, a suspended laptop) is nobody else's silence. */
static void forgive_pause(const struct step *st)
{
    struct haq_coordinator *c = st->c;
    uint64_t gap = st->now - c->tick_ns;
    if (gap <= c->config.silence_ns / 3)
        return;
    haq_roster_refresh(&c->roster, st->now);
    for (size_t i = 0; i < c->roster.n; i++) {
        c->roster.slot[i].since_ns += gap;
        if (c->roster.slot[i].task)
            c->roster.slot[i].task->deadline_ns += gap;
    }
}

static void on_tick(const struct step *st)
{
    struct haq_coordinator *c = st->c;
    forgive_pause(st);
    c->tick_ns = st->now;
    /* Nothing may disturb a timed task, so silence means nothing then. */
    if (haq_sched_quiet(&c->sched))
        haq_roster_refresh(&c->roster, st->now);
    else if (st->now - c->ping_ns >= c->config.heartbeat_ns)
        ping_all(st);
    for (size_t i = 0; i < c->roster.n && !c->finished; i++)
        check_worker(st, &c->roster.slot[i]);
}

static void on_stop(const struct step *st)
{
    haq_core_finish(st->c, HAQ_INTERRUPTED, "interrupted");
}

static void on_abort(const struct step *st)
{
    haq_core_finish(st->c, st->e->status, "%s", st->e->reason);
}

static step_fn *const on_event[HAQ_EV_COUNT] = {
    [HAQ_EV_BEGIN] = on_begin,     [HAQ_EV_MESSAGE] = on_message,
    [HAQ_EV_BROKEN] = on_broken,   [HAQ_EV_EXIT] = on_exit_event,
    [HAQ_EV_STARTED] = on_started, [HAQ_EV_FOUND] = on_found,
    [HAQ_EV_MISSING] = on_missing, [HAQ_EV_TICK] = on_tick,
    [HAQ_EV_STOP] = on_stop,       [HAQ_EV_ABORT] = on_abort,
};

/* ---- what follows from every event ----------------------------------------
 */

static void lease(const struct step *st, struct haq_worker_slot *w,
                  struct haq_task *t)
{
    struct haq_msg m;
    uint64_t limit = st->c->config.deadline_ns;
    t->state = HAQ_TASK_RUNNING;
    t->attempts++;
    t->fence = ++st->c->next_fence;
    t->deadline_ns = st->now + limit;
    haq_slot_enter(w, HAQ_WORKER_BUSY, st->now);
    w->task = t;

    haq_act_log(st->out, "lease", "{s:s, s:s, s:s, s:i}", "worker", w->id,
                "task", t->key, "kind", t->kind->name, "attempt",
                (int)t->attempts);
    haq_msg_init(&m, HAQ_MSG_TASK);
    haq_msg_set_uint(&m, HAQ_F_TASK, t->id);
    haq_msg_set_uint(&m, HAQ_F_FENCE, t->fence);
    haq_msg_set_text(&m, HAQ_F_KIND, t->kind->name);
    haq_msg_set_text(&m, HAQ_F_RECIPE, t->recipe);
    haq_msg_set_text(&m, HAQ_F_PARAMS, t->params);
    haq_msg_set_uint(&m, HAQ_F_DEADLINE_MS, limit / 1000000);
    haq_act_send(st->out, w->id, &m);
}

static void dispatch(const struct step *st)
{
    struct haq_coordinator *c = st->c;
    struct haq_worker_slot *w;
    struct haq_task *t;
    while ((w = haq_roster_idle(&c->roster)) &&
           (t = haq_sched_pick(&c->sched, haq_roster_restless(&c->roster),
                               st->now)))
        lease(st, w, t);
}

static void follow_up(const struct step *st)
{
    struct haq_coordinator *c = st->c;
    const struct haq_driver *driver = &c->config.driver;
    if (c->started && !c->finished)
        haq_core_ask(c, st->now, st->out);
    if (c->started && !c->finished && !c->sched.n) {
        if (driver->ops->done(driver->self))
            haq_core_finish(c, HAQ_OK, "%s", "");
        else
            haq_core_finish(c, HAQ_FAILED,
                            "the search neither ended nor asked for anything");
    }
    if (c->finished)
        return;
    dispatch(st);
    spawn_due(st);
}

void haq_coordinator_event(struct haq_coordinator *c, const struct haq_event *e,
                           uint64_t now_ns, struct haq_actions *out)
{
    struct step st = {c, e,
                      e->worker ? haq_roster_find(&c->roster, e->worker) : NULL,
                      now_ns, out};
    if (c->finished)
        return;
    on_event[e->kind](&st);
    if (!c->finished)
        follow_up(&st);
    if (out->failed)
        haq_core_finish(c, HAQ_NOMEM, "out of memory in the coordinator");
}

/* ---- life and views -------------------------------------------------------
 */

static void fill_defaults(struct haq_coordinator_config *k)
{
    k->max_attempts = k->max_attempts ? k->max_attempts : 3;
    k->max_deaths = k->max_deaths ? k->max_deaths : 5;
    k->max_poisoned = k->max_poisoned ? k->max_poisoned : 10;
    k->heartbeat_ns = k->heartbeat_ns ? k->heartbeat_ns : SECONDS(1);
    k->silence_ns = k->silence_ns ? k->silence_ns : SECONDS(15);
    k->start_ns = k->start_ns ? k->start_ns : SECONDS(30);
    k->deadline_ns = k->deadline_ns ? k->deadline_ns : SECONDS(30 * 60);
    k->backoff_ns = k->backoff_ns ? k->backoff_ns : SECONDS(1) / 10;
}

haq_status haq_coordinator_new(struct haq_coordinator **out,
                               const struct haq_coordinator_config *config,
                               struct haq_diag *d)
{
    assert(config->workers && config->open && config->driver.ops);
    struct haq_coordinator *c = calloc(1, sizeof *c);
    if (!c || !haq_roster_init(&c->roster, config->workers)) {
        free(c);
        return haq_fail(d, HAQ_NOMEM, "coordinator");
    }
    c->config = *config;
    fill_defaults(&c->config);
    haq_sched_init(&c->sched, SECONDS(30));
    *out = c;
    return HAQ_OK;
}

void haq_coordinator_free(struct haq_coordinator *c)
{
    if (!c)
        return;
    haq_facts_fini(&c->facts);
    haq_sched_fini(&c->sched);
    haq_roster_fini(&c->roster);
    free(c);
}

bool haq_coordinator_finished(const struct haq_coordinator *c,
                              struct haq_diag *outcome)
{
    if (c->finished && outcome)
        *outcome = c->outcome;
    return c->finished;
}

const struct haq_facts *haq_coordinator_facts(const struct haq_coordinator *c)
{
    assert(c->has_facts);
    return &c->facts;
}

double haq_coordinator_elapsed(const struct haq_coordinator *c, uint64_t now_ns)
{
    return c->elapsed_base_s + (double)(now_ns - c->begin_ns) * 1e-9;
}

struct haq_coordinator_view
haq_coordinator_look(const struct haq_coordinator *c)
{
    struct haq_coordinator_view v = c->view;
    v.running = haq_roster_count(&c->roster, HAQ_WORKER_BUSY);
    v.workers = v.running + haq_roster_count(&c->roster, HAQ_WORKER_IDLE);
    v.queued = c->sched.n - v.running;
    v.quiet = haq_sched_quiet(&c->sched);
    return v;
}
