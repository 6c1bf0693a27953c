/* One network, ready to run, timed on demand: the half of bench_ort.py that is
 * ours.  Every line of the input is a number of seconds; the answer is a line
 * with the median and the best time of a run in ms, of the runs of that span
 * in which no thread of the process was preempted (or one run, if none).
 *
 *     haq-bench-network MODEL DATA.npz THREADS BATCH [RECIPE.json]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/stats.h"
#include "tests/bench/loaded.h"

enum { MAX_RUNS = 1 << 16, WARM_UP = 3 };

struct network {
    struct bench_network loaded;
    struct haq_pool *pool;
    struct haq_exec *exec;
};

static haq_status prepare(struct network *n, int argc, char **argv,
                          struct haq_diag *d)
{
    haq_status s =
        bench_network_load(&n->loaded, argv[1], (size_t)atoi(argv[4]),
                           argc > 5 ? argv[5] : NULL, d);
    if (s == HAQ_OK)
        s = haq_pool_new(&n->pool, (size_t)atoi(argv[3]), d);
    if (s == HAQ_OK)
        haq_pool_pin_caller(n->pool);
    if (s == HAQ_OK)
        s = haq_exec_new(&n->exec, n->loaded.plan, n->pool, d);
    return s == HAQ_OK ? bench_network_feed(&n->loaded, n->exec, argv[2], d)
                       : s;
}

static long preemptions(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_nivcsw;
}

static void answer(struct haq_exec *e, double seconds, double *ms)
{
    uint64_t end = haq_clock_ns() + (uint64_t)(seconds * 1e9);
    size_t runs = 0;
    double best = 0;
    for (int i = 0; i < WARM_UP; i++)
        haq_exec_run(e);
    while (runs < MAX_RUNS && (!runs || haq_clock_ns() < end)) {
        long before = preemptions();
        uint64_t start = haq_clock_ns();
        haq_exec_run(e);
        ms[runs] = (double)(haq_clock_ns() - start) * 1e-6;
        if (preemptions() != before && haq_clock_ns() < end)
            continue;
        best = runs && best < ms[runs] ? best : ms[runs];
        runs++;
    }
    printf("%.6f %.6f\n", haq_median(ms, runs).value, best);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct network n = {0};
    struct haq_diag d = {0};
    char line[64];
    double *ms = malloc(MAX_RUNS * sizeof *ms);

    if (argc < 5 || !ms) {
        fprintf(stderr, "usage: haq-bench-network MODEL DATA.npz THREADS BATCH "
                        "[RECIPE.json]\n");
        return 2;
    }
    if (prepare(&n, argc, argv, &d) != HAQ_OK) {
        fprintf(stderr, "%s\n", d.text);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        answer(n.exec, strtod(line, NULL), ms);
    return 0; /* the system takes the rest back */
}
