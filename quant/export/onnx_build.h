/* quant/export/onnx_build.h - an ONNX model in the making.
 *
 * Nodes and initializers are appended in the order in which they will stand in
 * the file; everything lives in the builder's arena.  Lack of memory is noted
 * in `failed`, later calls then do nothing (they may return NULL), and
 * haq_build_write reports it: callers check once.
 */
#ifndef HAQ_QUANT_EXPORT_ONNX_BUILD_H
#define HAQ_QUANT_EXPORT_ONNX_BUILD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/map.h"
#include "graph/ir.h"
#include "graph/onnx.pb-c.h"

struct haq_build {
    struct haq_arena arena;
    Onnx__NodeProto **node;
    size_t n_nodes, cap_nodes;
    Onnx__TensorProto **tensor;
    size_t n_tensors, cap_tensors;
    Onnx__ValueInfoProto **in, **out;
    size_t n_in, n_out;
    struct haq_map names; /* every tensor name in use */
    int64_t opset;        /* of the file */
    bool failed;
};

void haq_build_init(struct haq_build *b);
void haq_build_fini(struct haq_build *b);

/* Take `name` as it is: names of the graph's values, before any other. */
void haq_build_reserve(struct haq_build *b, const char *name);

/* stem + suffix, made unique; never NULL unless failed. */
const char *haq_build_name(struct haq_build *b, const char *stem,
                           const char *suffix);

/* A node with room for its names; fill them with _in and _out.  NULL name of
 * an input: left out. */
Onnx__NodeProto *haq_build_node(struct haq_build *b, const char *op_type,
                                size_t n_in, size_t n_out);
void haq_build_in(struct haq_build *b, Onnx__NodeProto *n, size_t i,
                  const char *name);
void haq_build_out(struct haq_build *b, Onnx__NodeProto *n, size_t i,
                   const char *name);

void haq_build_int(struct haq_build *b, Onnx__NodeProto *n, const char *name,
                   int64_t v);
void haq_build_float(struct haq_build *b, Onnx__NodeProto *n, const char *name,
                     float v);
void haq_build_str(struct haq_build *b, Onnx__NodeProto *n, const char *name,
                   const char *v);
void haq_build_ints(struct haq_build *b, Onnx__NodeProto *n, const char *name,
                    const int64_t *v, size_t count);

/* An initializer; data is copied. */
void haq_build_tensor(struct haq_build *b, const char *name,
                      enum haq_dtype dtype, const struct haq_shape *shape,
                      const void *data);
/* The common small ones, under fresh names, which are returned. */
const char *haq_build_scalar(struct haq_build *b, const char *stem,
                             enum haq_dtype dtype, const void *value);
const char *haq_build_list(struct haq_build *b, const char *stem,
                           const int64_t *v, size_t count);

/* A graph input or output; a dimension of -1 is the symbol N, a smaller one is
 * unknown. */
void haq_build_value(struct haq_build *b, bool output, const char *name,
                     enum haq_dtype dtype, const struct haq_shape *shape);

/* Serialize; all or nothing.  HAQ_NOMEM, HAQ_IO. */
haq_status haq_build_write(struct haq_build *b, const char *path,
                           struct haq_diag *d);

#endif
