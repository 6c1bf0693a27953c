/* graph/ir.h - a network as data: values, nodes, and nothing that runs.
 *
 *     value  a tensor: name, type, concrete shape; constant ones carry data
 *     node   an operation on values; nodes stand in topological order
 *
 * A graph is made for concrete shapes: the importer fixes every symbolic
 * dimension (the batch too), so shapes, folding and memory plans need no
 * symbols.  Importing again with another batch is cheap and gives the same
 * names, so everything that refers to layers by name is batch independent.
 *
 * Layout: after import tensors are as ONNX has them (NCHW).  The pass "nhwc"
 * (graph/pass.h) rewrites convolution and pooling to NHWC with explicit
 * Transpose nodes at the borders; `struct haq_graph.nhwc` then says that Conv,
 * pooling and BatchNormalization read and write NHWC.  Convolution weights stay
 * constants in OIHW in both forms.
 *
 * Everything lives in the graph's arena; nodes and values are plain structs
 * that passes may edit.
 */
#ifndef HAQ_GRAPH_IR_H
#define HAQ_GRAPH_IR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/dtype.h"
#include "base/hash.h"
#include "base/npz.h" /* HAQ_MAX_RANK */
#include "base/status.h"

enum { HAQ_NO_VALUE = -1 }; /* an omitted optional input */

struct haq_shape {
    int rank; /* 0 .. HAQ_MAX_RANK; 0 is a scalar */
    int64_t dims[HAQ_MAX_RANK];
};

struct haq_value {
    const char *name; /* unique in the graph, never empty */
    /* The file's tensor whose numbers this value holds, perhaps in another
     * layout or with an activation already applied: calibration and recipes
     * speak of tensors by this name. */
    const char *source;
    enum haq_dtype dtype;
    struct haq_shape shape;
    const void *data; /* constant: C order, aligned to 64; NULL otherwise */
    size_t count;     /* elements */
    int producer;     /* node index, or -1: graph input or constant */
    int uses;         /* node inputs that read it, graph outputs counted */
};

/* Activation fused behind a node, on real numbers: y = min(max(y, lo), hi);
 * lo = -INFINITY, hi = INFINITY when there is none.  Relu: 0, INFINITY. */
struct haq_clamp {
    float lo, hi;
};

/* Convolution and pooling windows, 2-D (1-D is carried as H = 1). */
struct haq_window {
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad[4]; /* top, left, bottom, right, as ONNX pads */
    int64_t group;  /* 1 = dense; = input channels: depthwise */
    bool ceil_mode;
    bool count_pad; /* AveragePool: count_include_pad */
};

/* Attributes, by what the operator needs (graph/op.h says which). */
struct haq_attrs {
    struct haq_window window;
    int64_t axis;               /* Softmax, Concat, Gather, Flatten, ... */
    int64_t axes[HAQ_MAX_RANK]; /* Reduce*, Squeeze, Unsqueeze, Slice */
    int n_axes;
    int64_t ints[4][HAQ_MAX_RANK]; /* perm; starts/ends/steps; pads b/e */
    int n_ints;                    /* used length of each of ints[] */
    bool keepdims, trans_a, trans_b, allow_zero, exclusive;
    float alpha, beta, epsilon;
    int to;           /* Cast: enum haq_dtype */
    const char *mode; /* Resize, Pad; NULL = the default */
};

struct haq_op; /* graph/op.h */

struct haq_node {
    const struct haq_op *op;
    const char *name; /* the file's node name, or one made from its output */
    int n_in, n_out;
    int *in;  /* [n_in] value indices, HAQ_NO_VALUE when omitted */
    int *out; /* [n_out] */
    struct haq_attrs attr;
    struct haq_clamp clamp; /* fused activation */
    /* What a batch normalization that was folded in says of the output in front
     * of the clamp: means, then standard deviations, [2][channels]; NULL: none
     * was.  Who scales channels scales these, too. */
    float *normal;
    /* Quantizable layer (Conv, Gemm, MatMul with constant weight): the name of
     * the output tensor of its weight-bearing node in the file before any
     * pass.  NULL for every other node. */
    const char *layer;
};

struct haq_graph {
    struct haq_arena arena;
    struct haq_value *values;
    int n_values, cap_values;
    struct haq_node *nodes;
    int n_nodes, cap_nodes;
    int *inputs, *outputs; /* value indices */
    int n_inputs, n_outputs;
    int64_t batch; /* size of the first dimension of input 0 */
    bool nhwc;
    int64_t opset;
    size_t folded_bytes; /* made by constant folding so far: bounded */
    char model_hash[HAQ_HASH_HEX]; /* file bytes, then external data */
};

/* An empty graph on the heap; NULL when memory is out. */
struct haq_graph *haq_graph_new(void);
void haq_graph_free(struct haq_graph *g); /* NULL is fine */

/* Append; index, or -1 when memory is out.  Names are copied.  Pointers into
 * values/nodes are invalid after an append. */
int haq_graph_add_value(struct haq_graph *g, const char *name,
                        enum haq_dtype dtype, const struct haq_shape *shape);
int haq_graph_add_const(struct haq_graph *g, const char *name,
                        enum haq_dtype dtype, const struct haq_shape *shape,
                        const void *data); /* data copied into the arena */
int haq_graph_add_node(struct haq_graph *g, const struct haq_op *op,
                       const char *name, int n_in, int n_out);

/* A value name that is not taken yet, from `stem`; lives in the arena. */
const char *haq_graph_fresh_name(struct haq_graph *g, const char *stem);

/* Index of the value called `name`, -1 when there is none (linear). */
int haq_graph_find_value(const struct haq_graph *g, const char *name);

/* Node whose .layer is `layer`; -1 when there is none. */
int haq_graph_find_layer(const struct haq_graph *g, const char *layer);

/* Recompute producer and uses of every value, drop nodes marked by op == NULL,
 * restore topological order.  Every pass ends with it. */
haq_status haq_graph_rebuild(struct haq_graph *g, struct haq_diag *d);

/* Check every invariant above (indices, order, arity, types, shapes as the
 * operator table infers them).  HAQ_INVALID names the node. */
haq_status haq_graph_verify(const struct haq_graph *g, struct haq_diag *d);

/* Elements of a shape; false on overflow or a negative dimension. */
bool haq_shape_count(const struct haq_shape *s, size_t *count);
bool haq_shape_equal(const struct haq_shape *a, const struct haq_shape *b);

#endif
