/* hwprofiles/source.h - where facts about a machine come from.
 *
 * A source is one file source_<name>.c with one row in source.c; the rows run
 * in their order.  A source reads files by haq_probe_file, and what no file
 * tells (hwloc, CPUID, OpenCL) as a text that it makes by itself, through
 * haq_probe_made.  So a machine can be recorded, by keeping every text that was
 * read, and read back on another machine:
 *
 *     DIR/ORIGIN                   one line: what this is
 *     DIR/topology.xml             hwloc
 *     DIR/cpuid.txt                CPUID leaves
 *     DIR/machine.txt              uname
 *     DIR/opencl.json, runtimes.txt
 *     DIR/proc/..., DIR/sys/...    files, at their places
 *
 * A recorded machine is hostile input: sizes are bounded, only regular files
 * are opened, and what is malformed ends with HAQ_FORMAT.  Here, where the
 * kernel wrote the files, something malformed is listed as unknown.
 */
#ifndef HAQ_HWPROFILES_SOURCE_H
#define HAQ_HWPROFILES_SOURCE_H

#include "base/buf.h"
#include "hwprofiles/cpuset.h"
#include "hwprofiles/machine.h"

struct haq_probe {
    const char *folder;     /* of a recorded machine; NULL: this one */
    const char *record;     /* folder to keep what was read; NULL: no */
    struct haq_arena arena; /* for texts; goes after probing */
    struct haq_machine *m;  /* to fill */

    /* What sources leave for those behind them. */
    struct haq_cpuset allowed; /* CPUs the process may use */
    const char **cpu_name;     /* [HAQ_CPUS_MAX] model by CPU; NULL: no names */
};

typedef haq_status haq_source_fn(struct haq_probe *p, struct haq_diag *d);

struct haq_source {
    const char *name;
    haq_source_fn *run;
};

extern const struct haq_source haq_sources[]; /* ends with a NULL name */

/* Fill *m (initialized first) by all sources: from `folder`, or from this
 * machine when it is NULL; `record` names a folder that is made or is empty.
 * HAQ_FORMAT, HAQ_INVALID  a recorded machine that is none, file and reason
 * HAQ_FAILED               hwloc cannot load here
 * HAQ_IO                   the recording cannot be written */
haq_status haq_sources_run(struct haq_machine *m, const char *folder,
                           const char *record, struct haq_diag *d);

/* Text of the file at `path` ("proc/cpuinfo"), NUL-terminated, in the probe's
 * arena; it may be changed.  *text is NULL when there is none or it cannot be
 * read, and `reason`, if not NULL, gets static words that say why. */
haq_status haq_probe_file(struct haq_probe *p, const char *path, char **text,
                          const char **reason, struct haq_diag *d);

/* A text that `make` writes about this machine, kept under `name`. *text is
 * NULL when the recorded machine has none; *len may be NULL. */
typedef haq_status haq_probe_make_fn(struct haq_buf *out, struct haq_diag *d);
haq_status haq_probe_made(struct haq_probe *p, const char *name,
                          haq_probe_make_fn *make, char **text, size_t *len,
                          struct haq_diag *d);

/* List something as unknown.  HAQ_NOMEM. */
haq_status haq_probe_unknown(struct haq_probe *p, const char *what,
                             const char *path, const char *reason,
                             struct haq_diag *d);

/* The file is there and makes no sense: HAQ_FORMAT for a recorded machine, and
 * unknown here. */
haq_status haq_probe_malformed(struct haq_probe *p, const char *what,
                               const char *path, const char *reason,
                               struct haq_diag *d);

/* What the sentences call it: "DIR/path" or "/path".  In the probe's arena; "?"
 * when memory is out. */
const char *haq_probe_name(struct haq_probe *p, const char *path);

/* Cut the line at *at into key and value of "key : value" and move *at to the
 * next; false at the end of the text.  A line without a colon has no value. */
bool haq_probe_pair(char **at, char **key, char **value);

/* Words up to the end of line or text, copied into the machine (control
 * characters replaced).  NULL: no memory. */
const char *haq_probe_line(struct haq_probe *p, const char *text);

extern const struct haq_fields haq_cl_fields; /* of struct haq_cl_device */

haq_source_fn haq_source_uname, haq_source_cpuid, haq_source_proc,
    haq_source_isa, haq_source_cgroup, haq_source_hwloc, haq_source_settings,
    haq_source_opencl, haq_source_runtimes;

#endif
