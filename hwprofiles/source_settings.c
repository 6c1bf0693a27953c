/* Settings that change speed: frequency governor, boost, huge pages. */
#include <string.h>

#include "hwprofiles/source.h"

static haq_status nomem(struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "settings of the machine: out of memory");
}

/* Governors of all allowed CPUs, or of the first that tells none. */
static haq_status take_governor(struct haq_probe *p, struct haq_diag *d)
{
    char path[96], *text;
    const char *reason = "no CPU";

    for (size_t c = 0; c < HAQ_CPUS_MAX; c++) {
        if (!haq_cpuset_has(&p->allowed, c))
            continue;
        snprintf(path, sizeof path,
                 "sys/devices/system/cpu/cpu%zu/cpufreq/scaling_governor", c);
        haq_status s = haq_probe_file(p, path, &text, &reason, d);
        if (s != HAQ_OK)
            return s;
        if (!text)
            return p->m->governor
                       ? HAQ_OK
                       : haq_probe_unknown(p, "governor", path, reason, d);
        const char *name = haq_probe_line(p, text);
        if (!name)
            return nomem(d);
        if (p->m->governor && strcmp(p->m->governor, name) != 0)
            name = "several";
        p->m->governor = name;
    }
    return HAQ_OK;
}

/* One file or the other, by driver; the second says the opposite. */
static haq_status take_boost(struct haq_probe *p, struct haq_diag *d)
{
    static const struct {
        const char *path, *on;
    } files[] = {{"sys/devices/system/cpu/cpufreq/boost", "1"},
                 {"sys/devices/system/cpu/intel_pstate/no_turbo", "0"}};
    const char *reason = NULL;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *text;
        haq_status s = haq_probe_file(p, files[i].path, &text, &reason, d);
        if (s != HAQ_OK)
            return s;
        if (!text)
            continue;
        const char *word = haq_probe_line(p, text);
        if (!word)
            return nomem(d);
        if (strcmp(word, "0") != 0 && strcmp(word, "1") != 0)
            return haq_probe_malformed(p, "boost", files[i].path,
                                       "neither 0 nor 1", d);
        p->m->boost = !strcmp(word, files[i].on) ? "on" : "off";
        return HAQ_OK;
    }
    return haq_probe_unknown(p, "boost", files[0].path, reason, d);
}

/* "always [madvise] never" */
static haq_status take_pages(struct haq_probe *p, struct haq_diag *d)
{
    static const char path[] = "sys/kernel/mm/transparent_hugepage/enabled";
    char *text;
    const char *reason;
    haq_status s = haq_probe_file(p, path, &text, &reason, d);

    if (s != HAQ_OK)
        return s;
    if (!text)
        return haq_probe_unknown(p, "huge pages", path, reason, d);
    char *from = strchr(text, '['), *to = from ? strchr(from, ']') : NULL;
    if (!to)
        return haq_probe_malformed(p, "huge pages", path,
                                   "no choice in brackets", d);
    p->m->huge_pages =
        haq_text_copy(&p->m->arena, from + 1, (size_t)(to - from - 1));
    return p->m->huge_pages ? HAQ_OK : nomem(d);
}

haq_status haq_source_settings(struct haq_probe *p, struct haq_diag *d)
{
    haq_status s = take_governor(p, d);
    if (s == HAQ_OK)
        s = take_boost(p, d);
    return s == HAQ_OK ? take_pages(p, d) : s;
}
