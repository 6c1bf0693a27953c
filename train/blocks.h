/* train/blocks.h - a net cut where all that is known goes through one tensor.
 *
 * Residual networks fall apart into their residual blocks, transformers into
 * attention and feed-forward parts, chains into layers.
 */
#ifndef HAQ_TRAIN_BLOCKS_H
#define HAQ_TRAIN_BLOCKS_H

#include "train/net.h"

/* Steps begin .. end - 1, from slot `in` to slot `out`; samples are rows of
 * both. */
struct haq_train_block {
    size_t begin, end;
    int in, out;
};

/* Blocks of at least `layers` layers each, in order, the last one to the net's
 * output.  *out is malloc'ed.  HAQ_NOMEM. */
haq_status haq_train_blocks(struct haq_train_block **out, size_t *n,
                            const struct haq_net *net, size_t layers,
                            struct haq_diag *d);

/* The first value of the graph in a slot; -1: none, it is a quantizer's. */
int haq_train_value_of(const struct haq_net *net, int slot);

#endif
