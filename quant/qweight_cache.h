/* quant/qweight_cache.h - quantized weights by content, for quant/apply.c. */
#ifndef HAQ_QUANT_QWEIGHT_CACHE_H
#define HAQ_QUANT_QWEIGHT_CACHE_H

#include "quant/qweight.h"

struct haq_graph;
struct haq_node;
struct haq_params;
struct haq_qweight_cache;

/* The layer's weight under `spec`, with the scales of `params` (may be NULL)
 * or round-to-nearest ones.  *out and *key belong to the cache.
 * HAQ_NOMEM; HAQ_INVALID names a parameter of the wrong shape or value. */
haq_status haq_qweight_cache_get(const struct haq_qweight **out,
                                 const char **key, struct haq_qweight_cache *c,
                                 const struct haq_graph *g,
                                 const struct haq_node *layer,
                                 const struct haq_weight_spec *spec,
                                 const struct haq_params *params,
                                 struct haq_diag *d);

#endif
