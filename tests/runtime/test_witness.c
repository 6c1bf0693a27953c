/* What the witnesses say of a machine whose files are written here. */
#include "runtime/witness.h"

#include <math.h>

#include "tests/support/fixture.h"

enum { MAIN = 101, HELPER = 102 }; /* threads on CPUs 0 and 1 */
#define MS UINT64_C(1000000)

struct machine {
    struct fixture files;
    struct haq_witnesses *w;
    struct haq_reading before, after;
    int64_t wall_ns;
    uint64_t now_ns;
    struct haq_spin spin;
};

static struct haq_spin fake_spin(void *arg)
{
    return ((struct machine *)arg)->spin;
}

static int64_t fake_wall(void *arg)
{
    return ((struct machine *)arg)->wall_ns;
}

static uint64_t fake_now(void *arg)
{
    return ((struct machine *)arg)->now_ns;
}

static void set_thread(struct machine *m, int tid, const char *cpus,
                       long preempted, long waited_ns)
{
    char file[64];
    snprintf(file, sizeof file, "/proc/self/task/%d/status", tid);
    fixture_set(&m->files, file,
                "Name:\thaq\nCpus_allowed:\t3\nCpus_allowed_list:\t%s\n"
                "voluntary_ctxt_switches:\t7\n"
                "nonvoluntary_ctxt_switches:\t%ld\n",
                cpus, preempted);
    snprintf(file, sizeof file, "/proc/self/task/%d/schedstat", tid);
    fixture_set(&m->files, file, "1000000000 %ld 12\n", waited_ns);
}

static void set_stat(struct machine *m, long busy, long steal)
{
    fixture_set(&m->files, "/proc/stat",
                "cpu  9 0 0 0 0 0 0 0 0 0\n"
                "cpu0 %ld 0 10 5000 3 0 0 %ld 0 0\n"
                "cpu1 100 0 10 5000 3 0 0 0 0 0\n"
                "cpu2 9999 0 10 5000 3 0 0 77 0 0\nintr 1 2 3\n",
                busy, steal);
}

static void set_sys(struct machine *m)
{
    for (int c = 0; c < 2; c++) {
        static const struct {
            const char *file, *text;
        } files[] = {
            {"cpufreq/scaling_cur_freq", "3000000\n"},
            {"thermal_throttle/core_throttle_count", "4\n"},
            {"thermal_throttle/package_throttle_count", "5\n"},
        };
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
            char path[128];
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/%s", c,
                     files[i].file);
            fixture_set(&m->files, path, "%s", files[i].text);
        }
    }
    fixture_set(&m->files, "/sys/devices/system/cpu/online", "0-2\n");
    fixture_set(&m->files, "/proc/self/cgroup", "0::/lab/bench\n");
    fixture_set(&m->files, "/sys/fs/cgroup/lab/cpu.max", "max 100000\n");
    fixture_set(&m->files, "/sys/fs/cgroup/lab/cpu.stat",
                "usage_usec 5\nnr_periods 0\nnr_throttled 2\n");
    fixture_set(&m->files, "/sys/fs/cgroup/lab/bench/cpu.max",
                "200000 100000\n");
    fixture_set(&m->files, "/sys/fs/cgroup/lab/bench/cpu.stat",
                "usage_usec 5\nnr_periods 0\nnr_throttled 1\n");
}

static void start(struct machine *m)
{
    static const pid_t threads[] = {MAIN, HELPER};
    struct haq_witness_config config = {.root = m->files.root,
                                        .thread = threads,
                                        .threads = 2,
                                        .spin = fake_spin,
                                        .wall_minus_raw_ns = fake_wall,
                                        .clock_ns = fake_now,
                                        .arg = m};
    CU_ASSERT_EQUAL_FATAL(haq_witnesses_new(&m->w, &config, NULL), HAQ_OK);
    haq_witnesses_read(m->w, &m->before);
}

/* Everything there, nothing going on. */
static void set_up(struct machine *m)
{
    *m = (struct machine){.wall_ns = 1700000000000000000,
                          .now_ns = 1000 * MS,
                          .spin = {71000, 38000, 120}};
    fixture_init(&m->files);
    set_thread(m, MAIN, "0", 3, 500000);
    set_thread(m, HELPER, "1", 0, 0);
    set_stat(m, 100, 0);
    set_sys(m);
}

static void tear_down(struct machine *m)
{
    haq_witnesses_free(m->w);
    fixture_fini(&m->files);
}

/* A round of that length, and what is said of it: names, joined by spaces. */
static const char *round_of(struct machine *m, uint64_t ns)
{
    static char names[256];
    m->now_ns += ns;
    haq_witnesses_read(m->w, &m->after);
    uint32_t mask = haq_witnesses_judge(m->w, &m->before, &m->after);
    names[0] = 0;
    for (size_t i = 0; i < HAQ_WITNESSES; i++)
        if (mask >> i & 1) {
            strcat(names, names[0] ? " " : "");
            strcat(names, haq_witness_name(i));
        }
    return names;
}

static size_t row(const char *name)
{
    for (size_t i = 0; i < HAQ_WITNESSES; i++)
        if (!strcmp(haq_witness_name(i), name))
            return i;
    CU_FAIL_FATAL("no such witness");
    return 0;
}

static const char *words(struct machine *m, const char *name)
{
    static char text[200];
    haq_witness_say(m->w, row(name), &m->before, &m->after, text, sizeof text);
    return text;
}

static void a_quiet_round_is_quiet_and_nothing_is_missing(void)
{
    struct machine m;
    set_up(&m);
    start(&m);
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "");
    for (size_t i = 0; i < HAQ_WITNESSES; i++)
        CU_ASSERT(!haq_witness_missing(m.w, i));
    CU_ASSERT_EQUAL(m.before.value[row("preempted")], 3);
    CU_ASSERT_EQUAL(m.before.value[row("waited")], 500000);
    CU_ASSERT_EQUAL(m.before.value[row("frequency")], 3000);
    CU_ASSERT_EQUAL(m.before.value[row("thermal")], 18);
    CU_ASSERT_EQUAL(m.before.value[row("cgroup-quota")], 2);
    CU_ASSERT_EQUAL(m.before.value[row("cgroup-throttled")], 3);
    CU_ASSERT_EQUAL(m.before.value[row("online-cpus")], 3);
    tear_down(&m);
}

static void whoever_takes_cpu_time_is_named(void)
{
    struct machine m;
    set_up(&m);
    start(&m);
    set_thread(&m, HELPER, "1", 0, 30000); /* 0.6 % of 5 ms */
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "waited");
    CU_ASSERT_STRING_EQUAL(words(&m, "waited"),
                           "its threads waited for a CPU 0.6 % of the time");
    set_thread(&m, HELPER, "1", 0, 0);
    set_thread(&m, MAIN, "0", 9, 500000);
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "preempted");
    set_thread(&m, MAIN, "0", 3, 500000);
    set_stat(&m, 100, 1); /* one tick of 10 ms, taken by the host */
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "steal");
    CU_ASSERT_EQUAL(haq_witness_kind(row("steal")), HAQ_DISTURBED);
    tear_down(&m);
}

/* A tick or two may be chance in a round; over all of them they add up. */
static void other_load_shows_over_many_rounds(void)
{
    enum { ROUNDS = 100 };
    struct machine m;
    struct haq_reading r[ROUNDS + 1];
    bool kept[ROUNDS];
    char text[160];
    set_up(&m);
    start(&m);
    for (int i = 0; i <= ROUNDS; i++) {
        set_stat(&m, 100 + i, 0);
        m.now_ns += 50 * MS;
        haq_witnesses_read(m.w, &r[i]);
        CU_ASSERT(i == 0 || !haq_witnesses_judge(m.w, &r[i - 1], &r[i]));
        if (i < ROUNDS)
            kept[i] = true;
    }
    CU_ASSERT_EQUAL(
        haq_witnesses_judge_all(m.w, r, kept, ROUNDS, text, sizeof text),
        row("others"));
    CU_ASSERT_STRING_EQUAL(text,
                           "its cores did something else 14.3 % of the time");
    for (int i = 0; i < ROUNDS; i++)
        kept[i] = i % 8 == 0;
    CU_ASSERT_EQUAL(
        haq_witnesses_judge_all(m.w, r, kept, ROUNDS, text, sizeof text),
        HAQ_WITNESSES);
    tear_down(&m);
}

static void a_sibling_counts_as_ours(void)
{
    struct machine m;
    set_up(&m);
    fixture_set(&m.files,
                "/sys/devices/system/cpu/cpu1/topology/thread_siblings_list",
                "1-2\n");
    start(&m);
    fixture_set(&m.files, "/proc/stat",
                "cpu  9 0 0 0 0 0 0 0 0 0\ncpu0 100 0 10 5000 3 0 0 0 0 0\n"
                "cpu1 100 0 10 5000 3 0 0 0 0 0\n"
                "cpu2 9999 0 110 5000 3 0 0 77 0 0\n");
    CU_ASSERT_STRING_EQUAL(round_of(&m, 1000 * MS), "others");
    CU_ASSERT_STRING_EQUAL(words(&m, "others"),
                           "its cores did something else 87 % of the time");
    tear_down(&m);
}

static void a_slower_machine_is_throttled(void)
{
    struct machine m;
    set_up(&m);
    start(&m);
    fixture_set(&m.files,
                "/sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq",
                "2700000\n");
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "frequency");
    CU_ASSERT_STRING_EQUAL(words(&m, "frequency"),
                           "the frequency was below the best by 10 %");
    CU_ASSERT_EQUAL(haq_witness_kind(row("frequency")), HAQ_THROTTLED);
    fixture_set(&m.files,
                "/sys/devices/system/cpu/cpu0/thermal_throttle/"
                "core_throttle_count",
                "6\n");
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "frequency thermal");
    CU_ASSERT_EQUAL(haq_witness_kind(row("thermal")), HAQ_THROTTLED);
    tear_down(&m);
}

static void spins_see_what_no_counter_tells(void)
{
    struct machine m;
    set_up(&m);
    start(&m);
    m.spin.fan_ns = 57000; /* a busy sibling on the host */
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "core-share");
    m.spin =
        (struct haq_spin){78100, 41800, 120}; /* a slower clock slows both */
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "clock-rate core-share");
    CU_ASSERT_STRING_EQUAL(
        words(&m, "clock-rate"),
        "a chain of additions took longer than at best by 10 %");
    m.spin = (struct haq_spin){71000, 38000, 120};
    round_of(&m, 5 * MS);
    m.spin.hand_over_ns = 450; /* two threads that share no cache any more */
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "hand-over");
    CU_ASSERT_EQUAL(haq_witnesses_renewed(m.w), 0);
    m.spin.hand_over_ns = 40; /* so they were never near each other before */
    round_of(&m, 5 * MS);
    CU_ASSERT_EQUAL(haq_witnesses_renewed(m.w), 1);
    round_of(&m, 5 * MS);
    CU_ASSERT_EQUAL(haq_witnesses_renewed(m.w), 1);
    tear_down(&m);
}

static void a_cgroup_that_shrinks_is_named(void)
{
    struct machine m;
    set_up(&m);
    start(&m);
    fixture_set(&m.files, "/sys/fs/cgroup/lab/cpu.max", "50000 100000\n");
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "cgroup-quota");
    CU_ASSERT_STRING_EQUAL(words(&m, "cgroup-quota"),
                           "the CPU quota of the cgroup changed by 1.5 CPUs");
    fixture_set(&m.files, "/sys/fs/cgroup/lab/cpu.stat",
                "usage_usec 5\nnr_periods 0\nnr_throttled 4\n");
    m.before = m.after;
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS),
                           "cgroup-quota cgroup-throttled");
    /* It stays smaller, so it stays named. */
    m.before = m.after;
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "cgroup-quota");
    tear_down(&m);
}

static void version_one_cgroups_are_read_too(void)
{
    struct machine m;
    set_up(&m);
    fixture_set(&m.files, "/proc/self/cgroup",
                "9:name=systemd:/cpu\n3:cpuset:/x\n1:cpu,cpuacct:/job\n");
    fixture_set(&m.files, "/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
    fixture_set(&m.files, "/sys/fs/cgroup/cpu/job/cpu.cfs_period_us",
                "100000\n");
    fixture_set(&m.files, "/sys/fs/cgroup/cpu/job/cpu.stat",
                "nr_periods 0\nnr_throttled 8\nthrottled_time 0\n");
    start(&m);
    CU_ASSERT_EQUAL(m.before.value[row("cgroup-throttled")], 8);
    CU_ASSERT(m.before.value[row("cgroup-quota")] >= 1024);
    fixture_set(&m.files, "/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us",
                "150000\n");
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "cgroup-quota");
    CU_ASSERT_EQUAL(m.after.value[row("cgroup-quota")], 1.5);
    tear_down(&m);
}

static void a_core_taken_offline_is_named(void)
{
    struct machine m;
    set_up(&m);
    start(&m);
    fixture_set(&m.files, "/sys/devices/system/cpu/online", "0,2\n");
    set_thread(&m, HELPER, "0,2", 0, 0);
    fixture_set(&m.files, "/proc/stat",
                "cpu  9 0 0 0 0 0 0 0 0 0\ncpu0 100 0 10 5000 3 0 0 0 0 0\n");
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS),
                           "steal others allowed-cpus online-cpus");
    CU_ASSERT_STRING_EQUAL(words(&m, "online-cpus"),
                           "CPUs that went offline or came back: 1");
    CU_ASSERT_STRING_EQUAL(words(&m, "allowed-cpus"),
                           "the CPUs that its threads may use changed");
    CU_ASSERT_STRING_EQUAL(words(&m, "steal"),
                           "what tells of it could not be read any more");
    tear_down(&m);
}

static void a_clock_step_is_named(void)
{
    struct machine m;
    set_up(&m);
    start(&m);
    m.wall_ns += 400000; /* slewing is none */
    CU_ASSERT_STRING_EQUAL(round_of(&m, 1000 * MS), "");
    m.wall_ns -= INT64_C(3600000000000);
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "clock-step");
    CU_ASSERT_STRING_EQUAL(words(&m, "clock-step"),
                           "the wall clock was set by 3.6e+03 s");
    tear_down(&m);
}

static void what_cannot_be_read_is_missing_by_name(void)
{
    static const char *const missing[] = {"frequency", "thermal",
                                          "cgroup-quota", "cgroup-throttled"};
    struct machine m;
    set_up(&m);
    for (int c = 0; c < 2; c++) {
        char path[128];
        snprintf(path, sizeof path,
                 "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", c);
        fixture_remove(&m.files, path);
    }
    fixture_remove(&m.files, "/sys/devices/system/cpu/cpu1/thermal_throttle/"
                             "core_throttle_count");
    fixture_remove(&m.files, "/proc/self/cgroup");
    start(&m);
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "");
    for (size_t i = 0; i < HAQ_WITNESSES; i++) {
        bool expected = false;
        for (size_t k = 0; k < sizeof missing / sizeof *missing; k++)
            expected |= !strcmp(haq_witness_name(i), missing[k]);
        CU_ASSERT_EQUAL(haq_witness_missing(m.w, i), expected);
    }
    tear_down(&m);
}

static void a_counter_that_vanishes_is_not_taken_for_silence(void)
{
    struct machine m;
    set_up(&m);
    start(&m);
    fixture_remove(&m.files, "/proc/self/task/102/schedstat");
    CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "waited others");
    CU_ASSERT(haq_witness_missing(m.w, row("waited")));
    CU_ASSERT_STRING_EQUAL(words(&m, "waited"),
                           "what tells of it could not be read any more");
    tear_down(&m);
}

static void nonsense_in_files_is_missing_too(void)
{
    static const char *const nonsense[] = {
        "", "\n", "-5\n", "12x\n", "nan\n", "0x10\n", "1e5\n", "%n%s\n",
    };
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct machine m;
        set_up(&m);
        fixture_set(&m.files,
                    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
                    "%s", nonsense[i]);
        fixture_set(&m.files, "/sys/devices/system/cpu/online", "%s-\n",
                    nonsense[i]);
        fixture_set(&m.files, "/proc/self/cgroup", "%s", nonsense[i]);
        fixture_set(&m.files, "/proc/stat", "cpu0 %s\ncpu", nonsense[i]);
        fixture_set(&m.files, "/proc/self/task/101/schedstat", "%s",
                    nonsense[i]);
        start(&m);
        CU_ASSERT(haq_witness_missing(m.w, row("frequency")));
        CU_ASSERT(haq_witness_missing(m.w, row("cgroup-quota")));
        CU_ASSERT(haq_witness_missing(m.w, row("steal")));
        CU_ASSERT(haq_witness_missing(m.w, row("waited")));
        CU_ASSERT_STRING_EQUAL(round_of(&m, 5 * MS), "");
        tear_down(&m);
    }
}

static void groups_outside_the_tree_are_not_followed(void)
{
    struct machine m;
    set_up(&m);
    fixture_set(&m.files, "/proc/self/cgroup", "0::/lab/../../../etc\n");
    start(&m);
    CU_ASSERT(haq_witness_missing(m.w, row("cgroup-quota")));
    tear_down(&m);
}

/* The real files, whatever this machine has of them. */
static void this_machine_can_be_read(void)
{
    pid_t self = getpid(); /* the main thread */
    struct haq_witness_config config = {.thread = &self, .threads = 1};
    struct haq_witnesses *w = NULL;
    struct haq_reading a, b;
    CU_ASSERT_EQUAL_FATAL(haq_witnesses_new(&w, &config, NULL), HAQ_OK);
    haq_witnesses_read(w, &a);
    haq_witnesses_read(w, &b);
    CU_ASSERT(b.at_ns > a.at_ns);
    CU_ASSERT(!haq_witness_missing(w, row("preempted")));
    CU_ASSERT(!haq_witness_missing(w, row("clock-step")));
    CU_ASSERT(!haq_witness_missing(w, row("core-share")));
    CU_ASSERT(b.value[row("preempted")] >= a.value[row("preempted")]);
    CU_ASSERT(a.value[row("clock-rate")] > 0);
    haq_witnesses_free(w);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(a_quiet_round_is_quiet_and_nothing_is_missing),
        HAQ_TEST(whoever_takes_cpu_time_is_named),
        HAQ_TEST(other_load_shows_over_many_rounds),
        HAQ_TEST(a_sibling_counts_as_ours),
        HAQ_TEST(a_slower_machine_is_throttled),
        HAQ_TEST(spins_see_what_no_counter_tells),
        HAQ_TEST(a_cgroup_that_shrinks_is_named),
        HAQ_TEST(version_one_cgroups_are_read_too),
        HAQ_TEST(a_core_taken_offline_is_named),
        HAQ_TEST(a_clock_step_is_named),
        HAQ_TEST(what_cannot_be_read_is_missing_by_name),
        HAQ_TEST(a_counter_that_vanishes_is_not_taken_for_silence),
        HAQ_TEST(nonsense_in_files_is_missing_too),
        HAQ_TEST(groups_outside_the_tree_are_not_followed),
        HAQ_TEST(this_machine_can_be_read),
        CU_TEST_INFO_NULL};
    return run_suite("witness", tests);
}
