/* hwprofiles/machine.h - what a machine is, as plain data: cores, caches,
 * memory, instruction sets, limits, co-processors, and a fingerprint of what
 * changes performance.
 *
 * It is filled by the sources (hwprofiles/source.h), from this machine or from
 * one that was recorded, and travels as JSON.  What a source wanted to know and
 * could not read is listed by name in `unknown`: nothing is guessed.
 *
 * "Allowed" is what the process may use: the CPUs of its affinity mask and of
 * its cgroup that are online.
 */
#ifndef HAQ_HWPROFILES_MACHINE_H
#define HAQ_HWPROFILES_MACHINE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/status.h"
#include "hwprofiles/fields.h"

/* Cores that are alike; the least efficient kind at work comes first, which is
 * the slow one of a big.LITTLE board. */
struct haq_core_kind {
    const char *name; /* "Cortex-A55", "IntelAtom", or the CPU's model */
    uint64_t cores, pus;
    uint64_t allowed_cores, allowed_pus;
    uint64_t max_mhz;  /* 0: not known */
    uint64_t capacity; /* as Linux rates it, 1024 = the fastest; 0: not known */
};

enum haq_cache_type { HAQ_CACHE_UNIFIED, HAQ_CACHE_DATA, HAQ_CACHE_CODE };

/* Caches that are alike, by level and size. */
struct haq_cache {
    uint64_t level;
    unsigned type; /* enum haq_cache_type */
    uint64_t bytes;
    uint64_t line;    /* bytes; 0: not known */
    uint64_t ways;    /* 0: not known; fully associative ones say their lines */
    uint64_t pus;     /* hardware threads that share one */
    uint64_t count;   /* of the machine */
    uint64_t allowed; /* those that allowed CPUs reach */
};

struct haq_numa_node {
    uint64_t number;
    uint64_t bytes;
    uint64_t cores, allowed_cores; /* closest to it; memory alone has none */
};

/* A co-processor that the operating system shows. */
struct haq_os_device {
    const char *name;  /* "cuda0", "renderD128" */
    const char *type;  /* "gpu", "coprocessor", "fabric" */
    const char *model; /* NULL: not told */
    uint64_t bytes;    /* memory of its own; 0: not told */
};

struct haq_cl_device {
    const char *platform, *name, *version, *driver;
    const char *type; /* "cpu", "gpu", "accelerator" */
    uint64_t compute_units;
    uint64_t memory_bytes;
};

/* A vendor runtime that is installed. */
struct haq_runtime {
    const char *name;    /* "ONNX Runtime" */
    const char *file;    /* the library */
    const char *version; /* of the library's name; NULL: it tells none */
};

struct haq_unknown {
    const char *what;   /* "governor" */
    const char *file;   /* that would tell */
    const char *reason; /* "No such file or directory" */
};

struct haq_machine {
    struct haq_arena arena;
    const char
        *origin;      /* what the facts are: "recorded ...", "synthetic ..." */
    const char *host; /* NULL: not told */
    const char *arch; /* as uname says: "x86_64", "aarch64" */
    const char *vendor, *model; /* NULL: not told; model is never NULL */
    uint64_t family, model_number, stepping; /* x86 */
    uint64_t packages, cores, pus;
    uint64_t allowed_cores, allowed_pus;
    const char *allowed_cpus; /* "0-3,8" */
    struct haq_list kinds;    /* struct haq_core_kind */
    struct haq_list caches;   /* struct haq_cache, by level */
    struct haq_list numa;     /* struct haq_numa_node */
    uint64_t memory_bytes;
    unsigned isa;             /* HAQ_ISA_* */
    struct haq_list features; /* const char *: instruction sets by name */

    const char *cgroup;    /* "v1", "v2"; NULL: none */
    uint64_t quota_milli;  /* CPU time a second, in 1/1000 CPU; 0: no limit */
    uint64_t memory_limit; /* bytes; 0: no limit */

    const char *governor, *boost; /* "performance", "on"; NULL: see unknown */
    const char *huge_pages;       /* "always", "madvise", "never" */

    struct haq_list devices;  /* struct haq_os_device */
    struct haq_list opencl;   /* struct haq_cl_device, in the loader's order */
    struct haq_list runtimes; /* struct haq_runtime */
    struct haq_list unknown;  /* struct haq_unknown */
};

void haq_machine_init(struct haq_machine *m);
void haq_machine_fini(struct haq_machine *m);

/* Look around here.  HAQ_FAILED when hwloc cannot load; HAQ_NOMEM. */
haq_status haq_machine_probe(struct haq_machine *m, struct haq_diag *d);

/* Cores that it pays to use: those allowed, or fewer by the quota; never 0. */
uint64_t haq_machine_usable_cores(const struct haq_machine *m);

/* Bytes of one data cache of that level: the smallest that an allowed CPU
 * reaches; 0: none. */
uint64_t haq_machine_cache(const struct haq_machine *m, uint64_t level);

/* JSON there and back.  from_json treats its input as hostile: HAQ_FORMAT with
 * the member's place.  to_json: new reference, NULL: no memory. */
json_t *haq_machine_to_json(const struct haq_machine *m);
haq_status haq_machine_from_json(struct haq_machine *m, const json_t *j,
                                 const char *where, struct haq_diag *d);

/* Hash of what changes the latency of our CPU backend with `threads` threads
 * (0: one a usable core) under `isa`:
 *   the CPU's model and stepping; allowed cores by kind, with their hardware
 *   threads; caches and NUMA nodes they reach; instruction sets; memory up to a
 *   power of two; CPU quota; governor, boost, huge pages; threads.
 * Not in it: names, which of several alike cores they are, free memory, what is
 * installed, the order in which things were found.  HAQ_NOMEM. */
haq_status haq_machine_fingerprint(const struct haq_machine *m, unsigned isa,
                                   uint64_t threads, char out[HAQ_HASH_HEX],
                                   struct haq_diag *d);

/* What of the fingerprint differs between two looks at a machine, in words:
 * "allowed cores, CPU quota (1/1000 CPU) 0 -> 1500"; "" when nothing does.
 * malloc'ed; NULL: no memory. */
char *haq_machine_changes(const struct haq_machine *was,
                          const struct haq_machine *is);

/* Fingerprint of an OpenCL device: platform, driver and what it is. */
haq_status haq_cl_fingerprint(const struct haq_cl_device *c,
                              char out[HAQ_HASH_HEX], struct haq_diag *d);

#endif
