#include "tests/bench/harness.h"

#include <dirent.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/stats.h"

enum { BATCH_NS = 2500000, MAX_CALLS = 1 << 20, TRIES = 4, FIFO_PRIORITY = 10 };
enum { BURST_MS = 15000, BREATH_MS = 200 };

static void rest(unsigned ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    if (ms)
        nanosleep(&t, NULL);
}

static long preemptions(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_nivcsw;
}

static void add(struct bench_sample *s, double v)
{
    if (s->n < BENCH_MAX_ROUNDS)
        s->at[s->n++] = v;
}

/* ---- threads of the whole process, whoever made them ----------------------
 */

typedef void thread_fn(pid_t tid, size_t index, const void *arg);

static void each_thread(thread_fn *fn, const void *arg)
{
    DIR *dir = opendir("/proc/self/task");
    size_t others = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        pid_t tid = (pid_t)atoi(e->d_name);
        if (tid > 0)
            fn(tid, tid == getpid() ? 0 : ++others, arg);
    }
    if (dir)
        closedir(dir);
}

/* Main first; every library's workers share what is left, as each library is
 * alone while it is timed. */
static void pin(pid_t tid, size_t index, const void *arg)
{
    const struct bench_rules *r = arg;
    cpu_set_t set;
    size_t workers = r->threads - 1;
    size_t at = index && workers ? 1 + (index - 1) % workers : 0;
    CPU_ZERO(&set);
    CPU_SET((size_t)r->cpu[at], &set);
    sched_setaffinity(tid, sizeof set, &set);
}

static void prioritize(pid_t tid, size_t index, const void *arg)
{
    const int *policy = arg;
    struct sched_param p = {*policy == SCHED_FIFO ? FIFO_PRIORITY : 0};
    (void)index;
    sched_setscheduler(tid, *policy, &p);
}

static void enter(const struct bench_rules *r)
{
    int fifo = SCHED_FIFO;
    if (r->lock >= 0)
        flock(r->lock, LOCK_EX);
    each_thread(pin, r);
    if (r->fifo)
        each_thread(prioritize, &fifo);
}

static void leave(const struct bench_rules *r)
{
    int other = SCHED_OTHER;
    if (r->fifo)
        each_thread(prioritize, &other);
    if (r->lock >= 0)
        flock(r->lock, LOCK_UN);
}

/* ---- one heat -------------------------------------------------------------
 */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Let others run when a burst of real-time priority has lasted. */
static void breathe(const struct bench_rules *r, uint64_t *since)
{
    if (now_ms() - *since < BURST_MS)
        return;
    leave(r);
    rest(BREATH_MS);
    enter(r);
    *since = now_ms();
}

static size_t calls_of_batch(const struct bench_entry *e)
{
    uint64_t ns = 1, calls = 1;
    e->run(e->self, 1);
    while ((ns = e->run(e->self, calls)) < BATCH_NS / 4 && calls < MAX_CALLS)
        calls *= 2;
    double each = (double)ns / (double)calls;
    double n = ceil(BATCH_NS / (each > 1 ? each : 1));
    return n < 1 ? 1 : n > MAX_CALLS ? MAX_CALLS : (size_t)n;
}

static void one_batch(struct bench_heat *h, size_t i, size_t calls,
                      unsigned rest_ms)
{
    const struct bench_entry *e = &h->entry[i];
    for (int try = 0; try < TRIES; try++) {
        e->run(e->self, 1 + calls / 8);
        long before = preemptions();
        uint64_t ns = e->run(e->self, calls);
        if (preemptions() == before) {
            add(&h->time[i], (double)ns * 1e-3 / (double)calls);
            break;
        }
    }
    rest(rest_ms);
}

/* What a heat's verdicts need: caches and memory only where weights matter. */
static bool wanted(const struct bench_heat *h, enum bench_limit what)
{
    if (what <= BENCH_TILES)
        return true;
    const struct bench_shape *s = h->entry[0].work.shape;
    return s->m == 1 && (what >= BENCH_DRAM1) == s->cold;
}

static void probe_limits(struct bench_heat *h, struct bench_probe *probe)
{
    for (enum bench_limit l = 0; l < BENCH_LIMITS; l++) {
        long before = preemptions();
        double rate = wanted(h, l) ? bench_probe_run(probe, l) : 0;
        if (rate > 0 && preemptions() == before)
            add(&h->limit[l], rate);
    }
}

void bench_heat_run(struct bench_heat *h, const struct bench_rules *rules,
                    struct bench_probe *probe)
{
    size_t *calls = calloc(h->n + 1, sizeof *calls);
    uint64_t since = now_ms();

    if (!calls)
        abort();
    for (size_t i = 0; i < h->n; i++)
        h->entry[i].run(h->entry[i].self, 1); /* makes its threads */
    enter(rules);
    for (size_t i = 0; i < h->n; i++) {
        calls[i] = calls_of_batch(&h->entry[i]);
        rest(rules->threads > 1 ? h->entry[i].rest_ms : 0);
    }
    for (size_t round = 0; round < rules->rounds; round++) {
        for (size_t k = 0; k < h->n; k++) {
            size_t i = round % 2 ? h->n - 1 - k : k;
            one_batch(h, i, calls[i],
                      rules->threads > 1 ? h->entry[i].rest_ms : 0);
            breathe(rules, &since);
        }
        probe_limits(h, probe);
    }
    leave(rules);
    free(calls);
}

void bench_heat_fini(struct bench_heat *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->entry[i].free(h->entry[i].self);
    free(h->entry);
    free(h->time);
    *h = (struct bench_heat){0};
}

static struct bench_result summary(const struct bench_sample *s, bool highest)
{
    double x[BENCH_MAX_ROUNDS];
    if (!s->n)
        return (struct bench_result){0};
    memcpy(x, s->at, s->n * sizeof *x);
    double median = haq_median(x, s->n).value; /* sorts */
    return (struct bench_result){median, highest ? x[s->n - 1] : x[0], s->n};
}

struct bench_result bench_time(const struct bench_sample *s)
{
    return summary(s, false);
}

struct bench_result bench_rate(const struct bench_sample *s)
{
    return summary(s, true);
}
