#include "base/cgroup.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { PATH_MAX_HERE = 1024 };

struct walk {
    struct haq_cgroup *out;
    const struct haq_cgroup_reader *r;
};

/* ---- one file -------------------------------------------------------------
 */

static const char *skip_space(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

/* A whole number; moves *s behind it and the space that follows. */
static bool parse_number(const char **s, uint64_t *out)
{
    const char *p = *s;
    *out = 0;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++) {
        if (*out > (UINT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (uint64_t)(*p - '0');
    }
    *s = skip_space(p);
    return p != *s || !*p;
}

static void smaller(uint64_t *limit, uint64_t v)
{
    if (!*limit || v < *limit)
        *limit = v;
}

/* Rounded down, but never to what would be no limit. */
static bool set_quota(struct haq_cgroup *g, uint64_t quota, uint64_t period)
{
    if (!quota || !period || quota > UINT64_MAX / 1000)
        return false;
    uint64_t milli = quota * 1000 / period;
    smaller(&g->quota_milli, milli ? milli : 1);
    return true;
}

/* "max 100000" or "150000 100000" */
static bool take_cpu_max(struct haq_cgroup *g, const char *text)
{
    uint64_t quota, period;
    if (!strncmp(text, "max", 3))
        return true;
    return parse_number(&text, &quota) && parse_number(&text, &period) &&
           !*text && set_quota(g, quota, period);
}

/* "150000 100000", put together from the two files of version 1, or "-1 ..." */
static bool take_cfs(struct haq_cgroup *g, const char *text)
{
    return *text == '-' || take_cpu_max(g, text);
}

/* "max", bytes, or in version 1 a number near 2^63 for no limit. */
static bool take_memory(struct haq_cgroup *g, const char *text)
{
    uint64_t v;
    if (!strncmp(text, "max", 3))
        return true;
    if (!parse_number(&text, &v) || *text)
        return false;
    if (v && v < UINT64_C(1) << 60)
        smaller(&g->memory, v);
    return true;
}

/* The innermost group that tells counts: outer ones hold more. */
static bool take_cpus(struct haq_cgroup *g, const char *text)
{
    size_t n = strcspn(text, "\n");
    if (n >= sizeof g->cpus || text[strspn(text, "0123456789-,\n ")])
        return false;
    if (!*g->cpus)
        memcpy(g->cpus, text, n);
    return true;
}

/* ---- which files ----------------------------------------------------------
 */

static const struct limit {
    int version;
    const char *controller;
    const char *file, *second; /* second: its text is added behind a space */
    bool (*take)(struct haq_cgroup *g, const char *text);
    const char *wrong;
} limits[] = {
    {2, "", "cpu.max", NULL, take_cpu_max, "not \"QUOTA PERIOD\""},
    {2, "", "memory.max", NULL, take_memory, "not a number of bytes"},
    {2, "", "cpuset.cpus.effective", NULL, take_cpus, "not a list of CPUs"},
    {1, "cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us", take_cfs,
     "not a number of microseconds"},
    {1, "memory", "memory.limit_in_bytes", NULL, take_memory,
     "not a number of bytes"},
    {1, "cpuset", "cpuset.effective_cpus", NULL, take_cpus,
     "not a list of CPUs"},
};
enum { N_LIMITS = sizeof limits / sizeof *limits };

static haq_status read_limit(const struct walk *w, const struct limit *l,
                             const char *folder, struct haq_diag *d)
{
    char path[PATH_MAX_HERE + 64], both[128];
    char *text, *second = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, l->file);
    haq_status s = w->r->read(w->r->arg, path, &text, d);
    if (s != HAQ_OK || !text)
        return s;
    const char *value = text;
    if (l->second) {
        char beside[sizeof path];
        snprintf(beside, sizeof beside, "%s/%s", folder, l->second);
        s = w->r->read(w->r->arg, beside, &second, d);
        if (s != HAQ_OK)
            return s;
        snprintf(both, sizeof both, "%.60s %.60s", text, second ? second : "");
        value = both;
    }
    w->out->version = l->version;
    if (!l->take(w->out, skip_space(value)))
        s = w->r->malformed(w->r->arg, path, l->wrong, d);
    return s;
}

/* From the group's folder up to the mount.  Inside a namespace the path may
 * lead nowhere, and then only the mount's own files are found. */
static haq_status walk_up(const struct walk *w, const struct limit *l,
                          const char *mount, const char *group,
                          struct haq_diag *d)
{
    char folder[PATH_MAX_HERE];
    size_t root = strlen(mount);
    haq_status s = HAQ_OK;

    /* "/.." stands for a group outside the namespace. */
    if (strstr(group, "..") || root + strlen(group) >= sizeof folder)
        group = "";
    snprintf(folder, sizeof folder, "%s%s", mount, group);
    for (;;) {
        char *end = folder + strlen(folder);
        while (end > folder + root && end[-1] == '/')
            *--end = 0;
        s = read_limit(w, l, folder, d);
        if (s != HAQ_OK || end == folder + root)
            return s;
        while (end > folder + root && end[-1] != '/')
            *--end = 0;
    }
}

/* Is `word` one of the comma list? */
static bool lists(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (!strncmp(p, word, n) && (p[n] == ',' || !p[n]))
            return true;
    }
    return false;
}

/* "4:cpu,cpuacct" and "/box": the mount has the list's name; Debian has links
 * for each controller, containers often only those. */
static haq_status walk_line(const struct walk *w, const char *controllers,
                            const char *group, struct haq_diag *d)
{
    char mount[PATH_MAX_HERE];
    haq_status s = HAQ_OK;

    for (size_t i = 0; s == HAQ_OK && i < N_LIMITS; i++) {
        const struct limit *l = &limits[i];
        if (*l->controller ? !lists(controllers, l->controller) : *controllers)
            continue;
        snprintf(mount, sizeof mount, "sys/fs/cgroup%s%s",
                 *l->controller ? "/" : "", l->controller);
        s = walk_up(w, l, mount, group, d);
    }
    return s;
}

haq_status haq_cgroup_limits(struct haq_cgroup *out,
                             const struct haq_cgroup_reader *r,
                             struct haq_diag *d)
{
    const struct walk w = {out, r};
    char *text;

    *out = (struct haq_cgroup){0};
    haq_status s = r->read(r->arg, "proc/self/cgroup", &text, d);
    while (s == HAQ_OK && text && *text) {
        /* NUMBER:CONTROLLERS:PATH */
        char *next = strchr(text, '\n');
        if (next)
            *next++ = 0;
        char *controllers = strchr(text, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group || group[1] != '/')
            return r->malformed(r->arg, "proc/self/cgroup",
                                "not lines of NUMBER:CONTROLLERS:PATH", d);
        *group++ = 0;
        s = walk_line(&w, controllers + 1, group, d);
        text = next;
    }
    return s;
}

/* ---- this process ---------------------------------------------------------
 */

enum { TEXTS = 3 };

struct here {
    void *text[TEXTS];
    size_t n; /* files read */
};

static haq_status read_here(void *arg, const char *path, char **text,
                            struct haq_diag *d)
{
    enum { LIMIT = 1 << 20 };
    struct here *h = arg;
    char name[PATH_MAX_HERE + 80];
    void *data = NULL;
    size_t len;

    (void)d;
    snprintf(name, sizeof name, "/%s", path);
    if (haq_file_read(name, LIMIT, &data, &len, NULL) != HAQ_OK)
        data = NULL;
    *text = data;
    /* The first text, of proc/self/cgroup, is used to the end; of the others
     * two at a time are. */
    size_t slot = h->n ? 1 + h->n % (TEXTS - 1) : 0;
    free(h->text[slot]);
    h->text[slot] = data;
    h->n++;
    return HAQ_OK;
}

static haq_status ignore(void *arg, const char *path, const char *reason,
                         struct haq_diag *d)
{
    (void)arg, (void)path, (void)reason, (void)d;
    return HAQ_OK;
}

uint64_t haq_cgroup_quota_here(void)
{
    struct here h = {.n = 0};
    struct haq_cgroup g;
    const struct haq_cgroup_reader r = {read_here, ignore, &h};

    haq_cgroup_limits(&g, &r, NULL);
    for (size_t i = 0; i < TEXTS; i++)
        free(h.text[i]);
    return g.quota_milli;
}
