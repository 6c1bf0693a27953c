/* The files of Linux that tell what else goes on.  Kernel documentation:
 * filesystems/proc, scheduler/sched-stats, admin-guide/cgroup-v1 and -v2,
 * admin-guide/pm/cpufreq, arch/x86 thermal_throttle. */
#include <ctype.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/witness_priv.h"

enum { PATH = 4096, TICK_NS = 10000000 /* of user space, on any Linux */ };

/* ---- text -----------------------------------------------------------------
 */

/* A file below the root into w->text, cut to its room; false: cannot. */
static bool load(struct haq_witnesses *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static bool load(struct haq_witnesses *w, const char *fmt, ...)
{
    char path[PATH];
    size_t n = 0;
    va_list ap;

    int used = snprintf(path, sizeof path, "%s", w->root);
    va_start(ap, fmt);
    int more = vsnprintf(path + used, sizeof path - (size_t)used, fmt, ap);
    va_end(ap);
    if (more < 0 || used + more >= PATH)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    for (ssize_t got = 1; got > 0 && n < HAQ_LOOK_TEXT - 1;) {
        got = read(fd, w->text + n, HAQ_LOOK_TEXT - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    w->text[n] = 0;
    return n > 0;
}

/* The lines of a text: for (p = text; p; p = next_line(p)). */
static const char *next_line(const char *p)
{
    p = strchr(p, '\n');
    return p && p[1] ? p + 1 : NULL;
}

/* A whole number, or NAN. */
static double number(const char *text)
{
    char *end;
    text += strspn(text, " \t");
    if (!isdigit((unsigned char)*text))
        return NAN;
    unsigned long long v = strtoull(text, &end, 10);
    return !*end || isspace((unsigned char)*end) ? (double)v : NAN;
}

static double second_number(const char *text)
{
    const char *space = strchr(text, ' ');
    return space ? number(space) : NAN;
}

/* The number behind a key at the start of a line: "nr_throttled 3". */
static double keyed(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *p = text; p; p = next_line(p))
        if (!strncmp(p, key, n) && (p[n] == ' ' || p[n] == ':'))
            return number(p + n + 1);
    return NAN;
}

/* "0-3,8" into set[HAQ_CPUS_MAX]; the rest of the line is not looked at. */
static bool parse_cpus(const char *text, bool *set)
{
    bool any = false;
    while (isdigit((unsigned char)*text)) {
        char *end;
        unsigned long a = strtoul(text, &end, 10), b = a;
        if (*end == '-')
            b = strtoul(end + 1, &end, 10);
        if (b < a || b >= HAQ_CPUS_MAX)
            return false;
        for (; a <= b; a++)
            set[a] = any = true;
        text = end + (*end == ',');
    }
    return any;
}

static double count(const bool *set)
{
    double n = 0;
    for (size_t i = 0; i < HAQ_CPUS_MAX; i++)
        n += set[i];
    return n;
}

/* ---- the threads ----------------------------------------------------------
 */

static bool load_thread(struct haq_witnesses *w, size_t i, const char *file)
{
    return load(w, "/proc/self/task/%ld/%s", (long)w->thread[i], file);
}

/* Cpus_allowed_list of the status file that was loaded last. */
static bool parse_allowed(const struct haq_witnesses *w, bool *set)
{
    static const char key[] = "Cpus_allowed_list:";
    const char *p = strstr(w->text, key);
    if (!p)
        return false;
    p += strlen(key);
    return parse_cpus(p + strspn(p, " \t"), set);
}

static double hash_allowed(const struct haq_witnesses *w, double so_far)
{
    bool set[HAQ_CPUS_MAX] = {false};
    uint64_t h = (uint64_t)so_far ^ 0xcbf29ce484222325u; /* FNV-1a */
    if (isnan(so_far) || !parse_allowed(w, set))
        return NAN;
    for (size_t c = 0; c < HAQ_CPUS_MAX; c++)
        h = (h ^ set[c]) * 0x100000001b3u;
    return (double)(h >> 12); /* what a double holds exactly */
}

/* Sums; one thread that cannot be read makes a sum NAN. */
static void look_at_threads(struct haq_witnesses *w, struct haq_look *o,
                            double *ran_ns)
{
    if (!w->config.threads)
        return;
    o->preempted = o->yielded = o->waited_ns = o->allowed = *ran_ns = 0;
    for (size_t i = 0; i < w->config.threads; i++) {
        if (!load_thread(w, i, "status"))
            w->text[0] = 0;
        o->preempted += keyed(w->text, "nonvoluntary_ctxt_switches");
        o->yielded += keyed(w->text, "voluntary_ctxt_switches");
        o->allowed = hash_allowed(w, o->allowed);
        /* ns on a CPU, ns runnable but waiting for one, times */
        if (!load_thread(w, i, "schedstat"))
            w->text[0] = 0;
        *ran_ns += number(w->text);
        o->waited_ns += second_number(w->text);
    }
}

/* ---- CPUs -----------------------------------------------------------------
 */

void haq_look_for_cpus(struct haq_witnesses *w)
{
    for (size_t i = 0; i < w->config.threads; i++)
        if (load_thread(w, i, "status"))
            parse_allowed(w, w->own);
    memcpy(w->cpu, w->own, sizeof w->cpu);
    for (size_t c = 0; c < HAQ_CPUS_MAX; c++)
        if (w->own[c] && load(w,
                              "/sys/devices/system/cpu/cpu%zu/topology/"
                              "thread_siblings_list",
                              c))
            parse_cpus(w->text, w->cpu);
}

static double online(struct haq_witnesses *w)
{
    bool set[HAQ_CPUS_MAX] = {false};
    return load(w, "/sys/devices/system/cpu/online") && parse_cpus(w->text, set)
               ? count(set)
               : NAN;
}

/* Clock ticks of one line of /proc/stat, "cpu3 user nice system idle iowait
 * irq softirq steal ..."; false: a line of no CPU. */
static bool parse_ticks(const char *line, size_t *cpu, double *busy,
                        double *steal)
{
    unsigned long long t[8];
    if (strncmp(line, "cpu", 3) || !isdigit((unsigned char)line[3]) ||
        sscanf(line + 3, "%zu %llu %llu %llu %llu %llu %llu %llu %llu", cpu,
               &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]) != 9)
        return false;
    *busy = (double)(t[0] + t[1] + t[2] + t[5] + t[6]);
    *steal = (double)t[7];
    return true;
}

static void look_at_ticks(struct haq_witnesses *w, struct haq_look *o,
                          double ran_ns)
{
    double lines = 0, busy = 0, steal = 0;
    if (!load(w, "/proc/stat"))
        return;
    for (const char *p = w->text; p && !strncmp(p, "cpu", 3);
         p = next_line(p)) {
        size_t cpu;
        double b, s;
        if (!parse_ticks(p, &cpu, &b, &s) || cpu >= HAQ_CPUS_MAX ||
            !w->cpu[cpu])
            continue;
        lines++;
        busy += b;
        steal += s;
    }
    if (lines < 1 || lines < count(w->cpu))
        return; /* one of them is not there */
    o->steal_ns = steal * TICK_NS;
    o->others_ns = busy * TICK_NS - ran_ns;
}

static double cpu_file(struct haq_witnesses *w, size_t cpu, const char *file)
{
    return load(w, "/sys/devices/system/cpu/cpu%zu/%s", cpu, file)
               ? number(w->text)
               : NAN;
}

static void look_at_speeds(struct haq_witnesses *w, struct haq_look *o)
{
    double mhz = INFINITY, hot = 0;
    for (size_t c = 0; c < HAQ_CPUS_MAX; c++) {
        if (!w->own[c])
            continue;
        double f = cpu_file(w, c, "cpufreq/scaling_cur_freq") / 1000;
        mhz = f < mhz || isnan(f) ? f : mhz;
        hot += cpu_file(w, c, "thermal_throttle/core_throttle_count");
        hot += cpu_file(w, c, "thermal_throttle/package_throttle_count");
    }
    if (count(w->own) < 1)
        return;
    o->mhz = mhz > 0 ? mhz : NAN;
    o->overheated = hot;
}

static double wall_minus_raw_ms(const struct haq_witnesses *w)
{
    struct timespec wall, raw;
    if (w->config.wall_minus_raw_ns)
        return (double)w->config.wall_minus_raw_ns(w->config.arg) * 1e-6;
    if (clock_gettime(CLOCK_REALTIME, &wall) ||
        clock_gettime(CLOCK_MONOTONIC_RAW, &raw))
        return NAN;
    return (double)(wall.tv_sec - raw.tv_sec) * 1e3 +
           (double)(wall.tv_nsec - raw.tv_nsec) * 1e-6;
}

/* ---- control groups -------------------------------------------------------
 */

/* Quotas as a number of CPUs; NAN: not told. */

static double quota_v2(struct haq_witnesses *w, const char *dir)
{
    if (!load(w, "%s/cpu.max", dir))
        return NAN;
    if (!strncmp(w->text, "max", 3))
        return HAQ_CPUS_MAX;
    return number(w->text) / second_number(w->text);
}

static double quota_v1(struct haq_witnesses *w, const char *dir)
{
    if (!load(w, "%s/cpu.cfs_quota_us", dir))
        return NAN;
    if (w->text[0] == '-') /* -1: no limit */
        return HAQ_CPUS_MAX;
    double quota = number(w->text);
    return load(w, "%s/cpu.cfs_period_us", dir) ? quota / number(w->text) : NAN;
}

/* The ways in which the controller of CPUs is mounted. */
static const struct mount {
    const char *dir;
    bool v2;
    double (*quota)(struct haq_witnesses *w, const char *dir);
} mounts[] = {
    {"/sys/fs/cgroup", true, quota_v2},
    {"/sys/fs/cgroup/unified", true, quota_v2},
    {"/sys/fs/cgroup/cpu", false, quota_v1},
    {"/sys/fs/cgroup/cpu,cpuacct", false, quota_v1},
};

/* A line of /proc/self/cgroup, "number:controllers:path", names our group when
 * it is that of version 2 (no controllers) or, in version 1, that of "cpu". */
static bool our_line(const char *line, bool v2)
{
    const char *names = strchr(line, ':');
    if (!names)
        return false;
    if (v2)
        return names[1] == ':';
    for (const char *p = names; *p != '\n' && *p && (p == names || *p != ':');
         p++)
        if ((*p == ':' || *p == ',') && !strncmp(p + 1, "cpu", 3) &&
            (p[4] == ':' || p[4] == ','))
            return true;
    return false;
}

/* "/a/b"; "" for the root. */
static bool our_group(struct haq_witnesses *w, bool v2, char *path, size_t size)
{
    if (!load(w, "/proc/self/cgroup"))
        return false;
    for (const char *p = w->text; p; p = next_line(p)) {
        if (!our_line(p, v2))
            continue;
        p = strchr(strchr(p, ':') + 1, ':');
        size_t n = p ? strcspn(p + 1, "\n") : size;
        if (n >= size)
            return false;
        snprintf(path, size, "%.*s", n > 1 ? (int)n : 0, p + 1);
        return !strstr(path, "..");
    }
    return false;
}

/* From our group up to the root: every level may limit us. */
static bool walk_up(struct haq_witnesses *w, const struct mount *m,
                    struct haq_look *o)
{
    char path[PATH / 2], dir[PATH];
    double quota = INFINITY, throttled = 0;
    bool counted = false;
    if (!our_group(w, m->v2, path, sizeof path))
        return false;
    for (char *slash = path; slash;) {
        snprintf(dir, sizeof dir, "%s%s", m->dir, path);
        quota = fmin(quota, m->quota(w, dir)); /* not NAN */
        double n =
            load(w, "%s/cpu.stat", dir) ? keyed(w->text, "nr_throttled") : NAN;
        counted |= !isnan(n);
        throttled += isnan(n) ? 0 : n;
        slash = strrchr(path, '/');
        if (slash)
            *slash = 0;
    }
    if (isfinite(quota))
        o->quota_cpus = quota;
    if (counted)
        o->throttled = throttled;
    return counted || isfinite(quota);
}

static void look_at_groups(struct haq_witnesses *w, struct haq_look *o)
{
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++)
        if (walk_up(w, &mounts[i], o))
            return;
}

/* ---- all ------------------------------------------------------------------
 */

static struct haq_spin spin(const struct haq_witnesses *w)
{
    return w->config.spin ? w->config.spin(w->config.arg)
                          : haq_spin_pool(w->config.pool);
}

void haq_look(struct haq_witnesses *w, struct haq_look *o)
{
    double ran_ns = NAN;
    for (size_t i = 0; i < sizeof *o / sizeof(double); i++)
        memcpy((char *)o + i * sizeof(double), &(double){NAN}, sizeof(double));
    struct haq_spin s = spin(w);
    o->chain_ns = s.chain_ns;
    o->fan_ns = s.fan_ns;
    o->hand_over_ns = s.hand_over_ns;
    look_at_threads(w, o, &ran_ns);
    look_at_ticks(w, o, ran_ns);
    look_at_speeds(w, o);
    look_at_groups(w, o);
    o->wall_ms = wall_minus_raw_ms(w);
    o->online_cpus = online(w);
}
