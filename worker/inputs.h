/* worker/inputs.h - what the layers of a session's model read on its
 * calibration data. */
#ifndef HAQ_WORKER_INPUTS_H
#define HAQ_WORKER_INPUTS_H

#include "quant/input_stats.h"
#include "worker/task.h"

/* As haq_observe_inputs, over the whole calibration set.  HAQ_USAGE: there is
 * none. */
haq_status haq_session_inputs(struct haq_session *s, struct haq_inputs *out,
                              struct haq_diag *d);

#endif
