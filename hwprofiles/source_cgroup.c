/* Limits of the control groups that the process is in. */
#include "base/cgroup.h"
#include "hwprofiles/source.h"

static haq_status read_file(void *arg, const char *path, char **text,
                            struct haq_diag *d)
{
    return haq_probe_file(arg, path, text, NULL, d);
}

static haq_status malformed(void *arg, const char *path, const char *reason,
                            struct haq_diag *d)
{
    return haq_probe_malformed(arg, "cgroup limit", path, reason, d);
}

haq_status haq_source_cgroup(struct haq_probe *p, struct haq_diag *d)
{
    static const char *const versions[] = {NULL, "v1", "v2"};
    const struct haq_cgroup_reader r = {read_file, malformed, p};
    struct haq_cgroup g;
    struct haq_cpuset cpus;

    haq_status s = haq_cgroup_limits(&g, &r, d);
    if (s != HAQ_OK)
        return s;
    p->m->cgroup = versions[g.version];
    p->m->quota_milli = g.quota_milli;
    p->m->memory_limit = g.memory;
    if (!*g.cpus)
        return HAQ_OK;
    if (!haq_cpuset_parse_list(&cpus, g.cpus))
        return haq_probe_malformed(p, "cpuset", "sys/fs/cgroup",
                                   "a cpuset that is no list of CPUs", d);
    haq_cpuset_and(&p->allowed, &cpus);
    return HAQ_OK;
}
