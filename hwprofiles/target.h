/* hwprofiles/target.h - what is known about a target, as a file.
 *
 *   {"profile":1, "name":"edge-board", "source":"...",
 *    "machine":{...},                     absent for what is no machine
 *    "devices":[{"device":"cpu", "type":"cpu", "name":"...",
 *                "fingerprint":"...",     of machines alone
 *                "capabilities":[{...}],  hwprofiles/capability.h
 *                "figures":[{"name":"dram_bytes_per_s","value":1e10,
 *                            "source":"..."}]}],
 *    "measured":{...}}                    kept as it is
 *
 * `haq devices --save` writes one, hwprofiles/data/ holds some of common
 * targets, and `haq devices --from` reads both.  docs/devices.md has the
 * schema.
 */
#ifndef HAQ_HWPROFILES_TARGET_H
#define HAQ_HWPROFILES_TARGET_H

#include <stdbool.h>

#include "hwprofiles/capability.h"
#include "hwprofiles/machine.h"

enum { HAQ_TARGET_VERSION = 1 };

/* A number that a cost model needs; its unit is in its name. */
struct haq_figure {
    const char *name; /* "clock_hz", "macs_per_s_int8" */
    double value;
    const char *source; /* where it comes from */
};

struct haq_target_device {
    const char *device; /* "cpu", "opencl:0", "npu" */
    const char *type;   /* "cpu", "gpu", "npu", "accelerator" */
    const char *name;
    const char *fingerprint;      /* NULL: not of a machine */
    struct haq_list capabilities; /* struct haq_capability */
    struct haq_list figures;      /* struct haq_figure */
};

struct haq_target {
    struct haq_arena arena;
    const char *name;   /* never NULL */
    const char *source; /* where the facts come from; never NULL */
    bool has_machine;
    struct haq_machine machine;
    struct haq_list devices; /* struct haq_target_device */
    json_t *measured;        /* owned; NULL: nothing */
};

void haq_target_init(struct haq_target *p);
void haq_target_fini(struct haq_target *p);

/* This machine (folder NULL) or a recorded one with its devices: the CPU first,
 * then the OpenCL devices.  Nothing is said of capabilities: those are the
 * business of whoever has the kernels.  `record` as in haq_sources_run, whose
 * statuses are returned. */
haq_status haq_target_probe(struct haq_target *p, const char *folder,
                            const char *record, struct haq_diag *d);

/* JSON there and back.  from_json treats its input as hostile: HAQ_FORMAT with
 * `name` (a path) and the member's place; also when a fingerprint is not that
 * of the machine beside it. */
json_t *haq_target_to_json(const struct haq_target *p); /* NULL: no memory */
haq_status haq_target_from_json(struct haq_target *p, const json_t *j,
                                const char *name, struct haq_diag *d);

/* Read a file; write canonical JSON and a newline, all or nothing. */
haq_status haq_target_read(struct haq_target *p, const char *path,
                           struct haq_diag *d);
haq_status haq_target_write(const struct haq_target *p, const char *path,
                            struct haq_diag *d);

/* Device by name ("cpu"), or NULL. */
struct haq_target_device *haq_target_find(const struct haq_target *p,
                                          const char *device);

#endif
