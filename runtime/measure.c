#include "runtime/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/measure_priv.h"

enum { MAX_RUNS = 100000, WINDOW = 3, SPARE = 3 };

struct engine {
    struct haq_meter *meter;
    const struct haq_contestant *contestant;
    struct haq_measured *m;
    uint64_t sample_ns, start_ns, budget_ns;
    double *uj; /* [n] of all samples; NAN: not available */
};

static double run_ms(const struct engine *e, size_t i, size_t runs)
{
    const struct haq_contestant *c = &e->contestant[i];
    uint64_t before = haq_meter_now_ns(e->meter);
    for (size_t k = 0; k < runs; k++)
        c->run(c->arg);
    return (double)(haq_meter_now_ns(e->meter) - before) * 1e-6 / (double)runs;
}

/* ---- warm-up --------------------------------------------------------------
 */

static size_t runs_for(double ms, double each_ms)
{
    double runs = ceil(ms / fmax(each_ms, 1e-6));
    return runs < 1 ? 1 : runs > MAX_RUNS ? MAX_RUNS : (size_t)runs;
}

static double window_ms(const struct engine *e, size_t i, size_t runs)
{
    double ms[WINDOW];
    for (size_t k = 0; k < WINDOW; k++)
        ms[k] = run_ms(e, i, runs);
    return haq_median(ms, WINDOW).value;
}

/* Run until the median of a window is that of the one before by 1 %, for an
 * eighth of the budget at most; every window is twice as long as the one
 * before, so that a slow approach does not pass for rest.  Then find how many
 * runs make a sample. */
static bool warm_up(const struct engine *e, size_t i)
{
    double length = (double)e->sample_ns * 1e-6;
    uint64_t start = haq_meter_now_ns(e->meter);
    uint64_t limit = e->budget_ns / 8 / e->m->n;
    double ms = run_ms(e, i, 1), before;
    size_t runs = runs_for(length / 16, ms);
    bool settled = false;
    do {
        before = ms;
        ms = window_ms(e, i, runs);
        settled = fabs(ms / before - 1) < 0.01;
        runs = 2 * runs < MAX_RUNS ? 2 * runs : MAX_RUNS;
    } while (!settled && haq_meter_now_ns(e->meter) - start < limit);
    e->m->runs[i] = e->m->cold ? 1 : runs_for(length, ms);
    return settled;
}

/* ---- rounds ---------------------------------------------------------------
 */

static double sample_ms(const struct engine *e, size_t i)
{
    double uj = NAN;
    if (e->m->cold)
        haq_sweep(e->meter->sweep);
    else
        e->contestant[i].run(e->contestant[i].arg);
    haq_energy_uj(&e->meter->energy, &uj);
    double ms = run_ms(e, i, e->m->runs[i]);
    if (!haq_energy_uj(&e->meter->energy, &uj))
        uj = NAN;
    e->uj[i] += uj;
    return ms;
}

static void one_round(const struct engine *e)
{
    struct haq_measured *m = e->m;
    double *ms = m->ms + m->rounds * m->n * 2;
    for (size_t i = 0; i < m->n; i++)
        if (e->contestant[i].turn)
            e->contestant[i].turn(e->contestant[i].arg, m->rounds);
    for (size_t k = 0; k < 2 * m->n; k++) {
        bool back = k >= m->n;
        size_t step = back ? 2 * m->n - 1 - k : k;
        size_t i = (m->rounds + step) % m->n;
        ms[2 * i + back] = sample_ms(e, i);
    }
    haq_witnesses_read(e->meter->witnesses, &m->reading[m->rounds + 1]);
    m->rounds++;
}

static bool out_of_time(const struct engine *e, size_t least)
{
    return e->m->rounds == e->m->room ||
           (haq_meter_now_ns(e->meter) - e->start_ns > e->budget_ns &&
            (e->m->counted >= least || e->m->rounds >= 2 * least));
}

/* ---- memory ---------------------------------------------------------------
 */

static haq_status allocate(struct haq_measured *m, size_t n, size_t room,
                           struct haq_diag *d)
{
    *m = (struct haq_measured){.n = n, .room = room, .pairs = n * (n - 1) / 2};
    m->latency = calloc(n, sizeof *m->latency);
    m->pair = calloc(m->pairs + 1, sizeof *m->pair);
    m->runs = calloc(n, sizeof *m->runs);
    m->ms = calloc(room * n, 2 * sizeof *m->ms);
    m->reading = calloc(room + 1, sizeof *m->reading);
    m->disturbed = calloc(room, sizeof *m->disturbed);
    if (m->latency && m->pair && m->runs && m->ms && m->reading && m->disturbed)
        return HAQ_OK;
    haq_measured_fini(m);
    return haq_fail(d, HAQ_NOMEM, "%zu rounds of %zu contestants", room, n);
}

void haq_measured_fini(struct haq_measured *m)
{
    free(m->latency);
    free(m->pair);
    free(m->runs);
    free(m->ms);
    free(m->reading);
    free(m->disturbed);
    *m = (struct haq_measured){0};
}

/* ---- all ------------------------------------------------------------------
 */

/* Long enough for the clock, short enough for a dozen rounds. */
static uint64_t sample_length(const struct haq_measure_options *opt,
                              uint64_t budget_ns, size_t n)
{
    enum { USUAL = 1000000, LEAST = 100000, ROUNDS = 24 };
    uint64_t fits = budget_ns / (2 * n * ROUNDS);
    if (opt->min_sample_ns)
        return opt->min_sample_ns;
    return fits < LEAST ? LEAST : fits < USUAL ? fits : USUAL;
}

static void spread_energy(const struct engine *e)
{
    const struct haq_measured *m = e->m;
    for (size_t i = 0; i < m->n; i++)
        m->latency[i].mj =
            e->uj[i] * 1e-3 / (double)(2 * m->rounds * m->runs[i]);
}

haq_status haq_measure(struct haq_measured *out, struct haq_meter *meter,
                       const struct haq_contestant *contestant, size_t n,
                       const struct haq_measure_options *opt,
                       struct haq_diag *d)
{
    uint64_t budget = opt->budget_ns ? opt->budget_ns : 2000000000;
    struct haq_judge judge = {.scratch = NULL};
    struct engine e = {meter,
                       contestant,
                       out,
                       sample_length(opt, budget, n),
                       haq_meter_now_ns(meter),
                       budget,
                       calloc(n, sizeof *e.uj)};
    haq_status s = haq_judge_init(&judge, meter, opt, n, d);
    if (s == HAQ_OK)
        s = allocate(out, n, SPARE * judge.most, d);
    else
        *out = (struct haq_measured){0};
    if (s == HAQ_OK && !e.uj)
        s = haq_fail(d, HAQ_NOMEM, "%zu contestants", n);
    if (s == HAQ_OK && opt->cold)
        s = haq_meter_make_sweep(meter, d);
    if (s != HAQ_OK)
        goto done;

    out->cold = opt->cold;
    out->settled = true;
    for (size_t i = 0; i < n; i++)
        out->settled &= warm_up(&e, i);
    haq_witnesses_read(meter->witnesses, &out->reading[0]);
    do
        one_round(&e);
    while (!haq_judge_enough(&judge, out) && !out_of_time(&e, judge.least));
    haq_judge_conclude(&judge, out);
    spread_energy(&e);
done:
    if (s != HAQ_OK)
        haq_measured_fini(out);
    haq_judge_fini(&judge);
    free(e.uj);
    return s;
}

static void run_exec(void *arg)
{
    haq_exec_run(arg);
}

struct haq_contestant haq_exec_contestant(struct haq_exec *e)
{
    return (struct haq_contestant){run_exec, e, NULL};
}

/* ---- the device's lock ----------------------------------------------------
 */

haq_status haq_device_lock(int *fd, struct haq_diag *d)
{
    const char *run = getenv("XDG_RUNTIME_DIR");
    char path[512];

    if (run && run[0] == '/')
        snprintf(path, sizeof path, "%s/haqfleet-cpu.lock", run);
    else
        snprintf(path, sizeof path, "/tmp/haqfleet-%u-cpu.lock",
                 (unsigned)getuid());
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return haq_fail(d, HAQ_IO, "open %s: %s", path, strerror(errno));
    while (flock(*fd, LOCK_EX))
        if (errno != EINTR) {
            close(*fd);
            return haq_fail(d, HAQ_IO, "lock %s: %s", path, strerror(errno));
        }
    return HAQ_OK;
}

void haq_device_unlock(int fd)
{
    close(fd);
}
