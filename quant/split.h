/* quant/split.h - layers that read other channels than the model says: some of
 * them twice, or some of them in float.
 *
 *     x -> Gather(inputs) -> layer ----------------- Add -> y
 *     x -> Gather(kept) -> "layer:kept", float -----/
 *
 * A params file (params.h) says which:
 *
 *   split/<layer>/inputs   I64 [m] channels that the layer reads, in its order;
 *                          one that is listed c times has its weights divided
 *                          by c.  Codes, moments and ranges of the layer are
 *                          those of what it reads now
 *   split/<layer>/kept     I64 [r] channels that a second layer reads with the
 *                          weights of the model; absent: there is none
 *
 * The graph computes what it did when every channel is in one of the lists.
 * Matrix products and convolutions without groups can be split.
 */
#ifndef HAQ_QUANT_SPLIT_H
#define HAQ_QUANT_SPLIT_H

#include "graph/ir.h"
#include "quant/params.h"

/* Are there any?  NULL is fine. */
bool haq_split_present(const struct haq_params *p);

/* Channels that a layer reads; 0: it cannot be split. */
size_t haq_split_channels(const struct haq_graph *g,
                          const struct haq_node *layer);

/* kept may be empty.  HAQ_NOMEM. */
haq_status haq_split_put(struct haq_params *p, const char *layer,
                         const int64_t *inputs, size_t n, const int64_t *kept,
                         size_t n_kept, struct haq_diag *d);

/* Change g accordingly.
 * HAQ_INVALID: no such layer, or one that cannot be split; a list that is
 * empty, longer than twice the channels, of another type, or names a channel
 * that there is not. */
haq_status haq_split_apply(struct haq_graph *g, const struct haq_params *p,
                           struct haq_diag *d);

#endif
