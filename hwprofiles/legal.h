/* hwprofiles/legal.h - may a layer run under this choice on that device?
 */
#ifndef HAQ_HWPROFILES_LEGAL_H
#define HAQ_HWPROFILES_LEGAL_H

#include "graph/layers.h"
#include "hwprofiles/capability.h"

/* How a layer's weights and its data input are represented. */
struct haq_layer_choice {
    const struct haq_format *weight;
    const char *granularity; /* "tensor", "channel", "group" */
    uint64_t group;          /* elements, for "group" */
    const struct haq_format *activation;
    bool dynamic; /* scales made at run time */
};

struct haq_verdict {
    enum haq_support support;
    const char *kernel; /* of the row that holds; NULL: none */
    char reason[240];   /* why not, or what is emulated; "" when native */
};

/* What a layer is in the words of the rows: "conv", "grouped", "depthwise",
 * "matmul"; NULL for an operator that has no row. */
const char *haq_layer_op(const struct haq_layer *l);

/* By the rows of a device called `device` (for the sentence).  Float weights
 * have no granularity and fit every row's. */
void haq_legal(struct haq_verdict *out, const struct haq_list *capabilities,
               const char *device, const struct haq_layer *layer,
               const struct haq_layer_choice *choice);

#endif
