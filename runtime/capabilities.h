/* runtime/capabilities.h - what our CPU backend executes, from the tables of
 * kernels: the rows that hwprofiles/legal.h reads.
 */
#ifndef HAQ_RUNTIME_CAPABILITIES_H
#define HAQ_RUNTIME_CAPABILITIES_H

#include "hwprofiles/capability.h"

/* Rows for a machine with the instruction sets `isa`, by the kernels that are
 * built into this program.  HAQ_NOMEM. */
haq_status haq_cpu_capabilities(struct haq_list *rows, struct haq_arena *a,
                                unsigned isa, struct haq_diag *d);

/* Architecture of this program's kernels, as uname calls it. */
const char *haq_cpu_arch(void);

#endif
