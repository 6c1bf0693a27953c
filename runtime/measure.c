#include "runtime/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { MIN_ROUNDS = 11, MAX_ROUNDS = 101, MAX_RUNS = 100000 };

struct rounds {
    size_t n, count; /* plans; rounds so far */
    size_t *runs;    /* [n] runs of one sample */
    double *ms;      /* [n][max] */
    double *ratio;   /* [n][max] time of plan 0 / time of this plan */
    double *sorted;  /* [max] scratch */
    size_t max;
    size_t disturbed; /* rounds in which a thread was preempted */
};

static long preemptions(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_nivcsw;
}

static double time_ms(struct haq_exec *e, size_t runs)
{
    uint64_t before = haq_clock_ns();
    for (size_t i = 0; i < runs; i++)
        haq_exec_run(e);
    return (double)(haq_clock_ns() - before) * 1e-6 / (double)runs;
}

/* Warm up, and find how many runs make a sample of min_ns. */
static size_t runs_per_sample(struct haq_exec *e, uint64_t min_ns)
{
    double ms = INFINITY, floor_ms = (double)min_ns * 1e-6;
    for (int i = 0; i < 5; i++)
        ms = fmin(ms, time_ms(e, 1));
    double runs = ceil(floor_ms / fmax(ms, 1e-6));
    return runs < 1 ? 1 : runs > MAX_RUNS ? MAX_RUNS : (size_t)runs;
}

/* Forwards in even rounds, backwards in odd ones: what drifts during a round
 * falls on both sides alike. */
static void one_round(struct rounds *r, struct haq_exec *const *exec)
{
    long before = preemptions();
    for (size_t k = 0; k < r->n; k++) {
        size_t i = r->count % 2 ? r->n - 1 - k : k;
        r->ms[i * r->max + r->count] = time_ms(exec[i], r->runs[i]);
    }
    for (size_t i = 0; i < r->n; i++)
        r->ratio[i * r->max + r->count] =
            r->ms[r->count] / r->ms[i * r->max + r->count];
    r->disturbed += preemptions() != before;
    r->count++;
}

static struct haq_interval median_of(const struct rounds *r, const double *x)
{
    memcpy(r->sorted, x, r->count * sizeof *x);
    return haq_median(r->sorted, r->count);
}

static double half_width(struct haq_interval v)
{
    return (v.high - v.low) / 2 / fmax(v.value, 1e-12);
}

static bool precise(const struct rounds *r, double target)
{
    for (size_t i = 0; i < r->n; i++)
        if (half_width(median_of(r, r->ms + i * r->max)) > target ||
            half_width(median_of(r, r->ratio + i * r->max)) > target)
            return false;
    return true;
}

static const char *verdict(const struct rounds *r, struct haq_interval v,
                           double target)
{
    if (2 * r->disturbed > r->count)
        return "disturbed";
    return half_width(v) > 3 * target ? "noisy" : "valid";
}

static haq_status allocate(struct rounds *r, struct haq_diag *d)
{
    r->runs = calloc(r->n, sizeof *r->runs);
    r->ms = calloc(r->n * r->max, sizeof *r->ms);
    r->ratio = calloc(r->n * r->max, sizeof *r->ratio);
    r->sorted = calloc(r->max, sizeof *r->sorted);
    if (r->runs && r->ms && r->ratio && r->sorted)
        return HAQ_OK;
    return haq_fail(d, HAQ_NOMEM, "%zu rounds of %zu plans", r->max, r->n);
}

haq_status haq_measure(struct haq_latency *out, struct haq_exec *const *exec,
                       size_t n, const struct haq_measure_options *opt,
                       struct haq_diag *d)
{
    struct rounds r = {.n = n,
                       .max = opt->max_rounds ? opt->max_rounds : MAX_ROUNDS};
    size_t least = opt->min_rounds ? opt->min_rounds : MIN_ROUNDS;
    uint64_t sample = opt->min_sample_ns ? opt->min_sample_ns : 1000000;
    uint64_t budget = opt->budget_ns ? opt->budget_ns : 2000000000;
    double target = opt->target_half_width > 0 ? opt->target_half_width : 0.01;
    haq_status s;

    r.max = r.max > least ? r.max : least;
    s = allocate(&r, d);
    if (s != HAQ_OK)
        goto done;
    uint64_t start = haq_clock_ns();
    for (size_t i = 0; i < n; i++)
        r.runs[i] = runs_per_sample(exec[i], sample);
    while (r.count < r.max) {
        one_round(&r, exec);
        if (r.count >= least &&
            (haq_clock_ns() - start > budget || precise(&r, target)))
            break;
    }
    for (size_t i = 0; i < n; i++) {
        out[i].ms = median_of(&r, r.ms + i * r.max);
        out[i].ratio = median_of(&r, r.ratio + i * r.max);
        out[i].rounds = r.count;
        out[i].verdict = verdict(&r, out[i].ratio, target);
    }
done:
    free(r.runs);
    free(r.ms);
    free(r.ratio);
    free(r.sorted);
    return s;
}

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
