#include "runtime/peaks.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/pages.h"
#include "base/stats.h"
#include "kernels/peak.h"

enum {
    LEAST_NS = 10000000, /* of a run */
    TURNS = 20000,       /* of an arithmetic loop between looks at the clock */
    LINE = 1024,         /* what read loops ask for */
    CHUNK = 1 << 20,     /* bytes read between looks at the clock */
    WAKES = 201,
    SLEEPS = 21,
    SLEEP_NS = 2000000, /* after which pools sleep */
};
/* Memory is read round a buffer so many times as large as the last cache. */
static const uint64_t memory_factor = 4;
static const uint64_t memory_least = 256u << 20, memory_most = 1024u << 20;

const char *const haq_roof_names[HAQ_ROOFS] = {"f32", "dot",     "l1",     "l2",
                                               "l3",  "memory1", "memory4"};
const char *const haq_roof_units[HAQ_ROOFS] = {
    "GFLOP/s", "GOP/s", "GB/s", "GB/s", "GB/s", "GB/s", "GB/s"};

struct haq_peaks {
    struct haq_pool *pool;
    size_t threads;
    const struct haq_peak_impl *f32, *dot, *read;
    size_t part[HAQ_ROOFS]; /* bytes that a thread reads; 0: no such cache */
    char *buffer;
    size_t bytes;
    enum haq_roof what;
    size_t at;    /* in a part of memory: where the next run goes on */
    double *rate; /* [threads] */
};

static size_t lines(uint64_t bytes)
{
    return (size_t)bytes / (4 * LINE) * (4 * LINE);
}

/* Half of a cache, so that nothing else pushes it out; all threads share the
 * last one. */
static void set_parts(struct haq_peaks *p, const struct haq_cache_sizes *c)
{
    uint64_t last = c->l3 ? c->l3 : c->l2, memory = memory_factor * last;
    memory = memory < memory_least ? memory_least : memory;
    memory = memory > memory_most ? memory_most : memory;
    p->part[HAQ_ROOF_F32] = p->part[HAQ_ROOF_DOT] = 1; /* whatever */
    p->part[HAQ_ROOF_L1] = lines(c->l1 / 2);
    p->part[HAQ_ROOF_L2] = lines(c->l2 / 2);
    p->part[HAQ_ROOF_L3] = lines(c->l3 / 2 / p->threads);
    if (p->part[HAQ_ROOF_L3] <= p->part[HAQ_ROOF_L2])
        p->part[HAQ_ROOF_L3] = 0;
    p->part[HAQ_ROOF_MEMORY1] = p->part[HAQ_ROOF_MEMORY4] =
        (size_t)memory / p->threads / CHUNK * CHUNK;
}

haq_status haq_peaks_new(struct haq_peaks **out, struct haq_pool *pool,
                         unsigned isa, const struct haq_cache_sizes *caches,
                         struct haq_diag *d)
{
    struct haq_peaks *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return haq_fail(d, HAQ_NOMEM, "peaks of the machine");
    p->pool = pool;
    p->threads = pool ? haq_pool_threads(pool) : 1;
    p->f32 = haq_peak_select(HAQ_PEAK_F32, isa);
    p->dot = haq_peak_select(HAQ_PEAK_DOT, isa);
    p->read = haq_peak_select(HAQ_PEAK_READ, isa);
    set_parts(p, caches);
    p->bytes = p->part[HAQ_ROOF_MEMORY1] * p->threads;
    p->rate = calloc(p->threads, sizeof *p->rate);
    p->buffer = haq_pages_alloc(p->bytes);
    if (!p->rate || !p->buffer) {
        haq_status s = haq_fail(d, HAQ_NOMEM, "%zu MiB to measure memory with",
                                p->bytes >> 20);
        haq_peaks_free(p);
        return s;
    }
    memset(p->buffer, 1, p->bytes);
    *out = p;
    return HAQ_OK;
}

void haq_peaks_free(struct haq_peaks *p)
{
    if (!p)
        return;
    free(p->buffer);
    free(p->rate);
    free(p);
}

static double compute(const struct haq_peak_impl *row)
{
    uint64_t before = haq_clock_ns(), now;
    double ops = 0;
    do {
        struct haq_peak_work w;
        row->work(&w, TURNS);
        ops += w.ops;
        now = haq_clock_ns();
    } while (now - before < LEAST_NS);
    return ops / (double)(now - before);
}

/* Caches are read round and round; memory goes on where the last run ended, so
 * that no cache holds what it meets. */
static double reads(struct haq_peaks *p, size_t worker)
{
    bool memory = p->what >= HAQ_ROOF_MEMORY1;
    size_t part = p->part[p->what], at = memory ? p->at : 0;
    size_t streams = p->what == HAQ_ROOF_MEMORY1 ? 1 : 4;
    const char *base = p->buffer + worker * part;
    size_t chunk = part < CHUNK ? part : CHUNK;
    size_t repeat = CHUNK / chunk;
    uint64_t before, now;
    double bytes = 0;

    if (!memory)
        p->read->read(base, part, streams);
    before = haq_clock_ns();
    do {
        size_t n = part - at < chunk ? part - at : chunk;
        for (size_t i = 0; i < repeat; i++)
            p->read->read(base + at, n, streams);
        bytes += (double)(n * repeat);
        at = at + n < part ? at + n : 0;
        now = haq_clock_ns();
    } while (now - before < LEAST_NS);
    if (memory && worker == 0)
        p->at = at;
    return bytes / (double)(now - before);
}

static void one_thread(void *arg, size_t begin, size_t end, size_t worker)
{
    struct haq_peaks *p = arg;
    (void)begin, (void)end;
    p->rate[worker] = p->what == HAQ_ROOF_F32   ? compute(p->f32)
                      : p->what == HAQ_ROOF_DOT ? compute(p->dot)
                                                : reads(p, worker);
}

static void run(struct haq_peaks *p, haq_pool_fn *fn)
{
    if (p->pool)
        haq_pool_run(p->pool, p->threads, 1, fn, p);
    else
        fn(p, 0, 1, 0);
}

double haq_peaks_run(struct haq_peaks *p, enum haq_roof what)
{
    double sum = 0;
    if (!p->part[what])
        return 0;
    p->what = what;
    memset(p->rate, 0, p->threads * sizeof *p->rate);
    run(p, one_thread);
    for (size_t i = 0; i < p->threads; i++)
        sum += p->rate[i];
    return sum;
}

static void nothing(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)arg, (void)begin, (void)end, (void)worker;
}

static double wake_us(struct haq_peaks *p, size_t times, long rest_ns)
{
    double us[WAKES];
    for (size_t i = 0; i < times; i++) {
        struct timespec rest = {0, rest_ns};
        if (rest_ns)
            nanosleep(&rest, NULL);
        uint64_t before = haq_clock_ns();
        run(p, nothing);
        us[i] = (double)(haq_clock_ns() - before) * 1e-3;
    }
    return haq_median(us, times).value;
}

void haq_peaks_wake(struct haq_peaks *p, double *spinning_us,
                    double *sleeping_us)
{
    *spinning_us = *sleeping_us = 0;
    if (p->threads < 2)
        return;
    *spinning_us = wake_us(p, WAKES, 0);
    *sleeping_us = wake_us(p, SLEEPS, SLEEP_NS);
}
