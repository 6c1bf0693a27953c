/* cli/show_machine.h - profiles for people: what `haq devices` prints. */
#ifndef HAQ_CLI_SHOW_MACHINE_H
#define HAQ_CLI_SHOW_MACHINE_H

#include "hwprofiles/target.h"

/* To standard output. */
void haq_show_target(const struct haq_target *p);

/* The rows of every device as tables. */
void haq_show_capabilities(const struct haq_target *p);

#endif
