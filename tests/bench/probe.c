#include "tests/bench/probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "kernels/peak.h"

enum { LEAST_NS = 10000000, MAX_THREADS = 64, TURNS = 20000 };

static const size_t buffer_bytes[BENCH_LIMITS] = {
    [BENCH_L2] = 1 << 20,
    [BENCH_L3] = 12 << 20,
    [BENCH_DRAM1] = 768u << 20,
    [BENCH_DRAM4] = 768u << 20,
};

const char *const bench_limit_names[BENCH_LIMITS] = {
    "FMA", "int8 dot",      "int8 tiles",    "L2",
    "L3",  "DRAM 1 stream", "DRAM 4 streams"};

struct bench_probe {
    const struct bench_env *env;
    char *buffer; /* all threads' parts, shared by the probes that read */
    const struct haq_peak_impl *read;
    size_t at; /* where the next DRAM probe goes on */
    enum bench_limit what;
    double rate[MAX_THREADS];
};

struct bench_probe *bench_probe_new(const struct bench_env *env)
{
    struct bench_probe *p = calloc(1, sizeof *p);
    size_t bytes = buffer_bytes[BENCH_DRAM1];
    if (!p)
        abort();
    p->env = env;
    p->read = haq_peak_select(HAQ_PEAK_READ, haq_cpu_isa());
    p->buffer = bench_alloc(bytes);
    bench_fill_bytes(p->buffer, bytes, 1);
    return p;
}

void bench_probe_free(struct bench_probe *p)
{
    if (p)
        free(p->buffer);
    free(p);
}

/* The whole machine counts, whatever ours is told to do without. */
static const struct haq_peak_impl *loop_for(enum bench_limit what)
{
    unsigned isa = haq_cpu_isa(), tiles = HAQ_ISA_AMX;
    if (what == BENCH_FMA)
        return haq_peak_select(HAQ_PEAK_F32, isa);
    return haq_peak_select(HAQ_PEAK_DOT,
                           what == BENCH_TILES ? isa : isa & ~tiles);
}

static double compute(enum bench_limit what)
{
    const struct haq_peak_impl *loop = loop_for(what);
    uint64_t before = haq_clock_ns(), now;
    double ops = 0;
    do {
        struct haq_peak_work w;
        loop->work(&w, what == BENCH_TILES ? TURNS / 10 : TURNS);
        ops += w.ops;
        now = haq_clock_ns();
    } while (now - before < LEAST_NS);
    return ops / (double)(now - before);
}

/* Reads in caches go round a buffer of the thread's own; reads of memory go on
 * where the last probe ended, so that no cache holds what they meet. */
static double reads(struct bench_probe *p, size_t worker)
{
    size_t part = buffer_bytes[p->what], streams = 4, chunk = 1 << 20;
    bool dram = p->what == BENCH_DRAM1 || p->what == BENCH_DRAM4;
    size_t from = worker * part, at = 0;

    if (dram) {
        part = part / p->env->threads / chunk * chunk;
        from = worker * part;
        at = p->at % part;
        chunk *= 4;
        streams = p->what == BENCH_DRAM1 ? 1 : 4;
    }
    const char *base = p->buffer + from;
    uint64_t before, now;
    double bytes = 0;
    if (!dram)
        p->read->read(base, part, 4);
    before = haq_clock_ns();
    do {
        size_t n = part - at < chunk ? part - at : chunk;
        p->read->read(base + at, n, streams);
        bytes += (double)n;
        at = at + n < part ? at + n : 0;
        now = haq_clock_ns();
    } while (now - before < LEAST_NS);
    if (worker == 0)
        p->at = dram ? at : p->at;
    return bytes / (double)(now - before);
}

static void one_thread(void *arg, size_t begin, size_t end, size_t worker)
{
    struct bench_probe *p = arg;
    (void)begin, (void)end;
    p->rate[worker] =
        p->what <= BENCH_TILES ? compute(p->what) : reads(p, worker);
}

double bench_probe_run(struct bench_probe *p, enum bench_limit what)
{
    double sum = 0;

    if (what == BENCH_TILES && !p->env->amx)
        return 0;
    p->what = what;
    memset(p->rate, 0, sizeof p->rate);
    if (p->env->pool)
        haq_pool_run(p->env->pool, p->env->threads, 1, one_thread, p);
    else
        one_thread(p, 0, 1, 0);
    for (size_t i = 0; i < MAX_THREADS; i++)
        sum += p->rate[i];
    return sum;
}
