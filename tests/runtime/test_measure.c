/* Measuring on a machine whose clock, noise and disturbances are made here. */
#include "runtime/measure.h"

#include <math.h>

#include "base/rng.h"
#include "tests/support/fixture.h"

#define MS UINT64_C(1000000)
enum { MOST = 6, LOG = 4096 };

struct lab;

/* A contestant takes ms, and more or less by chance. */
struct runner {
    struct lab *lab;
    double ms;
    size_t runs;
};

struct lab {
    struct fixture files;
    struct haq_meter *meter;
    struct haq_rng rng;
    struct runner runner[MOST];
    struct haq_contestant contestant[MOST];
    double now_ns;
    double noise;       /* relative, of one run */
    double tail;        /* chance that a run takes twice as long */
    double speed_drift; /* relative change of all times per second */
    double cold_start;  /* runs until the start is a third as slow */
    char log[LOG];      /* one letter per run */
    size_t logged;
    size_t readings;
    double reading_ns;                   /* that one takes */
    double (*slow_when)(size_t reading); /* factor on runs of contestant 1 */
    struct haq_spin (*spin)(size_t reading);
    int64_t (*wall)(size_t reading);
};

static void run(void *arg)
{
    struct runner *r = arg;
    struct lab *l = r->lab;
    double ms = r->ms * (1 + l->speed_drift * l->now_ns * 1e-9);
    if (l->noise > 0)
        ms *= exp(l->noise * haq_rng_normal(&l->rng));
    if (l->tail > 0 && haq_rng_unit(&l->rng) < l->tail)
        ms *= 2;
    if (l->cold_start > 0)
        ms *= 1 + 2 * exp(-(double)r->runs / l->cold_start);
    if (l->slow_when && r == &l->runner[1])
        ms *= l->slow_when(l->readings);
    r->runs++;
    if (l->logged < LOG - 1)
        l->log[l->logged++] = (char)('A' + (r - l->runner));
    l->now_ns += ms * 1e6;
}

static uint64_t now(void *arg)
{
    return (uint64_t)((struct lab *)arg)->now_ns;
}

static struct haq_spin spin(void *arg)
{
    struct lab *l = arg;
    l->readings++;
    l->now_ns += l->reading_ns;
    return l->spin ? l->spin(l->readings)
                   : (struct haq_spin){70000, 35000, 120};
}

static int64_t wall(void *arg)
{
    struct lab *l = arg;
    return l->wall ? l->wall(l->readings) : 0;
}

static void lab_init(struct lab *l, uint64_t seed)
{
    *l = (struct lab){.noise = 0.005};
    haq_rng_seed(&l->rng, seed);
    fixture_init(&l->files);
    for (size_t i = 0; i < MOST; i++) {
        l->runner[i] = (struct runner){l, 0.25, 0};
        l->contestant[i] = (struct haq_contestant){run, &l->runner[i], NULL};
    }
}

static void lab_open(struct lab *l)
{
    static const pid_t none = 0;
    struct haq_witness_config config = {.root = l->files.root,
                                        .thread = &none,
                                        .spin = spin,
                                        .wall_minus_raw_ns = wall,
                                        .clock_ns = now,
                                        .arg = l};
    CU_ASSERT_EQUAL_FATAL(haq_meter_new(&l->meter, &config, NULL), HAQ_OK);
}

static void lab_fini(struct lab *l)
{
    haq_meter_free(l->meter);
    fixture_fini(&l->files);
}

static struct haq_measured measure(struct lab *l, size_t n,
                                   const struct haq_measure_options *opt)
{
    static const struct haq_measure_options usual = {.budget_ns = 0};
    struct haq_measured m;
    if (!l->meter)
        lab_open(l);
    CU_ASSERT_EQUAL_FATAL(
        haq_measure(&m, l->meter, l->contestant, n, opt ? opt : &usual, NULL),
        HAQ_OK);
    return m;
}

/* ---- the promise ----------------------------------------------------------
 */

/* How many of `trials` comparisons call contestant 1 different, with times that
 * have a heavy tail. */
static int called_different(double slowdown, int trials, double noise)
{
    struct lab l;
    int different = 0;
    lab_init(&l, 7);
    l.noise = noise;
    l.tail = 0.05;
    l.runner[1].ms *= slowdown;
    for (int t = 0; t < trials; t++) {
        struct haq_measured m = measure(&l, 2, NULL);
        different += m.pair[0].different;
        CU_ASSERT(!m.pair[0].different || slowdown == 1 ||
                  m.pair[0].ratio.high < 1);
        haq_measured_fini(&m);
    }
    lab_fini(&l);
    return different;
}

static void the_same_is_called_different_at_most_as_promised(void)
{
    int quiet = called_different(1, 1000, 0.01);
    int rough = called_different(1, 1000, 0.08);
    CU_ASSERT(quiet <= 64);
    CU_ASSERT(rough <= 64);
}

static void three_percent_are_found(void)
{
    CU_ASSERT(called_different(1.03, 300, 0.02) >= 285);
}

/* Six contestants, fifteen pairs: none may be called different, in 95 %. */
static void many_pairs_are_no_excuse(void)
{
    struct lab l;
    int wrong = 0;
    lab_init(&l, 9);
    l.noise = 0.02;
    for (int t = 0; t < 300; t++) {
        struct haq_measured m = measure(&l, 6, NULL);
        bool any = false;
        CU_ASSERT_EQUAL_FATAL(m.pairs, 15);
        for (size_t i = 0; i < m.pairs; i++)
            any |= m.pair[i].different;
        wrong += any;
        haq_measured_fini(&m);
    }
    CU_ASSERT(wrong <= 300 * 64 / 1000);
    lab_fini(&l);
}

/* ---- rounds ---------------------------------------------------------------
 */

static void rounds_go_there_and_back_and_start_in_turn(void)
{
    struct haq_measure_options opt = {
        .min_sample_ns = 1, .max_rounds = 6, .min_rounds = 6};
    struct lab l;
    lab_init(&l, 1);
    struct haq_measured m = measure(&l, 3, &opt);
    CU_ASSERT_EQUAL(m.rounds, 6);
    /* Each sample is a run that is not timed and one that is. */
    l.log[l.logged] = 0;
    const char *last = l.log + l.logged - 6 * 12;
    CU_ASSERT(!strncmp(last, "AABBCCCCBBAABBCCAAAACCBBCCAABBBBAACC", 36));
    CU_ASSERT(!strncmp(last + 36, "AABBCC", 6));
    haq_measured_fini(&m);
    lab_fini(&l);
}

static void what_drifts_does_so_for_all_alike(void)
{
    struct lab l;
    lab_init(&l, 2);
    l.noise = 0;
    l.speed_drift = 0.5; /* half as slow again every second */
    l.runner[1].ms = 0.5;
    struct haq_measured m = measure(&l, 2, NULL);
    CU_ASSERT_DOUBLE_EQUAL(m.latency[1].ratio.value, 0.5, 0.002);
    CU_ASSERT_STRING_EQUAL(m.latency[1].verdict, "valid");
    haq_measured_fini(&m);
    lab_fini(&l);
}

static void slow_first_runs_are_no_part_of_it(void)
{
    struct lab l;
    lab_init(&l, 3);
    l.cold_start = 10;
    l.noise = 0.001;
    struct haq_measured m = measure(&l, 2, NULL);
    CU_ASSERT(m.settled);
    for (size_t i = 0; i < m.rounds * m.n * 2; i++)
        CU_ASSERT(m.ms[i] < 0.26);
    haq_measured_fini(&m);
    lab_fini(&l);
}

static void it_stops_when_it_knows_enough(void)
{
    struct lab l;
    lab_init(&l, 4);
    l.noise = 0.002;
    struct haq_measured quiet = measure(&l, 2, NULL);
    l.noise = 0.05;
    struct haq_measured rough = measure(&l, 2, NULL);
    CU_ASSERT_EQUAL(quiet.rounds, 12);
    CU_ASSERT(rough.rounds >= 48);
    CU_ASSERT((rough.latency[1].ratio.high - rough.latency[1].ratio.low) / 2 <
              0.03);
    haq_measured_fini(&quiet);
    haq_measured_fini(&rough);
    lab_fini(&l);
}

static void it_stops_when_the_budget_is_used_up(void)
{
    struct haq_measure_options opt = {.budget_ns = 100 * MS};
    struct lab l;
    lab_init(&l, 5);
    l.noise = 0.3;
    struct haq_measured m = measure(&l, 2, &opt);
    double used = l.now_ns;
    CU_ASSERT(used < 115e6);
    CU_ASSERT_STRING_EQUAL(m.latency[1].verdict, "noisy");
    CU_ASSERT_PTR_NOT_NULL(strstr(m.latency[1].reason, "was asked for"));
    haq_measured_fini(&m);
    /* A network that is slower than the budget still gets its six rounds. */
    l.runner[0].ms = l.runner[1].ms = 80;
    m = measure(&l, 2, &opt);
    CU_ASSERT_EQUAL(m.rounds, 6);
    haq_measured_fini(&m);
    lab_fini(&l);
}

static void one_alone_can_be_measured(void)
{
    struct lab l;
    lab_init(&l, 6);
    struct haq_measured m = measure(&l, 1, NULL);
    CU_ASSERT_EQUAL(m.pairs, 0);
    CU_ASSERT_DOUBLE_EQUAL(m.latency[0].ms.value, 0.25, 0.01);
    CU_ASSERT_STRING_EQUAL(m.latency[0].verdict, "valid");
    CU_ASSERT(m.latency[0].ratio.low >= 1 && m.latency[0].ratio.high <= 1);
    haq_measured_fini(&m);
    lab_fini(&l);
}

/* ---- disturbances ---------------------------------------------------------
 */

/* Every fourth round a sibling is busy, and contestant 1 suffers. */
static struct haq_spin busy_sometimes(size_t reading)
{
    return (struct haq_spin){70000, reading % 4 == 3 ? 60000 : 35000, 120};
}

static double slow_sometimes(size_t reading)
{
    return reading % 4 == 3 ? 1.5 : 1;
}

static void disturbed_rounds_do_not_count(void)
{
    struct lab l;
    lab_init(&l, 10);
    l.spin = busy_sometimes;
    l.slow_when = slow_sometimes;
    struct haq_measured m = measure(&l, 2, NULL);
    CU_ASSERT(m.rounds > m.counted);
    CU_ASSERT_DOUBLE_EQUAL(m.latency[1].ratio.value, 1, 0.01);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.latency[1].reason, "core-share"));
    for (size_t r = 0; r < m.rounds; r++) {
        double ratio = m.ms[r * 4 + 2] / m.ms[r * 4];
        CU_ASSERT(m.disturbed[r] || ratio < 1.2);
    }
    haq_measured_fini(&m);
    lab_fini(&l);
}

static struct haq_spin busy_mostly(size_t reading)
{
    return (struct haq_spin){70000, reading > 4 ? 60000 : 35000, 120};
}

static struct haq_spin apart(size_t reading)
{
    return (struct haq_spin){70000, 35000, reading > 4 ? 450 : 120};
}

static struct haq_spin slow_clock(size_t reading)
{
    return (struct haq_spin){reading > 4 ? 90000 : 70000, 35000, 120};
}

static void too_many_of_them_spoil_the_result_and_are_named(void)
{
    static const struct {
        struct haq_spin (*spin)(size_t reading);
        const char *verdict, *name;
    } cases[] = {{busy_mostly, "disturbed", "core-share"},
                 {apart, "disturbed", "hand-over"},
                 {slow_clock, "throttled", "clock-rate"}};
    for (size_t i = 0; i < 2; i++) {
        struct lab l;
        lab_init(&l, 11);
        l.spin = cases[i].spin;
        l.runner[1].ms = 0.4; /* really slower, but who would know */
        struct haq_measured m = measure(&l, 2, NULL);
        CU_ASSERT_STRING_EQUAL(m.latency[1].verdict, cases[i].verdict);
        CU_ASSERT_PTR_NOT_NULL(strstr(m.latency[1].reason, cases[i].name));
        CU_ASSERT(!m.pair[0].different);
        haq_measured_fini(&m);
        lab_fini(&l);
    }
}

static struct haq_spin busy_always(size_t reading)
{
    return (struct haq_spin){70000, reading > 1 ? 60000 : 35000, 120};
}

/* A number is there, and the verdict says what it is worth. */
static void when_no_round_counts_all_are_shown(void)
{
    struct haq_measure_options opt = {.budget_ns = 50 * MS};
    struct lab l;
    lab_init(&l, 18);
    l.spin = busy_always;
    struct haq_measured m = measure(&l, 2, &opt);
    CU_ASSERT_EQUAL(m.counted, 0);
    CU_ASSERT_EQUAL(m.latency[1].rounds, m.rounds);
    CU_ASSERT_DOUBLE_EQUAL(m.latency[1].ms.value, 0.25, 0.01);
    CU_ASSERT(m.latency[1].ms.low < m.latency[1].ms.high);
    CU_ASSERT_STRING_EQUAL(m.latency[1].verdict, "disturbed");
    CU_ASSERT(!m.pair[0].different);
    haq_measured_fini(&m);
    lab_fini(&l);
}

static int64_t step_once(size_t reading)
{
    return reading > 6 ? INT64_C(3600000000000) : 0;
}

static void a_clock_step_costs_a_round(void)
{
    struct lab l;
    lab_init(&l, 12);
    l.wall = step_once;
    struct haq_measured m = measure(&l, 2, NULL);
    CU_ASSERT_EQUAL(m.rounds, m.counted + 1);
    CU_ASSERT_STRING_EQUAL(m.latency[1].verdict, "valid");
    CU_ASSERT_PTR_NOT_NULL(strstr(m.latency[1].reason, "clock-step"));
    haq_measured_fini(&m);
    lab_fini(&l);
}

/* A file of the machine before and after its change, and who tells of it. */
static void what_changes_for_good_spoils_all_that_follows(void)
{
    static const struct {
        const char *file, *before, *after, *name;
    } cases[] = {
        {"/sys/fs/cgroup/cpu.max", "max 100000\n", "50000 100000\n",
         "cgroup-quota"},
        {"/sys/devices/system/cpu/online", "0-3\n", "0,2-3\n", "online-cpus"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct lab l;
        lab_init(&l, 13);
        fixture_set(&l.files, "/proc/self/cgroup", "0::/\n");
        fixture_set(&l.files, cases[i].file, "%s", cases[i].before);
        struct haq_measured good = measure(&l, 2, NULL);
        CU_ASSERT_STRING_EQUAL(good.latency[1].verdict, "valid");
        fixture_set(&l.files, cases[i].file, "%s", cases[i].after);
        struct haq_measured bad = measure(&l, 2, NULL);
        CU_ASSERT_STRING_EQUAL(bad.latency[1].verdict, "disturbed");
        CU_ASSERT_PTR_NOT_NULL(strstr(bad.latency[1].reason, cases[i].name));
        CU_ASSERT(!bad.pair[0].different);
        haq_measured_fini(&good);
        haq_measured_fini(&bad);
        lab_fini(&l);
    }
}

static struct haq_spin apart_for_long(size_t reading)
{
    return (struct haq_spin){70000, 35000,
                             reading > 10 && reading < 100 ? 450 : 120};
}

static struct haq_spin apart_for_good(size_t reading)
{
    return (struct haq_spin){70000, 35000, reading > 10 ? 450 : 120};
}

static void open_slow_reader(struct lab *l, double reading_ns,
                             struct haq_spin (*spins)(size_t reading))
{
    lab_init(l, 15);
    l->spin = spins;
    l->reading_ns = reading_ns;
    lab_open(l);
    CU_ASSERT(haq_meter_wait(l->meter, 0));
}

static void waiting_ends_when_the_machine_is_calm_again(void)
{
    struct lab l;
    open_slow_reader(&l, 1e6, apart_for_long);
    CU_ASSERT_FALSE(haq_meter_wait(l.meter, 20000000)); /* 20 of 95 ms */
    CU_ASSERT(haq_meter_wait(l.meter, 1000000000));
    CU_ASSERT(l.readings > 100 && l.readings < 120);
    lab_fini(&l);
}

static void a_machine_that_stays_changed_is_what_it_is_now(void)
{
    struct lab l;
    size_t waits = 0;
    open_slow_reader(&l, 1e8, apart_for_good);
    while (!haq_meter_wait(l.meter, 1000000000) && waits < 100)
        waits++;
    CU_ASSERT_EQUAL(waits, 61); /* seconds */
    lab_fini(&l);
}

static void missing_witnesses_are_listed(void)
{
    struct lab l;
    lab_init(&l, 14);
    struct haq_measured m = measure(&l, 2, NULL);
    json_t *missing = haq_measured_missing(&m);
    /* An empty folder tells nothing; clocks and spins need none. */
    CU_ASSERT_EQUAL(json_array_size(missing), HAQ_WITNESSES - 4);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(missing, 0)),
                           "preempted");
    json_decref(missing);
    haq_measured_fini(&m);
    lab_fini(&l);
}

/* ---- cold, energy, raw ----------------------------------------------------
 */

static void cold_runs_come_one_by_one(void)
{
    struct haq_measure_options opt = {.cold = true, .max_rounds = 12};
    struct lab l;
    lab_init(&l, 15);
    fixture_set(&l.files, "/sys/devices/system/cpu/cpu0/cache/index0/size",
                "32K\n");
    fixture_set(&l.files, "/sys/devices/system/cpu/cpu0/cache/index3/size",
                "1024K\n");
    struct haq_measured m = measure(&l, 2, &opt);
    CU_ASSERT(m.cold);
    CU_ASSERT_EQUAL(m.runs[0], 1);
    CU_ASSERT(haq_sweep_bytes(l.meter->sweep) > 2 * (1 << 20));
    CU_ASSERT(haq_sweep_bytes(l.meter->sweep) < 4 * (1 << 20));
    l.log[l.logged] = 0;
    CU_ASSERT(!strcmp(l.log + l.logged - 8, "ABBABAAB"));
    haq_measured_fini(&m);
    lab_fini(&l);
}

/* The counter moves 2000 uJ a run, and wraps around at 10000. */
static void burn(void *arg)
{
    struct runner *r = arg;
    run(arg);
    fixture_set(
        &r->lab->files, "/sys/class/powercap/intel-rapl:0/energy_uj", "%zu\n",
        (r->lab->runner[0].runs + r->lab->runner[1].runs) * 2000 % 10000);
}

static void energy_is_counted_where_it_can_be_read(void)
{
    struct haq_measure_options opt = {.min_sample_ns = 1, .max_rounds = 8};
    struct lab l;
    lab_init(&l, 16);
    struct haq_measured m = measure(&l, 2, &opt);
    CU_ASSERT(isnan(m.latency[1].mj));
    haq_measured_fini(&m);
    haq_meter_free(l.meter);
    l.meter = NULL;
    fixture_set(&l.files, "/sys/class/powercap/intel-rapl:0/name",
                "package-0\n");
    fixture_set(&l.files,
                "/sys/class/powercap/intel-rapl:0/max_energy_range_uj",
                "10000\n");
    fixture_set(&l.files, "/sys/class/powercap/intel-rapl:0/energy_uj", "0\n");
    fixture_set(&l.files, "/sys/class/powercap/intel-rapl:0:0/name", "core\n");
    l.contestant[0].run = l.contestant[1].run = burn;
    m = measure(&l, 2, &opt);
    CU_ASSERT_DOUBLE_EQUAL(m.latency[0].mj, 2, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(m.latency[1].mj, 2, 1e-9);
    haq_measured_fini(&m);
    lab_fini(&l);
}

static void raw_rounds_tell_everything(void)
{
    struct lab l;
    lab_init(&l, 17);
    l.spin = busy_sometimes;
    struct haq_measured m = measure(&l, 2, NULL);
    json_t *raw = haq_measured_raw(&m);
    const json_t *rounds = json_object_get(raw, "rounds");
    CU_ASSERT_EQUAL(json_array_size(rounds), m.rounds);
    size_t disturbed = 0;
    for (size_t r = 0; r < m.rounds; r++) {
        const json_t *o = json_array_get(rounds, r);
        const json_t *b = json_array_get(json_object_get(o, "ms"), 1);
        CU_ASSERT_EQUAL(json_real_value(json_array_get(b, 1)), m.ms[r * 4 + 3]);
        disturbed += json_array_size(json_object_get(o, "disturbed")) > 0;
        CU_ASSERT(json_is_real(
            json_object_get(json_object_get(o, "witnesses"), "core-share")));
        CU_ASSERT(json_is_null(
            json_object_get(json_object_get(o, "witnesses"), "waited")));
    }
    CU_ASSERT_EQUAL(disturbed, m.rounds - m.counted);
    json_decref(raw);
    haq_measured_fini(&m);
    lab_fini(&l);
}

static void the_device_is_locked_by_one_at_a_time(void)
{
    int a = -1, b = -1;
    CU_ASSERT_FATAL(!haq_device_lock(&a, NULL));
    haq_device_unlock(a);
    CU_ASSERT_FATAL(!haq_device_lock(&b, NULL));
    haq_device_unlock(b);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(the_same_is_called_different_at_most_as_promised),
        HAQ_TEST(three_percent_are_found),
        HAQ_TEST(many_pairs_are_no_excuse),
        HAQ_TEST(rounds_go_there_and_back_and_start_in_turn),
        HAQ_TEST(what_drifts_does_so_for_all_alike),
        HAQ_TEST(slow_first_runs_are_no_part_of_it),
        HAQ_TEST(it_stops_when_it_knows_enough),
        HAQ_TEST(it_stops_when_the_budget_is_used_up),
        HAQ_TEST(one_alone_can_be_measured),
        HAQ_TEST(disturbed_rounds_do_not_count),
        HAQ_TEST(too_many_of_them_spoil_the_result_and_are_named),
        HAQ_TEST(when_no_round_counts_all_are_shown),
        HAQ_TEST(a_clock_step_costs_a_round),
        HAQ_TEST(what_changes_for_good_spoils_all_that_follows),
        HAQ_TEST(waiting_ends_when_the_machine_is_calm_again),
        HAQ_TEST(a_machine_that_stays_changed_is_what_it_is_now),
        HAQ_TEST(missing_witnesses_are_listed),
        HAQ_TEST(cold_runs_come_one_by_one),
        HAQ_TEST(energy_is_counted_where_it_can_be_read),
        HAQ_TEST(raw_rounds_tell_everything),
        HAQ_TEST(the_device_is_locked_by_one_at_a_time),
        CU_TEST_INFO_NULL};
    return run_suite("measure", tests);
}
