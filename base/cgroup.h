/* base/cgroup.h - what a process's control groups allow: versions 1 and 2.
 *
 *     proc/self/cgroup     0::/box            in which groups it is
 *     sys/fs/cgroup/box/cpu.max  150000 100000   what they may use
 *     sys/fs/cgroup/cpu.max      max 100000      and the groups around them
 *
 * A limit of any group on the way to the root binds, so the smallest counts.
 * Files are read through a function of the caller, who may have them from
 * another machine; all of them are treated as hostile.
 */
#ifndef HAQ_BASE_CGROUP_H
#define HAQ_BASE_CGROUP_H

#include <stdint.h>

#include "base/status.h"

struct haq_cgroup {
    int version;          /* 0: none found, 1, 2 */
    uint64_t quota_milli; /* CPU time a second in 1/1000 CPU; 0: no limit */
    uint64_t memory;      /* bytes; 0: no limit */
    char cpus[4096];      /* list of CPUs ("0-3,8"); "": not told */
};

/* How files are had, and what is wrong with one of them. */
struct haq_cgroup_reader {
    /* *text: the file's text, valid until the walk ends; NULL: there is none.
     */
    haq_status (*read)(void *arg, const char *path, char **text,
                       struct haq_diag *d);
    /* A limit that is no number: HAQ_OK to go on without it. */
    haq_status (*malformed)(void *arg, const char *path, const char *reason,
                            struct haq_diag *d);
    void *arg;
};

/* What the reader returns, or HAQ_OK; no groups at all are no error. */
haq_status haq_cgroup_limits(struct haq_cgroup *out,
                             const struct haq_cgroup_reader *r,
                             struct haq_diag *d);

/* CPUs' worth of time in 1/1000 that this process may use; 0: no limit. */
uint64_t haq_cgroup_quota_here(void);

#endif
