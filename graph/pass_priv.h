/* graph/pass_priv.h - the passes behind the table of pass.c. */
#ifndef HAQ_GRAPH_PASS_PRIV_H
#define HAQ_GRAPH_PASS_PRIV_H

#include "graph/op.h"

typedef haq_status haq_pass_fn(struct haq_graph *g, struct haq_diag *d);

haq_pass_fn haq_pass_constants, haq_pass_identity, haq_pass_batch_norm,
    haq_pass_pad, haq_pass_clamp, haq_pass_nhwc, haq_pass_dead;

/* The node that makes value v and nobody but one reader wants; NULL when v is
 * an input, a constant, a graph output or read twice. */
struct haq_node *haq_pass_sole_producer(struct haq_graph *g, int v);

/* Node i takes over as output 0 what node `last` made, and `last` goes. */
void haq_pass_absorb(struct haq_graph *g, int i, struct haq_node *last);

/* Is value v there and a float32 constant? */
bool haq_pass_is_f32_const(const struct haq_graph *g, const struct haq_node *n,
                           int k);

/* Turn n into a Reshape of value `from`; its output keeps its shape. */
void haq_pass_make_reshape(struct haq_graph *g, struct haq_node *n, int from);

#endif
