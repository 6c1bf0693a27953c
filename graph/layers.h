/* graph/layers.h - the plain table of a network's quantizable layers.
 *
 * What search, coordinator and reports know of a model: no tensors.  It is
 * made from a graph where the model is, and travels as JSON.
 *
 * Counting: a constant that several nodes read counts once in `params`.  A
 * weight that two layers share is quantized for each of them, so it is part of
 * both; a layer's weight that another kind of node reads too (an embedding tied
 * to the last projection) is kept as it is for that node, so it also counts in
 * `other_bytes`.
 */
#ifndef HAQ_GRAPH_LAYERS_H
#define HAQ_GRAPH_LAYERS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/status.h"

struct haq_graph;

struct haq_layer {
    const char *tensor; /* recipe name: output tensor of the node in the file */
    const char *op;     /* "Conv", "Gemm", "MatMul" */
    const char *input;  /* source name of the data input */
    const char *weight; /* initializer name */
    int64_t channels;   /* output channels of the weight */
    int64_t reduction;  /* weights per output channel: I*kh*kw, or K */
    int64_t group;      /* convolution groups, else 1 */
    int64_t kernel[2];  /* 1, 1 for matrices */
    int64_t macs;       /* of one sample */
    int64_t shape[8];   /* output in the file's order (NCHW), of one sample */
    int rank;
    bool bias;
    bool depthwise;
    bool first, last; /* no layer before it / no layer behind it */
};

struct haq_layers {
    struct haq_arena arena;
    struct haq_layer *layer;
    size_t n;
    char model_hash[HAQ_HASH_HEX];
    const char *name;       /* file name without folder and ".onnx" */
    int64_t macs;           /* whole network, one sample */
    int64_t params;         /* all stored elements, layers included */
    int64_t other_bytes;    /* initializers outside layers, at their dtype,
                               biases of layers not included */
    int64_t input_shape[8]; /* input 0 with batch 1 */
    int input_rank;
    int64_t output_shape[8]; /* output 0 with batch 1 */
    int output_rank;
};

/* From an optimized graph.  `path` gives the name.  HAQ_NOMEM. */
haq_status haq_layers_make(struct haq_layers *out, const struct haq_graph *g,
                           const char *path, struct haq_diag *d);
void haq_layers_fini(struct haq_layers *l);

/* JSON there and back; to_json gives NULL when memory is out.  from_json treats
 * its input as hostile: HAQ_FORMAT names the member. */
json_t *haq_layers_to_json(const struct haq_layers *l);
haq_status haq_layers_from_json(struct haq_layers *out, const json_t *j,
                                struct haq_diag *d);

#endif
