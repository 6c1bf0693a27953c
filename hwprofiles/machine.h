/* hwprofiles/machine.h - what this machine is: topology, instruction sets,
 * OpenCL devices, and a fingerprint of what changes performance.
 */
#ifndef HAQ_HWPROFILES_MACHINE_H
#define HAQ_HWPROFILES_MACHINE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/status.h"

struct haq_cl_device {
    const char *platform, *name, *version, *driver;
    const char *type; /* "cpu", "gpu", "accelerator" */
    size_t compute_units;
    uint64_t memory_bytes;
};

struct haq_machine {
    struct haq_arena arena;
    const char *model; /* "AMD EPYC ..." */
    const char *host;
    size_t packages, cores, pus; /* of the machine */
    size_t allowed_cores;        /* of this process: cgroup, affinity */
    uint64_t l1d_bytes, l2_bytes, l3_bytes; /* of one cache each, 0 = none */
    size_t numa_nodes;
    uint64_t memory_bytes;
    unsigned isa;             /* HAQ_ISA_* */
    struct haq_cl_device *cl; /* OpenCL devices; empty without a loader */
    size_t n_cl;
};

/* Look around (hwloc, CPUID, OpenCL). HAQ_FAILED when hwloc cannot load. */
haq_status haq_machine_probe(struct haq_machine *m, struct haq_diag *d);
void haq_machine_fini(struct haq_machine *m);

/* What `haq devices --json` prints.  New reference; NULL: no memory. */
json_t *haq_machine_to_json(const struct haq_machine *m);

/* Hash of what changes the latency of our CPU backend with `threads` threads
 * under `isa`: CPU model, allowed cores, caches, instruction sets, threads.
 * Host name and free memory are not in it. */
haq_status haq_machine_fingerprint(const struct haq_machine *m, unsigned isa,
                                   size_t threads, char out[HAQ_HASH_HEX],
                                   struct haq_diag *d);

#endif
