/* cli/commands.h - the run functions behind the rows of commands.c. */
#ifndef HAQ_CLI_COMMANDS_H
#define HAQ_CLI_COMMANDS_H

#include "cli/cli.h"

typedef haq_status haq_command_fn(const struct haq_command *self, int argc,
                                  char **argv, struct haq_diag *d);

haq_command_fn haq_cmd_inspect, haq_cmd_eval, haq_cmd_quantize, haq_cmd_run,
    haq_cmd_bench, haq_cmd_search, haq_cmd_front, haq_cmd_export,
    haq_cmd_devices, haq_cmd_profile, haq_cmd_allocate, haq_cmd_sensitivity,
    haq_cmd_bench_search;

#endif
