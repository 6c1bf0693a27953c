/* The core under a simulated world: a virtual clock, workers that are slow,
 * crash, hang, repeat themselves and answer too late, and a store that is a
 * list.  Everything follows from the seed. */
#include "coordinator/coordinator.h"

#include <string.h>

#include "base/json.h"
#include "tests/suite.h"
#include "tests/support/fake_driver.h"
#include "wire/codec.h"

enum { MAX_EVENTS = 512, MAX_ROWS = 512, MAX_LIVE = 16 };
#define MS UINT64_C(1000000)

struct later {
    uint64_t at;
    enum haq_event_kind kind;
    char worker[32];
    char how[32];
    struct haq_buf bytes; /* MESSAGE */
};

struct live {
    char id[32];
    bool exclusive, busy;
};

struct world {
    uint64_t rng, now;
    struct haq_coordinator *c;
    struct haq_actions actions;
    struct fake_job job;
    struct later later[MAX_EVENTS];
    size_t n_later;
    struct live live[MAX_LIVE];
    char row[MAX_ROWS][HAQ_HASH_HEX]; /* keys in the store */
    json_int_t value[MAX_ROWS];
    size_t n_rows;
    unsigned recorded, repeated, failures, leases, overlaps;
    unsigned poison_leases;
    uint64_t trace; /* hash of all actions */
    /* faults, in percent of tasks or starts */
    unsigned crash, hang, duplicate, stale, garbage, release;
    unsigned drift, superseded; /* of timed tasks; what followed */
    long poison, bad;           /* candidates */
};

static unsigned chance(struct world *w)
{
    return (unsigned)(next_random(&w->rng) % 100);
}

static void note(struct world *w, const char *text)
{
    for (; *text; text++)
        w->trace = (w->trace ^ (unsigned char)*text) * 0x100000001b3u;
}

static struct later *schedule(struct world *w, uint64_t delay,
                              enum haq_event_kind kind, const char *worker)
{
    CU_ASSERT_FATAL(w->n_later < MAX_EVENTS);
    struct later *l = &w->later[w->n_later++];
    memset(l, 0, sizeof *l);
    l->at = w->now + delay;
    l->kind = kind;
    snprintf(l->worker, sizeof l->worker, "%s", worker);
    return l;
}

static void say(struct world *w, uint64_t delay, const char *worker,
                const struct haq_msg *m)
{
    struct later *l = schedule(w, delay, HAQ_EV_MESSAGE, worker);
    CU_ASSERT_EQUAL_FATAL(haq_msg_encode(m, &l->bytes, NULL), HAQ_OK);
}

static struct live *find_live(struct world *w, const char *id)
{
    for (size_t i = 0; i < MAX_LIVE; i++)
        if (!strcmp(w->live[i].id, id))
            return &w->live[i];
    return NULL;
}

static void die(struct world *w, uint64_t delay, const char *worker)
{
    struct later *l = schedule(w, delay, HAQ_EV_EXIT, worker);
    strcpy(l->how, "ended by signal 11");
}

static void spawn(struct world *w, const char *id)
{
    struct haq_msg m;
    struct live *l = find_live(w, "");
    if (!l)
        abort(); /* more processes than slots */
    snprintf(l->id, sizeof l->id, "%s", id);
    l->busy = l->exclusive = false;
    if (chance(w) < w->crash / 2) {
        die(w, 5 * MS, id);
        return;
    }
    haq_msg_init(&m, HAQ_MSG_HELLO);
    haq_msg_set_text(&m, HAQ_F_BUILD, "test");
    haq_msg_set_uint(&m, HAQ_F_PID, 1);
    haq_msg_set_uint(&m, HAQ_F_THREADS, 1);
    haq_msg_set_text(&m, HAQ_F_HOST, "simulated");
    say(w, 10 * MS, id, &m);
}

static void open_session(struct world *w, const char *id)
{
    struct haq_msg m;
    char hash[HAQ_HASH_HEX];
    haq_hash(hash, "model", 5);
    haq_msg_init(&m, HAQ_MSG_READY);
    haq_msg_set_text(&m, HAQ_F_LAYERS, "{}");
    haq_msg_set_text(&m, HAQ_F_WHERE,
                     "{\"inspect\":\"n\",\"evaluate\":\"n\",\"sensitivity\":"
                     "\"n\",\"profile-layer\":\"d\",\"measure-latency\":"
                     "\"d\"}");
    haq_msg_set_text(&m, HAQ_F_METRIC, "top1");
    haq_msg_set_uint(&m, HAQ_F_HIGHER, 1);
    haq_msg_set_uint(&m, HAQ_F_POINTS, 1);
    haq_msg_set_uint(&m, HAQ_F_SAMPLES, 10);
    haq_msg_set_text(&m, HAQ_F_MODEL_HASH, hash);
    haq_msg_set_text(&m, HAQ_F_CALIB_HASH, "");
    haq_msg_set_text(&m, HAQ_F_EVAL_HASH, hash);
    say(w, 20 * MS, id, &m);
}

static void answer(struct world *w, const char *id, const struct haq_msg *task,
                   long candidate)
{
    struct haq_msg m;
    char text[64];
    uint64_t delay = (5 + next_random(&w->rng) % 200) * MS;
    haq_msg_init(&m, HAQ_MSG_RESULT);
    haq_msg_set_uint(&m, HAQ_F_TASK, haq_msg_uint(task, HAQ_F_TASK));
    haq_msg_set_uint(&m, HAQ_F_FENCE, haq_msg_uint(task, HAQ_F_FENCE));
    snprintf(text, sizeof text, "{\"value\":%ld}", candidate * 3);
    if (!strcmp(haq_msg_text(task, HAQ_F_KIND), "measure-latency") &&
        chance(w) < w->drift)
        snprintf(text, sizeof text, "{\"value\":%ld,\"drift\":{\"again\":3}}",
                 candidate * 3);
    if (candidate == w->bad) {
        haq_msg_set_text(&m, HAQ_F_STATUS, "UNSUPPORTED");
        haq_msg_set_text(&m, HAQ_F_REASON, "no kernel");
    } else {
        haq_msg_set_text(&m, HAQ_F_STATUS, "OK");
        haq_msg_set_text(&m, HAQ_F_RESULT,
                         chance(w) < w->garbage ? "{\"value\":" : text);
    }
    say(w, delay, id, &m);
    if (chance(w) < w->duplicate)
        say(w, delay + chance(w) * MS, id, &m);
    if (chance(w) < w->stale) {
        struct haq_msg old = m;
        haq_msg_set_uint(&old, HAQ_F_FENCE, m.value[HAQ_F_FENCE].u - 1);
        haq_msg_set_text(&old, HAQ_F_RESULT, "{\"value\":-1}");
        say(w, delay / 2, id, &old);
    }
}

/* SIGTERM: the lease back, then the end; no attempt may be charged. */
static void give_back(struct world *w, const char *id,
                      const struct haq_msg *task)
{
    struct haq_msg m;
    haq_msg_init(&m, HAQ_MSG_RELEASE);
    haq_msg_set_uint(&m, HAQ_F_TASK, haq_msg_uint(task, HAQ_F_TASK));
    haq_msg_set_uint(&m, HAQ_F_FENCE, haq_msg_uint(task, HAQ_F_FENCE));
    say(w, 5 * MS, id, &m);
    die(w, 40 * MS, id);
}

static void take_task(struct world *w, const char *id,
                      const struct haq_msg *task)
{
    long candidate = -1;
    struct live *me = find_live(w, id);
    sscanf(haq_msg_text(task, HAQ_F_RECIPE), "{\"i\":%ld}", &candidate);
    if (!me)
        return; /* it died while the task was on its way */
    CU_ASSERT(!me->busy);
    me->busy = true;
    me->exclusive = !strcmp(haq_msg_text(task, HAQ_F_KIND), "measure-latency");
    for (size_t i = 0; i < MAX_LIVE; i++)
        if (&w->live[i] != me && w->live[i].busy)
            w->overlaps += me->exclusive || w->live[i].exclusive;
    w->leases++;
    if (chance(w) < w->release) {
        me->exclusive = false; /* nobody will use what it times */
        give_back(w, id, task);
    } else if (candidate == w->poison) {
        w->poison_leases++;
        die(w, 3 * MS, id);
    } else if (chance(w) < w->crash) {
        die(w, chance(w) * MS, id);
    } else if (chance(w) >= w->hang) {
        answer(w, id, task, candidate);
    }
}

static void send_to(struct world *w, const struct haq_action *a)
{
    struct haq_msg m;
    struct haq_arena arena;
    haq_arena_init(&arena);
    CU_ASSERT_EQUAL_FATAL(haq_msg_decode(&m, &arena, a->data, a->len, NULL),
                          HAQ_OK);
    note(w, haq_msg_info(m.kind)->name);
    if (m.kind == HAQ_MSG_OPEN)
        open_session(w, a->worker);
    if (m.kind == HAQ_MSG_TASK)
        take_task(w, a->worker, &m);
    if (m.kind == HAQ_MSG_PING) {
        struct haq_msg pong;
        haq_msg_init(&pong, HAQ_MSG_PONG);
        haq_msg_set_uint(&pong, HAQ_F_SEQUENCE, 1);
        say(w, MS, a->worker, &pong);
    }
    haq_arena_fini(&arena);
}

static void feed(struct world *w, const struct haq_event *e)
{
    haq_coordinator_event(w->c, e, w->now, &w->actions);
}

static void look_up(struct world *w, const struct haq_action *a)
{
    for (size_t i = 0; i < w->n_rows; i++)
        if (!strcmp(w->row[i], a->key)) {
            json_t *r = json_pack("{s:I}", "value", w->value[i]);
            feed(w, &(struct haq_event){
                        .kind = HAQ_EV_FOUND, .task = a->task, .result = r});
            json_decref(r);
            return;
        }
    feed(w, &(struct haq_event){.kind = HAQ_EV_MISSING, .task = a->task});
}

static void record(struct world *w, const struct haq_action *a)
{
    const struct haq_measurement *m = &a->measurement;
    for (size_t i = 0; i < w->n_rows; i++)
        w->repeated += !strcmp(w->row[i], m->key);
    CU_ASSERT_FATAL(w->n_rows < MAX_ROWS);
    const char *value = strstr(m->result, "\"value\":");
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    memcpy(w->row[w->n_rows], m->key, sizeof m->key);
    w->value[w->n_rows++] = atol(value + strlen("\"value\":"));
    w->recorded++;
    note(w, m->key);
}

static void supersede(struct world *w, const char *key)
{
    size_t i = 0;
    while (i < w->n_rows && strcmp(w->row[i], key) != 0)
        i++;
    CU_ASSERT_FATAL(i < w->n_rows); /* only what is there */
    w->n_rows--;
    memmove(w->row[i], w->row[i + 1], (w->n_rows - i) * sizeof *w->row);
    memmove(&w->value[i], &w->value[i + 1], (w->n_rows - i) * sizeof *w->value);
    w->superseded++;
}

static void forget(struct world *w, const char *id)
{
    struct live *l = find_live(w, id);
    if (l)
        memset(l, 0, sizeof *l);
}

static void act(struct world *w)
{
    const struct haq_action *next;
    while ((next = haq_actions_take(&w->actions))) {
        struct haq_action a = *next;
        note(w, a.worker ? a.worker : "");
        if (a.kind == HAQ_ACT_SPAWN)
            spawn(w, a.worker);
        else if (a.kind == HAQ_ACT_KILL)
            forget(w, a.worker);
        else if (a.kind == HAQ_ACT_SEND)
            send_to(w, &a);
        else if (a.kind == HAQ_ACT_START)
            feed(w, &(struct haq_event){
                        .kind = fake_start(&w->job, haq_coordinator_facts(w->c),
                                           NULL) == HAQ_OK
                                    ? HAQ_EV_STARTED
                                    : HAQ_EV_ABORT});
        else if (a.kind == HAQ_ACT_LOOKUP)
            look_up(w, &a);
        else if (a.kind == HAQ_ACT_RECORD)
            record(w, &a);
        else if (a.kind == HAQ_ACT_SUPERSEDE)
            supersede(w, a.key);
        else if (a.kind == HAQ_ACT_FAILURE)
            w->failures++;
    }
    haq_actions_clear(&w->actions);
}

/* The earliest event that is due at `now` at the latest, or -1. */
static int next_due(const struct world *w)
{
    int best = -1;
    for (size_t i = 0; i < w->n_later; i++)
        if (w->later[i].at <= w->now &&
            (best < 0 || w->later[i].at < w->later[best].at))
            best = (int)i;
    return best;
}

static void deliver(struct world *w, int at)
{
    struct later l = w->later[at];
    w->later[at] = w->later[--w->n_later];
    struct haq_msg m;
    struct haq_arena arena;
    haq_arena_init(&arena);
    struct live *from = find_live(w, l.worker);
    if (l.kind == HAQ_EV_EXIT && from) {
        forget(w, l.worker);
        feed(w, &(struct haq_event){
                    .kind = l.kind, .worker = l.worker, .reason = l.how});
    } else if (l.kind == HAQ_EV_MESSAGE) {
        CU_ASSERT_EQUAL(
            haq_msg_decode(&m, &arena, l.bytes.data, l.bytes.len, NULL),
            HAQ_OK);
        if (from && m.kind == HAQ_MSG_RESULT)
            from->busy = from->exclusive = false;
        feed(w, &(struct haq_event){
                    .kind = l.kind, .worker = l.worker, .msg = &m});
    }
    haq_buf_fini(&l.bytes);
    haq_arena_fini(&arena);
    act(w);
}

static void run_world(struct world *w, unsigned n, size_t workers,
                      struct haq_diag *outcome)
{
    struct haq_msg open;
    haq_msg_init(&open, HAQ_MSG_OPEN);
    haq_msg_set_text(&open, HAQ_F_MODEL, "m.onnx");
    haq_msg_set_uint(&open, HAQ_F_ISA, 0);
    haq_msg_set_uint(&open, HAQ_F_THREADS, 0);
    w->job = (struct fake_job){.n = n};
    struct haq_coordinator_config k = {.workers = workers,
                                       .open = &open,
                                       .driver = {&fake_ops, &w->job},
                                       .deadline_ns = 20000 * MS,
                                       .max_deaths = 25};
    CU_ASSERT_EQUAL_FATAL(haq_coordinator_new(&w->c, &k, NULL), HAQ_OK);
    haq_actions_init(&w->actions);
    w->now = 1000 * MS;
    feed(w, &(struct haq_event){.kind = HAQ_EV_BEGIN});
    act(w);
    while (!haq_coordinator_finished(w->c, outcome) && w->now < 36000000 * MS) {
        int due;
        w->now += 20 * MS;
        while ((due = next_due(w)) >= 0)
            deliver(w, due);
        feed(w, &(struct haq_event){.kind = HAQ_EV_TICK});
        act(w);
    }
    for (size_t i = 0; i < w->n_later; i++)
        haq_buf_fini(&w->later[i].bytes);
    w->n_later = 0;
    memset(w->live, 0, sizeof w->live);
    haq_coordinator_free(w->c);
    haq_actions_fini(&w->actions);
    fake_fini(&w->job);
}

static struct world *new_world(uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    w->rng = seed;
    w->poison = w->bad = -1;
    return w;
}

static void whatever_workers_do_each_want_is_told_once_and_right(void)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world *w = new_world(seed);
        struct haq_diag d = {HAQ_FAILED, "did not end"};
        w->crash = 8, w->hang = 3, w->duplicate = 20, w->stale = 15,
        w->garbage = 2, w->release = 4;
        run_world(w, 60, 1 + seed % 4, &d);
        if (d.status != HAQ_OK || w->job.wrong || w->overlaps)
            printf("\n  seed %u: %s\n", (unsigned)seed, d.text);
        CU_ASSERT_EQUAL(d.status, HAQ_OK);
        CU_ASSERT_EQUAL(w->job.told, 60);
        CU_ASSERT_EQUAL(w->job.wrong, 0);
        CU_ASSERT_EQUAL(w->repeated, 0);
        CU_ASSERT_EQUAL(w->overlaps, 0);
        CU_ASSERT_EQUAL(w->recorded + w->job.failed, 60);
        free(w);
    }
}

/* Whatever else goes wrong, a result in doubt is replaced by a new one. */
static void what_drifted_is_measured_again_and_told_again(void)
{
    unsigned superseded = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world *w = new_world(seed);
        struct haq_diag d = {HAQ_FAILED, "did not end"};
        w->drift = 25;
        w->crash = seed % 2 * 4, w->duplicate = 10, w->stale = 10;
        run_world(w, 60, 1 + seed % 3, &d);
        CU_ASSERT_EQUAL(d.status, HAQ_OK);
        CU_ASSERT_EQUAL(w->job.told, 60);
        CU_ASSERT_EQUAL(w->job.wrong, 0);
        CU_ASSERT_EQUAL(w->repeated, 0);
        CU_ASSERT_EQUAL(w->overlaps, 0);
        if (!w->failures) {
            CU_ASSERT_EQUAL(w->n_rows, 60);
            CU_ASSERT_EQUAL(w->job.revised, w->superseded);
            CU_ASSERT_EQUAL(w->recorded, 60 + w->superseded);
        }
        superseded += w->superseded;
        free(w);
    }
    CU_ASSERT(superseded > 40);
}

/* A device that drifts all the time does not keep the job for ever. */
static void doubts_come_to_an_end(void)
{
    struct world *w = new_world(5);
    struct haq_diag d = {HAQ_FAILED, "did not end"};
    w->drift = 100;
    run_world(w, 60, 1, &d);
    CU_ASSERT_EQUAL(d.status, HAQ_OK);
    CU_ASSERT_EQUAL(w->n_rows, 60);
    CU_ASSERT(w->superseded > 10);
    CU_ASSERT(w->superseded <= 2 * 15);
    free(w);
}

static void the_same_seed_gives_the_same_actions(void)
{
    uint64_t trace[2] = {0, 1};
    for (int i = 0; i < 2; i++) {
        struct world *w = new_world(77);
        struct haq_diag d;
        w->crash = 10, w->duplicate = 10;
        run_world(w, 50, 3, &d);
        trace[i] = w->trace;
        free(w);
    }
    CU_ASSERT_EQUAL(trace[0], trace[1]);
}

static void a_poisonous_task_gets_three_leases_and_harms_no_other(void)
{
    struct world *w = new_world(3);
    struct haq_diag d;
    w->poison = 9;
    run_world(w, 30, 2, &d);
    CU_ASSERT_EQUAL(d.status, HAQ_OK);
    CU_ASSERT_EQUAL(w->poison_leases, 3);
    CU_ASSERT_EQUAL(w->job.failed, 1);
    CU_ASSERT_EQUAL(w->recorded, 29);
    CU_ASSERT_PTR_NOT_NULL(strstr(w->job.reason, "signal 11"));
    free(w);
}

static void a_final_error_is_not_tried_again(void)
{
    struct world *w = new_world(4);
    struct haq_diag d;
    w->bad = 2;
    run_world(w, 10, 1, &d);
    CU_ASSERT_EQUAL(d.status, HAQ_OK);
    CU_ASSERT_EQUAL(w->leases, 10);
    CU_ASSERT_EQUAL(w->failures, 1);
    CU_ASSERT_STRING_EQUAL(w->job.reason, "no kernel");
    free(w);
}

static void what_the_store_has_is_not_measured(void)
{
    struct world *w = new_world(5);
    struct haq_diag d;
    run_world(w, 20, 1, &d);
    CU_ASSERT_EQUAL(w->leases, 20);
    run_world(w, 25, 2, &d);
    CU_ASSERT_EQUAL(d.status, HAQ_OK);
    CU_ASSERT_EQUAL(w->leases, 25);
    CU_ASSERT_EQUAL(w->job.told, 25);
    CU_ASSERT_EQUAL(w->job.wrong, 0);
    free(w);
}

static void a_lease_handed_back_costs_no_attempt(void)
{
    struct world *w = new_world(9);
    struct haq_diag d = {HAQ_OK, ""};
    w->release = 70;
    w->poison = 9; /* three real attempts, whatever was handed back between */
    run_world(w, 20, 2, &d);
    CU_ASSERT_EQUAL(d.status, HAQ_OK);
    CU_ASSERT_EQUAL(w->poison_leases, 3);
    CU_ASSERT_EQUAL(w->recorded, 19);
    CU_ASSERT_EQUAL(w->job.failed, 1);
    CU_ASSERT(w->leases > 40);
    free(w);
}

static void workers_that_always_die_end_the_job(void)
{
    struct world *w = new_world(6);
    struct haq_diag d = {HAQ_OK, ""};
    w->crash = 200;
    run_world(w, 20, 2, &d);
    CU_ASSERT_EQUAL(d.status, HAQ_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "workers in a row"));
    CU_ASSERT_EQUAL(w->recorded, 0);
    free(w);
}

static void tasks_that_always_kill_end_the_job(void)
{
    struct world *w = new_world(8);
    struct haq_diag d = {HAQ_OK, ""};
    w->crash = 0;
    w->hang = 100;
    run_world(w, 50, 1, &d);
    CU_ASSERT_EQUAL(d.status, HAQ_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "10 tasks in a row"));
    free(w);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(whatever_workers_do_each_want_is_told_once_and_right),
        HAQ_TEST(what_drifted_is_measured_again_and_told_again),
        HAQ_TEST(doubts_come_to_an_end),
        HAQ_TEST(the_same_seed_gives_the_same_actions),
        HAQ_TEST(a_poisonous_task_gets_three_leases_and_harms_no_other),
        HAQ_TEST(a_final_error_is_not_tried_again),
        HAQ_TEST(what_the_store_has_is_not_measured),
        HAQ_TEST(a_lease_handed_back_costs_no_attempt),
        HAQ_TEST(workers_that_always_die_end_the_job),
        HAQ_TEST(tasks_that_always_kill_end_the_job),
        CU_TEST_INFO_NULL,
    };
    return run_suite("coordinator/core", tests);
}
