/* graph/onnx_node_priv.h - one node of the file on its way into the graph.
 *
 * Getters never fail: the first problem stays in `status` (with its sentence in
 * `diag`), later ones are ignored, and the caller looks once at the end.
 */
#ifndef HAQ_GRAPH_ONNX_NODE_PRIV_H
#define HAQ_GRAPH_ONNX_NODE_PRIV_H

#include "graph/onnx_file_priv.h"
#include "graph/op.h"

struct haq_onnx_node {
    struct haq_graph *g;
    const struct haq_onnx_file *file;
    const Onnx__NodeProto *proto;
    int index;     /* of the node in g->nodes; its inputs and outputs are set */
    uint64_t read; /* bit k: attribute k was asked for */
    haq_status status;
    struct haq_diag *diag;
};

/* Ints of an attribute or of a constant input. */
struct haq_onnx_ints {
    bool given;
    int n;
    int64_t v[2 * HAQ_MAX_RANK];
};

static inline struct haq_node *haq_onnx_self(const struct haq_onnx_node *c)
{
    return &c->g->nodes[c->index];
}

/* Input k, or NULL when it was left out. */
const struct haq_value *haq_onnx_input(const struct haq_onnx_node *c, int k);

/* Record a failure: "node 'x': Conv REASON". */
void haq_onnx_refuse(struct haq_onnx_node *c, haq_status s, const char *fmt,
                     ...) __attribute__((format(printf, 3, 4)));

/* Attributes; the default when absent. A wrong type is HAQ_FORMAT. */
const Onnx__AttributeProto *haq_onnx_attr(struct haq_onnx_node *c,
                                          const char *name);
int64_t haq_onnx_int(struct haq_onnx_node *c, const char *name, int64_t def);
float haq_onnx_float(struct haq_onnx_node *c, const char *name, float def);
const char *haq_onnx_str(struct haq_onnx_node *c, const char *name,
                         const char *def);
void haq_onnx_ints(struct haq_onnx_node *c, const char *name,
                   struct haq_onnx_ints *out);

/* The attribute, or in newer opsets constant input k; not `given` when neither
 * is there.  An input that is not constant is HAQ_UNSUPPORTED. */
void haq_onnx_ints_or_input(struct haq_onnx_node *c, const char *name, int k,
                            struct haq_onnx_ints *out);
/* The same for one real number; false when neither is there. */
bool haq_onnx_real_or_input(struct haq_onnx_node *c, const char *name, int k,
                            float *out);

/* An axis that may count from the end -> 0 .. rank-1; refuses others. */
int64_t haq_onnx_axis(struct haq_onnx_node *c, int64_t axis, int rank);

/* Sorted, distinct axes into the node's attributes. */
void haq_onnx_set_axes(struct haq_onnx_node *c, const struct haq_onnx_ints *in,
                       int rank);

/* After a reader: nobody asked for some attribute -> HAQ_UNSUPPORTED. */
void haq_onnx_check_read(struct haq_onnx_node *c);

/* Read attributes and steering inputs of the node into its normal form (see
 * graph/op.h).  One table in onnx_ops.c. */
haq_status haq_onnx_normalize(struct haq_onnx_node *c);

/* Readers of onnx_window.c, onnx_resize.c and onnx_shape.c. */
typedef void haq_onnx_reader(struct haq_onnx_node *c);
haq_onnx_reader haq_onnx_read_conv, haq_onnx_read_pool, haq_onnx_read_resize;
haq_onnx_reader haq_onnx_read_reshape, haq_onnx_read_flatten,
    haq_onnx_read_squeeze, haq_onnx_read_unsqueeze, haq_onnx_read_transpose,
    haq_onnx_read_split, haq_onnx_read_slice, haq_onnx_read_pad,
    haq_onnx_read_expand, haq_onnx_read_shape, haq_onnx_read_filled;

#endif
