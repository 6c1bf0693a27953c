/* cli/this_target.h - a machine with what our kernels can do on it. */
#ifndef HAQ_CLI_THIS_TARGET_H
#define HAQ_CLI_THIS_TARGET_H

#include "hwprofiles/target.h"

/* This machine (folder NULL) or a recorded one, under `isa` (HAQ_ISA_* mask; of
 * a recorded one what it has).  `record` as in haq_target_probe.  fini what
 * succeeded. */
haq_status haq_this_target(struct haq_target *p, const char *folder,
                           const char *record, unsigned isa,
                           struct haq_diag *d);

#endif
