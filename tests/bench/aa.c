/* Does the measurement keep its promises on this machine?
 *
 *     haq-bench-aa [--quick] [--planted|--neighbours] [--seconds S] [--threads
 * N]
 *                  [--lock FILE] MODEL DATA.npz [RECIPE.json]
 *
 *   A/A        the same network against itself: how often is it called
 *              different?  Promised: 5 %, that is at most 64 of 1,000.
 *   planted    against itself with 3 % of its time spun away in addition: how
 *              often is the slower one found?  Promised: at least 95 %.
 *   neighbour  both again, beside processes that disturb: is every result
 *              flagged or still right?  Promised: at least 99 % of 200.
 *
 * Every comparison has contexts of its own and is what `haq bench` does.
 * --quick: 100, 60 and 50 comparisons; --planted, --neighbours: those only;
 * --seconds: none starts after that; --lock FILE takes turns with other benches
 * on the machine, comparison by comparison.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/clock.h"
#include "runtime/copies.h"
#include "tests/bench/loaded.h"
#include "tests/bench/neighbour.h"

enum { PROCESSES_MAX = 8 };
static const double planted = 0.03;
/* For a calm machine; beside neighbours that never rest nobody waits long. */
static const uint64_t PATIENCE_NS = UINT64_C(500000000);

struct bench {
    struct bench_network network;
    struct haq_pool *pool;
    struct haq_meter *meter;
    const char *data;
    double run_ms;
    uint64_t end_ns; /* nothing starts after it */
    int lock;        /* descriptor, or -1 */
};

/* A contestant of `haq bench` that spins for a while after each run. */
struct slowed {
    struct haq_copies copies;
    uint64_t spin_ns;
};

static void run_slowed(void *arg)
{
    struct slowed *s = arg;
    haq_copies_run(&s->copies);
    if (!s->spin_ns)
        return;
    uint64_t end = haq_clock_ns() + s->spin_ns;
    while (haq_clock_ns() < end)
        ;
}

static void turn_slowed(void *arg, size_t round)
{
    struct slowed *s = arg;
    haq_copies_turn(&s->copies, round);
}

/* What became of many comparisons. */
struct tally {
    int n, different, flagged, wrong;
    int verdict[4];
    size_t rounds, dropped;
    char example[HAQ_REASON];      /* of a flag */
    struct haq_interval wrong_one; /* the ratio that was wrong last */
};

static const char *const verdicts[] = {"valid", "noisy", "throttled",
                                       "disturbed"};

/* Does the result exclude the truth?  For a slowdown: half of it, since it was
 * calibrated on another day. */
static bool is_wrong(const struct haq_pair *p, double slowdown)
{
    if (slowdown == 0)
        return p->different;
    return p->ratio.low > 1 / (1 + slowdown / 2) || p->ratio.high < 0.9;
}

static void count(struct tally *t, const struct haq_measured *m,
                  double slowdown)
{
    const struct haq_pair *p = &m->pair[0];
    const struct haq_latency *l = &m->latency[1];
    bool flagged = strcmp(l->verdict, "valid") != 0;
    t->n++;
    t->different += p->different && (slowdown == 0 || p->ratio.high < 1);
    t->flagged += flagged;
    if (!flagged && is_wrong(p, slowdown)) {
        t->wrong++;
        t->wrong_one = p->ratio;
    }
    t->rounds += m->rounds;
    t->dropped += m->rounds - m->counted;
    for (int i = 0; i < 4; i++)
        t->verdict[i] += !strcmp(l->verdict, verdicts[i]);
    if (flagged)
        memcpy(t->example, l->reason, sizeof t->example);
}

static haq_status compare(struct bench *b, double slowdown, struct tally *t,
                          struct haq_diag *d)
{
    struct slowed side[2] = {{.spin_ns = 0}, {.spin_ns = 0}};
    struct haq_contestant c[2];
    struct haq_measure_options opt = {.budget_ns = 4000000000};
    struct haq_measured m;
    haq_status s = HAQ_OK;
    for (int i = 0; s == HAQ_OK && i < 2; i++) {
        s = haq_copies_init(&side[i].copies, b->network.plan, b->pool, d);
        for (size_t k = 0; s == HAQ_OK && k < side[i].copies.n; k++)
            s = bench_network_feed(&b->network, side[i].copies.exec[k], b->data,
                                   d);
        side[i].copies.stagger = (size_t)i;
        c[i] = (struct haq_contestant){run_slowed, &side[i], turn_slowed};
    }
    side[1].spin_ns = (uint64_t)(slowdown * b->run_ms * 1e6);
    if (b->lock >= 0)
        flock(b->lock, LOCK_EX);
    if (s == HAQ_OK) {
        haq_meter_wait(b->meter, PATIENCE_NS);
        s = haq_measure(&m, b->meter, c, 2, &opt, d);
    }
    if (b->lock >= 0)
        flock(b->lock, LOCK_UN);
    if (s == HAQ_OK) {
        count(t, &m, slowdown);
        haq_measured_fini(&m);
    }
    haq_copies_fini(&side[0].copies);
    haq_copies_fini(&side[1].copies);
    return s;
}

static haq_status repeat(struct bench *b, int n, double slowdown,
                         struct tally *t, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (int i = 0; s == HAQ_OK && i < n && haq_clock_ns() < b->end_ns; i++)
        s = compare(b, slowdown, t, d);
    return s;
}

static void print(const char *name, const struct tally *t)
{
    printf("%-44s %5d %9d %6d %6d %6d %6d %6d %7.1f %7.1f\n", name, t->n,
           t->different, t->verdict[0], t->verdict[1], t->verdict[2],
           t->verdict[3], t->wrong, (double)t->rounds / (t->n ? t->n : 1),
           (double)t->dropped / (t->n ? t->n : 1));
    if (t->flagged)
        printf("    flagged, for example: %s\n", t->example);
    if (t->wrong)
        printf("    wrong, for example: ratio %.4f [%.4f, %.4f]\n",
               t->wrong_one.value, t->wrong_one.low, t->wrong_one.high);
    fflush(stdout);
}

/* Half of them A/A, half with the slowdown. */
static haq_status beside(struct bench *b, const struct bench_neighbour *n,
                         int comparisons, struct tally *all, struct haq_diag *d)
{
    pid_t pid[PROCESSES_MAX];
    haq_status s = HAQ_OK;
    for (int k = 0; s == HAQ_OK && k < 2 && comparisons; k++) {
        struct tally t = {0};
        char name[80];
        bench_neighbour_start(n, pid);
        s = repeat(b, comparisons / 2, k * planted, &t, d);
        bench_neighbour_stop(n, pid);
        snprintf(name, sizeof name, "%s, %s", n->name, k ? "3 %" : "A/A");
        print(name, &t);
        all->n += t.n;
        all->flagged += t.flagged;
        all->wrong += t.wrong;
    }
    return s;
}

static haq_status calibrate(struct bench *b, struct haq_diag *d)
{
    struct haq_exec *e = NULL;
    struct haq_measured m;
    struct haq_measure_options opt = {.max_rounds = 96};
    haq_status s = haq_exec_new(&e, b->network.plan, b->pool, d);
    if (s == HAQ_OK)
        s = bench_network_feed(&b->network, e, b->data, d);
    struct haq_contestant c = haq_exec_contestant(e);
    if (s == HAQ_OK)
        s = haq_measure(&m, b->meter, &c, 1, &opt, d);
    if (s == HAQ_OK) {
        b->run_ms = m.latency[0].ms.value;
        printf("one run: %.4f ms, %s %s\n", b->run_ms, m.latency[0].verdict,
               m.latency[0].reason);
        haq_measured_fini(&m);
    }
    haq_exec_free(e);
    return s;
}

/* How many comparisons of each kind. */
struct amount {
    int same, planted, beside;
};

static haq_status run_all(struct bench *b, struct amount n, struct haq_diag *d)
{
    struct tally same = {0}, slower = {0}, noisy = {0};
    int neighbours = 0;
    haq_status s = calibrate(b, d);
    if (s != HAQ_OK)
        return s;
    while (bench_neighbours[neighbours].name)
        neighbours++;
    printf("%-44s %5s %9s %6s %6s %6s %6s %6s %7s %7s\n", "", "n", "different",
           "valid", "noisy", "thrott", "distur", "wrong", "rounds", "dropped");
    s = repeat(b, n.same, 0, &same, d);
    print("A/A", &same);
    if (s == HAQ_OK)
        s = repeat(b, n.planted, planted, &slower, d);
    print("planted 3 %", &slower);
    for (int i = 0; s == HAQ_OK && i < neighbours; i++)
        s = beside(b, &bench_neighbours[i], n.beside / neighbours, &noisy, d);
    int believed = slower.verdict[0] + slower.verdict[1];
    printf("A/A: %d of %d called different (promised: 6.4 %% at most)\n"
           "planted: found in %d of %d, and of %d that were not disturbed "
           "(promised: 95 %%)\n"
           "neighbour: %d of %d flagged, %d wrong and not flagged (promised: "
           "1 %% at most)\n",
           same.different, same.n, slower.different, slower.n, believed,
           noisy.flagged, noisy.n, noisy.wrong);
    return s;
}

struct args {
    const char *file[3]; /* MODEL DATA RECIPE */
    int files;
    size_t threads;
    double seconds;
    const char *lock;
    struct amount amount;
};

static const struct amount all = {1000, 300, 200}, quick = {100, 60, 50};

static bool parse(struct args *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--quick"))
            a->amount = quick;
        else if (!strcmp(argv[i], "--planted"))
            a->amount = (struct amount){0, a->amount.planted, 0};
        else if (!strcmp(argv[i], "--neighbours"))
            a->amount = (struct amount){0, 0, a->amount.beside};
        else if (!strcmp(argv[i], "--seconds") && more)
            a->seconds = strtod(argv[++i], NULL);
        else if (!strcmp(argv[i], "--lock") && more)
            a->lock = argv[++i];
        else if (!strcmp(argv[i], "--threads") && more)
            a->threads = (size_t)atoi(argv[++i]);
        else if (a->files < 3 && argv[i][0] != '-')
            a->file[a->files++] = argv[i];
        else
            return false;
    }
    return a->files >= 2;
}

int main(int argc, char **argv)
{
    struct args a = {.threads = 1, .seconds = 1e9, .amount = all};
    struct bench b = {.lock = -1};
    struct haq_diag d = {HAQ_OK, ""};
    if (!parse(&a, argc, argv)) {
        fprintf(stderr,
                "usage: haq-bench-aa [--quick] [--planted|--neighbours] "
                "[--seconds S] [--threads N] [--lock FILE] MODEL DATA.npz "
                "[RECIPE.json]\n");
        return 2;
    }
    b.data = a.file[1];
    if (a.lock)
        b.lock = open(a.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    b.end_ns = haq_clock_ns() + (uint64_t)(a.seconds * 1e9);
    haq_status s = bench_network_load(&b.network, a.file[0], 1, a.file[2], &d);
    if (s == HAQ_OK)
        s = haq_pool_new(&b.pool, a.threads, &d);
    if (s == HAQ_OK) {
        haq_pool_pin_caller(b.pool);
        s = haq_meter_new(&b.meter,
                          &(struct haq_witness_config){.pool = b.pool}, &d);
    }
    if (s == HAQ_OK)
        s = run_all(&b, a.amount, &d);
    if (s != HAQ_OK)
        fprintf(stderr, "%s\n", d.text);
    return s != HAQ_OK;
}
