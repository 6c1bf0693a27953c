/* hwprofiles/topology.h - hwloc's XML as facts about a machine.
 *
 * The tree is told by nesting alone: what a cache, a core or a package holds
 * are the PUs (hardware threads) inside its element, and a NUMA node is close
 * to those of the element it stands in.
 *
 *     <topology version="2.0">
 *       <object type="Machine"> <object type="Package">
 *         <object type="NUMANode" os_index="0" local_memory="..."/>
 *         <object type="L3Cache" cache_size="..."> ... <object type="Core">
 *           <object type="PU" os_index="0"/> ...
 *       <cpukind cpuset="0x0000000f"> <info name="CoreType" .../> ...
 */
#ifndef HAQ_HWPROFILES_TOPOLOGY_H
#define HAQ_HWPROFILES_TOPOLOGY_H

#include "hwprofiles/cpuset.h"
#include "hwprofiles/machine.h"

/* Fill packages, cores, caches, NUMA nodes, kinds and co-processors of *m from
 * `text` (changed) of `len` bytes.  *allowed loses the CPUs that the machine
 * does not have.  `cpu_name` [HAQ_CPUS_MAX] or NULL names cores by CPU.
 * `file` is for sentences; `scratch` is for what is needed on the way.
 * HAQ_FORMAT   no such XML, another version, more of something than possible
 * HAQ_INVALID  no allowed CPU is part of the machine */
haq_status haq_topology_read(struct haq_machine *m, const char *file,
                             char *text, size_t len, struct haq_cpuset *allowed,
                             const char *const *cpu_name,
                             struct haq_arena *scratch, struct haq_diag *d);

#endif
