/* train/taps.h - which input pixels a window sees. */
#ifndef HAQ_TRAIN_TAPS_H
#define HAQ_TRAIN_TAPS_H

#include "runtime/window.h"
#include "train/net.h"

/* [pixels of the output][taps] pixels of the input, all samples counted
 * through; -1: outside.  Lives with the net; NULL: no memory. */
const int32_t *haq_train_taps(struct haq_net *net,
                              const struct haq_geometry *g);

#endif
