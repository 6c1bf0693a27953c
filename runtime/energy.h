/* runtime/energy.h - what the processor packages consume, by powercap (RAPL).
 *
 * Linux counts it in /sys/class/powercap/<zone>/energy_uj, readable by root
 * only since CVE-2020-8694, and in virtual machines usually not at all: then
 * there is no number.  The counters move about every millisecond and wrap
 * around.  They count everything on the package, idle power included.
 */
#ifndef HAQ_RUNTIME_ENERGY_H
#define HAQ_RUNTIME_ENERGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HAQ_PACKAGES_MAX = 16 };

struct haq_energy {
    size_t n; /* packages that can be read; 0: not available */
    struct haq_package {
        char file[256];
        uint64_t range_uj, last_uj;
    } package[HAQ_PACKAGES_MAX];
};

/* Find the zones of packages ("package-0") below <root>/sys (NULL: the
 * machine's) that can be read. */
void haq_energy_open(struct haq_energy *e, const char *root);

/* Microjoules since the call before, or since open, of all packages together;
 * false when a counter cannot be read.  Call it more often than counters wrap
 * (minutes). */
bool haq_energy_uj(struct haq_energy *e, double *out);

#endif
