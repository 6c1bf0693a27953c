/* What the kernel tells in files: processor names and flags, memory, affinity.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "hwprofiles/arm_cores.h"
#include "hwprofiles/source.h"

static haq_status nomem(struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "probing the machine: out of memory");
}

/* ---- /proc/cpuinfo --------------------------------------------------------
 */

struct cpuinfo {
    struct haq_probe *p;
    size_t cpu; /* of the lines being read */
    bool any;
    bool told;            /* CPUID has said what it is */
    uint64_t implementer; /* Arm */
};

static haq_status bad_line(const struct cpuinfo *c, const char *key,
                           struct haq_diag *d)
{
    char reason[120];
    snprintf(reason, sizeof reason, "\"%.40s\" makes no sense", key);
    return haq_probe_malformed(c->p, "processor", "proc/cpuinfo", reason, d);
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 0);
    *out = v;
    return isdigit((unsigned char)*text) && !end[strspn(end, " \t")] &&
           v <= max;
}

typedef haq_status line_fn(struct cpuinfo *c, const char *key, char *value,
                           struct haq_diag *d);

static haq_status take_processor(struct cpuinfo *c, const char *key,
                                 char *value, struct haq_diag *d)
{
    uint64_t v;
    if (!parse_number(value, HAQ_CPUS_MAX - 1, &v))
        return bad_line(c, key, d);
    c->cpu = (size_t)v;
    c->any = true;
    return HAQ_OK;
}

/* CPUID or the first processor speaks for the machine; others have names. */
static haq_status take_model(struct cpuinfo *c, const char *key, char *value,
                             struct haq_diag *d)
{
    struct haq_machine *m = c->p->m;
    (void)key;
    if (m->model)
        return HAQ_OK;
    m->model = haq_probe_line(c->p, value);
    return m->model ? HAQ_OK : nomem(d);
}

static haq_status take_vendor(struct cpuinfo *c, const char *key, char *value,
                              struct haq_diag *d)
{
    struct haq_machine *m = c->p->m;
    (void)key;
    if (m->vendor)
        return HAQ_OK;
    m->vendor = haq_probe_line(c->p, value);
    return m->vendor ? HAQ_OK : nomem(d);
}

static haq_status take_number(struct cpuinfo *c, const char *key, char *value,
                              struct haq_diag *d)
{
    struct haq_machine *m = c->p->m;
    uint64_t v;
    uint64_t *to = !strcmp(key, "cpu family") ? &m->family
                   : !strcmp(key, "model")    ? &m->model_number
                                              : &m->stepping;
    if (c->told)
        return HAQ_OK;
    /* Some kernels write "unknown" for the stepping. */
    if (!parse_number(value, 1 << 16, &v))
        return !strcmp(value, "unknown") ? HAQ_OK : bad_line(c, key, d);
    *to = v;
    return HAQ_OK;
}

/* Flags of the first processor.  On Arm they are the instruction sets' only
 * source; the names of x86 are the kernel's. */
static haq_status take_flags(struct cpuinfo *c, const char *key, char *value,
                             struct haq_diag *d)
{
    struct haq_list *l = &c->p->m->features;
    (void)key;
    if (l->n)
        return HAQ_OK;
    char *rest;
    for (char *word = strtok_r(value, " \t", &rest); word;
         word = strtok_r(NULL, " \t", &rest)) {
        const char **item = haq_list_add(l, sizeof *item, &c->p->m->arena);
        if (!item)
            return nomem(d);
        *item = haq_probe_line(c->p, word);
        if (!*item)
            return nomem(d);
    }
    return HAQ_OK;
}

static haq_status take_implementer(struct cpuinfo *c, const char *key,
                                   char *value, struct haq_diag *d)
{
    return parse_number(value, 0xff, &c->implementer) ? HAQ_OK
                                                      : bad_line(c, key, d);
}

static haq_status take_part(struct cpuinfo *c, const char *key, char *value,
                            struct haq_diag *d)
{
    uint64_t part;
    if (!parse_number(value, 0xfff, &part))
        return bad_line(c, key, d);
    const char *name = haq_arm_core_name((unsigned)c->implementer,
                                         (unsigned)part, &c->p->m->arena);
    if (!name)
        return nomem(d);
    c->p->cpu_name[c->cpu] = name;
    return HAQ_OK;
}

static const struct {
    const char *key;
    line_fn *take;
} cpuinfo_lines[] = {
    {"processor", take_processor},
    {"model name", take_model},
    {"vendor_id", take_vendor},
    {"cpu family", take_number},
    {"model", take_number},
    {"stepping", take_number},
    {"flags", take_flags},
    {"Features", take_flags},
    {"CPU implementer", take_implementer},
    {"CPU part", take_part},
};
enum { N_LINES = sizeof cpuinfo_lines / sizeof *cpuinfo_lines };

static haq_status take_cpuinfo(struct haq_probe *p, struct haq_diag *d)
{
    struct cpuinfo c = {.p = p, .told = p->m->model != NULL};
    char *text, *key, *value;
    const char *reason;
    haq_status s = haq_probe_file(p, "proc/cpuinfo", &text, &reason, d);

    /* CPUID has said it all where there is one. */
    if (s == HAQ_OK && !text)
        return p->m->model ? HAQ_OK
                           : haq_probe_unknown(p, "processor", "proc/cpuinfo",
                                               reason, d);
    while (s == HAQ_OK && haq_probe_pair(&text, &key, &value))
        for (size_t i = 0; value && s == HAQ_OK && i < N_LINES; i++)
            if (!strcmp(key, cpuinfo_lines[i].key))
                s = cpuinfo_lines[i].take(&c, key, value, d);
    if (s == HAQ_OK && !c.any)
        s = haq_probe_malformed(p, "processor", "proc/cpuinfo",
                                "no \"processor\" line", d);
    return s;
}

/* On Arm the fastest core's name stands for the machine; the kernel gives no
 * model. */
static haq_status name_model(struct haq_probe *p, struct haq_diag *d)
{
    const char *name = NULL;
    for (size_t i = 0; i < HAQ_CPUS_MAX; i++)
        name = p->cpu_name[i] ? p->cpu_name[i] : name;
    if (!p->m->model)
        p->m->model = haq_arena_strdup(&p->m->arena, name ? name : p->m->arch);
    return p->m->model ? HAQ_OK : nomem(d);
}

/* ---- /proc/meminfo and the affinity mask ----------------------------------
 */

static haq_status take_memory(struct haq_probe *p, struct haq_diag *d)
{
    char *text, *key, *value;
    const char *reason;
    haq_status s = haq_probe_file(p, "proc/meminfo", &text, &reason, d);

    if (s == HAQ_OK && !text)
        return haq_probe_unknown(p, "memory", "proc/meminfo", reason, d);
    while (s == HAQ_OK && haq_probe_pair(&text, &key, &value)) {
        char *end;
        if (strcmp(key, "MemTotal") != 0 || !value)
            continue;
        unsigned long long kib = strtoull(value, &end, 10);
        if (!isdigit((unsigned char)*value) || strcmp(end, " kB") != 0 ||
            kib > UINT64_C(1) << 50)
            return haq_probe_malformed(p, "memory", "proc/meminfo",
                                       "MemTotal is not \"NUMBER kB\"", d);
        p->m->memory_bytes = (uint64_t)kib << 10;
        return HAQ_OK;
    }
    return s != HAQ_OK ? s
                       : haq_probe_malformed(p, "memory", "proc/meminfo",
                                             "no line \"MemTotal\"", d);
}

/* Of the calling thread, which a pool may have bound: it is what a new process
 * would inherit. */
static haq_status take_affinity(struct haq_probe *p, struct haq_diag *d)
{
    static const char path[] = "proc/thread-self/status";
    struct haq_cpuset cpus;
    char *text, *key, *value;
    const char *reason;
    haq_status s = haq_probe_file(p, path, &text, &reason, d);

    if (s == HAQ_OK && !text)
        return haq_probe_unknown(p, "affinity mask", path, reason, d);
    while (s == HAQ_OK && haq_probe_pair(&text, &key, &value)) {
        if (strcmp(key, "Cpus_allowed_list") != 0 || !value)
            continue;
        if (!haq_cpuset_parse_list(&cpus, value))
            return haq_probe_malformed(p, "affinity mask", path,
                                       "Cpus_allowed_list is no list of CPUs",
                                       d);
        haq_cpuset_and(&p->allowed, &cpus);
        return HAQ_OK;
    }
    return s;
}

haq_status haq_source_proc(struct haq_probe *p, struct haq_diag *d)
{
    typedef haq_status part_fn(struct haq_probe *, struct haq_diag *);
    static part_fn *const parts[] = {take_cpuinfo, name_model, take_memory,
                                     take_affinity};
    haq_status s = HAQ_OK;

    p->cpu_name = haq_arena_array(&p->arena, HAQ_CPUS_MAX, sizeof *p->cpu_name);
    if (!p->cpu_name)
        return nomem(d);
    for (size_t i = 0; s == HAQ_OK && i < sizeof parts / sizeof *parts; i++)
        s = parts[i](p, d);
    return s;
}
