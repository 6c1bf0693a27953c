/* cli/show_inputs.h - what layers read, as a table and as JSON. */
#ifndef HAQ_CLI_SHOW_INPUTS_H
#define HAQ_CLI_SHOW_INPUTS_H

#include <jansson.h>

#include "quant/input_stats.h"

void haq_show_inputs(const struct haq_inputs *in);

/* A list, one object per layer, with every channel; NULL: no memory. */
json_t *haq_inputs_to_json(const struct haq_inputs *in);

#endif
