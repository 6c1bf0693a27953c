/* Hand-over without locks.  Each worker has a ticket that the owner increments
 * to start it, with the job in the same cache line; `pending` counts the
 * workers that have not finished.  Whoever waits spins first and then sleeps in
 * a futex on the very word it waits for, having raised a flag, so that nobody
 * pays for a wake-up call in vain. */
#include "base/thread.h"

#include <assert.h>
#include <hwloc.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/clock.h"

enum { CACHE_LINE = 64, SPIN_NS = 50000, THREADS_MAX = 1024 };

/* A word that one thread waits on. */
struct event {
    atomic_uint word;
    atomic_bool asleep;
};

struct job {
    haq_pool_fn *fn;
    void *arg;
    size_t n, grain;
    size_t shares; /* workers that take part */
    bool dynamic;
};

struct worker {
    _Alignas(CACHE_LINE) struct event ticket;
    struct job job; /* written by the owner before the ticket */
    _Alignas(CACHE_LINE) struct haq_pool *pool;
    size_t index;
    unsigned seen; /* the ticket that was served last */
    pthread_t thread;
    bool started;
};
_Static_assert(offsetof(struct worker, pool) == CACHE_LINE,
               "a job comes with its ticket");

struct haq_pool {
    struct worker *workers; /* [threads]; 0 is the caller */
    size_t threads;
    uint64_t spin_ns;
    hwloc_topology_t topology;
    hwloc_cpuset_t *cores; /* [n_cores] one hardware thread of each */
    size_t n_cores;
    hwloc_bitmap_t unpinned; /* the caller's CPUs before it was pinned */
    bool stop;               /* written while no worker runs */
    _Alignas(CACHE_LINE) struct event pending;
    _Alignas(CACHE_LINE) atomic_size_t next; /* dynamic: first not taken */
};

static void relax(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

/* Return the word as soon as it differs from `old`. */
static unsigned event_wait(struct event *e, unsigned old, uint64_t spin_ns)
{
    enum { SPINS_PER_LOOK = 32 };
    unsigned now;
    uint64_t start = 0;

    do {
        for (int i = 0; spin_ns && i < SPINS_PER_LOOK; i++) {
            now = atomic_load_explicit(&e->word, memory_order_acquire);
            if (now != old)
                return now;
            relax();
        }
        start = start ? start : haq_clock_ns();
    } while (spin_ns && haq_clock_ns() - start < spin_ns);
    atomic_store(&e->asleep, true);
    while ((now = atomic_load(&e->word)) == old)
        syscall(SYS_futex, &e->word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
    atomic_store_explicit(&e->asleep, false, memory_order_relaxed);
    return now;
}

/* After the word was changed (sequentially consistent). */
static void event_wake(struct event *e)
{
    if (atomic_load(&e->asleep))
        syscall(SYS_futex, &e->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void run_share(struct haq_pool *p, const struct job *j, size_t worker)
{
    if (!j->dynamic) {
        size_t chunks = (j->n - 1) / j->grain + 1;
        size_t each = chunks / j->shares, more = chunks % j->shares;
        size_t first = worker * each + (worker < more ? worker : more);
        size_t last = first + each + (worker < more);
        j->fn(j->arg, first * j->grain, last == chunks ? j->n : last * j->grain,
              worker);
        return;
    }
    for (;;) {
        size_t begin =
            atomic_fetch_add_explicit(&p->next, j->grain, memory_order_relaxed);
        if (begin >= j->n)
            return;
        size_t left = j->n - begin;
        j->fn(j->arg, begin, begin + (left < j->grain ? left : j->grain),
              worker);
    }
}

static void pin(const struct haq_pool *p, size_t worker)
{
    /* With more threads than cores the scheduler does better.  A refusal costs
     * speed only. */
    if (p->threads <= p->n_cores)
        hwloc_set_cpubind(p->topology, p->cores[worker], HWLOC_CPUBIND_THREAD);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct haq_pool *p = w->pool;

    pin(p, w->index);
    for (;;) {
        w->seen = event_wait(&w->ticket, w->seen, p->spin_ns);
        if (p->stop)
            return NULL;
        run_share(p, &w->job, w->index);
        if (atomic_fetch_sub(&p->pending.word, 1) == 1)
            event_wake(&p->pending);
    }
}

static void dispatch(struct haq_pool *p, const struct job *job)
{
    atomic_store_explicit(&p->pending.word, (unsigned)job->shares - 1,
                          memory_order_relaxed);
    for (size_t i = 1; i < job->shares; i++) {
        p->workers[i].job = *job;
        atomic_fetch_add(&p->workers[i].ticket.word, 1);
        event_wake(&p->workers[i].ticket);
    }
}

static void run(struct haq_pool *p, struct job job)
{
    assert(job.grain);
    if (job.n == 0)
        return;
    size_t chunks = (job.n - 1) / job.grain + 1;
    job.shares = chunks < p->threads ? chunks : p->threads;
    if (job.shares == 1) {
        job.fn(job.arg, 0, job.n, 0);
        return;
    }
    /* `next` goes past n by a grain for each share: clamp so that the sum
     * cannot wrap. */
    assert(job.n <= SIZE_MAX / 2 && job.grain <= SIZE_MAX / 4 / job.shares);
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    dispatch(p, &job);
    run_share(p, &job, 0);
    for (unsigned left = atomic_load(&p->pending.word); left;)
        left = event_wait(&p->pending, left, p->spin_ns);
}

void haq_pool_run(struct haq_pool *p, size_t n, size_t grain, haq_pool_fn *fn,
                  void *arg)
{
    run(p, (struct job){.fn = fn, .arg = arg, .n = n, .grain = grain});
}

void haq_pool_run_dynamic(struct haq_pool *p, size_t n, size_t grain,
                          haq_pool_fn *fn, void *arg)
{
    run(p, (struct job){
               .fn = fn, .arg = arg, .n = n, .grain = grain, .dynamic = true});
}

/* Only cores that the calling thread may use, which is also what the cgroup's
 * cpuset leaves. */
static hwloc_topology_t load_topology(void)
{
    hwloc_topology_t t;
    hwloc_bitmap_t mine = hwloc_bitmap_alloc();
    bool loaded = mine && !hwloc_topology_init(&t);

    if (loaded) {
        hwloc_topology_set_all_types_filter(t, HWLOC_TYPE_FILTER_KEEP_NONE);
        hwloc_topology_set_type_filter(t, HWLOC_OBJ_CORE,
                                       HWLOC_TYPE_FILTER_KEEP_ALL);
        if (hwloc_topology_load(t)) {
            hwloc_topology_destroy(t);
            loaded = false;
        } else if (!hwloc_get_cpubind(t, mine, HWLOC_CPUBIND_THREAD)) {
            hwloc_topology_restrict(t, mine, 0);
        }
    }
    hwloc_bitmap_free(mine);
    return loaded ? t : NULL;
}

/* Machines that hide their cores (some virtual ones) show hardware threads. */
static hwloc_obj_type_t core_type(hwloc_topology_t t, size_t *count)
{
    int n = hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_CORE);
    hwloc_obj_type_t type = n > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
    if (n <= 0)
        n = hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_PU);
    *count = n > 0 ? (size_t)n : 1;
    return type;
}

/* CPUs that a cgroup's bandwidth limit amounts to; SIZE_MAX without limit. */
static size_t cgroup_quota(void)
{
    uint64_t milli = haq_cgroup_quota_here();
    if (!milli)
        return SIZE_MAX;
    return milli < 1000 ? 1 : (size_t)(milli / 1000);
}

static size_t usable(size_t n_cores)
{
    size_t quota = cgroup_quota();
    return n_cores < quota ? n_cores : quota;
}

size_t haq_cores_allowed(void)
{
    size_t n = 1;
    hwloc_topology_t t = load_topology();
    if (t) {
        core_type(t, &n);
        hwloc_topology_destroy(t);
    }
    return usable(n);
}

static haq_status find_cores(struct haq_pool *p, struct haq_diag *d)
{
    p->topology = load_topology();
    if (!p->topology)
        return haq_fail(d, HAQ_IO, "hwloc cannot read this machine's topology");

    hwloc_obj_type_t type = core_type(p->topology, &p->n_cores);
    p->cores = calloc(p->n_cores, sizeof(hwloc_cpuset_t));
    if (!p->cores)
        return haq_fail(d, HAQ_NOMEM, "thread pool: out of memory");
    for (size_t i = 0; i < p->n_cores; i++) {
        hwloc_obj_t core =
            hwloc_get_obj_by_type(p->topology, type, (unsigned)i);
        p->cores[i] = core ? hwloc_bitmap_dup(core->cpuset) : NULL;
        if (!p->cores[i])
            return haq_fail(d, HAQ_NOMEM, "thread pool: out of memory");
        hwloc_bitmap_singlify(p->cores[i]);
    }
    return HAQ_OK;
}

static haq_status start_workers(struct haq_pool *p, struct haq_diag *d)
{
    size_t bytes = p->threads * sizeof *p->workers;
    p->workers = aligned_alloc(CACHE_LINE, bytes);
    if (!p->workers)
        return haq_fail(d, HAQ_NOMEM, "thread pool: out of memory");
    memset(p->workers, 0, bytes);
    for (size_t i = 1; i < p->threads; i++) {
        struct worker *w = &p->workers[i];
        w->pool = p;
        w->index = i;
        int error = pthread_create(&w->thread, NULL, worker_main, w);
        if (error)
            return haq_fail(d, HAQ_IO, "start thread %zu of %zu: %s", i + 1,
                            p->threads, strerror(error));
        w->started = true;
    }
    return HAQ_OK;
}

haq_status haq_pool_new(struct haq_pool **out, size_t threads,
                        struct haq_diag *d)
{
    struct haq_pool *p = NULL;
    haq_status s = HAQ_OK;

    if (threads > THREADS_MAX)
        return haq_fail(d, HAQ_INVALID, "%zu threads are more than %d", threads,
                        THREADS_MAX);
    p = aligned_alloc(CACHE_LINE, sizeof *p);
    if (!p)
        return haq_fail(d, HAQ_NOMEM, "thread pool: out of memory");
    memset(p, 0, sizeof *p);
    s = find_cores(p, d);
    if (s)
        goto done;
    p->threads = threads ? threads : usable(p->n_cores);
    /* Spinning would take the core from the thread that is waited for. */
    p->spin_ns = p->threads <= usable(p->n_cores) ? SPIN_NS : 0;
    s = start_workers(p, d);
    if (s)
        goto done;
    *out = p;
    p = NULL;
done:
    haq_pool_free(p);
    return s;
}

void haq_pool_free(struct haq_pool *p)
{
    if (!p)
        return;
    p->stop = true;
    for (size_t i = 1; p->workers && i < p->threads; i++) {
        struct worker *w = &p->workers[i];
        if (!w->started)
            continue;
        atomic_fetch_add(&w->ticket.word, 1);
        event_wake(&w->ticket);
        pthread_join(w->thread, NULL);
    }
    free(p->workers);
    for (size_t i = 0; p->cores && i < p->n_cores; i++)
        hwloc_bitmap_free(p->cores[i]);
    free(p->cores);
    haq_pool_unpin_caller(p);
    if (p->topology)
        hwloc_topology_destroy(p->topology);
    free(p);
}

size_t haq_pool_threads(const struct haq_pool *p)
{
    return p->threads;
}

void haq_pool_pin_caller(struct haq_pool *p)
{
    if (!p->unpinned) {
        p->unpinned = hwloc_bitmap_alloc();
        if (!p->unpinned ||
            hwloc_get_cpubind(p->topology, p->unpinned, HWLOC_CPUBIND_THREAD))
            return;
    }
    pin(p, 0);
}

void haq_pool_unpin_caller(struct haq_pool *p)
{
    if (p->unpinned)
        hwloc_set_cpubind(p->topology, p->unpinned, HWLOC_CPUBIND_THREAD);
    hwloc_bitmap_free(p->unpinned);
    p->unpinned = NULL;
}
