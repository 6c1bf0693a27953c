/* hwprofiles/arm_cores.h - names of Arm cores by the numbers in /proc/cpuinfo.
 */
#ifndef HAQ_HWPROFILES_ARM_CORES_H
#define HAQ_HWPROFILES_ARM_CORES_H

#include "base/arena.h"

/* "Cortex-A76"; "Arm part 0x41:0xabc" for one that is not in the table.  NULL:
 * no memory. */
const char *haq_arm_core_name(unsigned implementer, unsigned part,
                              struct haq_arena *a);

#endif
