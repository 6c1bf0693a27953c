/* worker/saliency.h - what gradients on a session's calibration data say about
 * errors of its model's weights. */
#ifndef HAQ_WORKER_SALIENCY_H
#define HAQ_WORKER_SALIENCY_H

#include "train/saliency.h"
#include "worker/task.h"

struct haq_session_saliency {
    size_t samples; /* of the calibration set, in its fixed order */
    size_t probes;  /* as in struct haq_saliency_job */
    void (*progress)(void *arg);
    void *arg;
    bool drawn; /* out: the data has no labels that fit the outputs */
};

/* HAQ_USAGE: no calibration data; else as haq_saliency_find. */
haq_status haq_session_saliency(struct haq_session *s,
                                struct haq_session_saliency *how,
                                struct haq_saliency *out, struct haq_diag *d);

#endif
