/* graph/pass_priv.h - the passes behind the table of pass.c. */
#ifndef HAQ_GRAPH_PASS_PRIV_H
#define HAQ_GRAPH_PASS_PRIV_H

#include "graph/op.h"

typedef haq_status haq_pass_fn(struct haq_graph *g, struct haq_diag *d);

haq_pass_fn haq_pass_constants, haq_pass_identity, haq_pass_compose,
    haq_pass_norm, haq_pass_batch_norm, haq_pass_pad, haq_pass_clamp,
    haq_pass_nhwc, haq_pass_dead;

/* The node that makes value v and nobody but one reader wants; NULL when v is
 * an input, a constant, a graph output or read twice. */
struct haq_node *haq_pass_sole_producer(struct haq_graph *g, int v);

/* The same when it has this code. */
struct haq_node *haq_pass_made_by(struct haq_graph *g, int v,
                                  enum haq_opcode code);

/* Is v the constant `number`, within 1e-6 of its size? */
bool haq_pass_is_number(const struct haq_graph *g, int v, double number);

/* The input of n, NULL or of two inputs, whose other one is the constant
 * `number`; HAQ_NO_VALUE when there is none. */
int haq_pass_beside(const struct haq_graph *g, const struct haq_node *n,
                    double number);

/* n goes; its inputs are read once less. */
void haq_pass_drop(struct haq_graph *g, struct haq_node *n);

/* n becomes an operator without attributes on x alone; its output stays. */
void haq_pass_become(struct haq_graph *g, struct haq_node *n,
                     enum haq_opcode code, int x);

/* Node i takes over as output 0 what node `last` made, and `last` goes. */
void haq_pass_absorb(struct haq_graph *g, int i, struct haq_node *last);

/* Is value v there and a float32 constant? */
bool haq_pass_is_f32_const(const struct haq_graph *g, const struct haq_node *n,
                           int k);

/* Turn n into a Reshape of value `from`; its output keeps its shape. */
void haq_pass_make_reshape(struct haq_graph *g, struct haq_node *n, int from);

#endif
