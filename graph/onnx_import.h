/* graph/onnx_import.h - an ONNX file becomes a graph.
 *
 * protobuf-c reads the wire format through our minimal schema (onnx.proto);
 * every count, size and name from the file is checked before it is used.
 */
#ifndef HAQ_GRAPH_ONNX_IMPORT_H
#define HAQ_GRAPH_ONNX_IMPORT_H

#include "graph/ir.h"

struct haq_dim_binding {
    const char *name; /* dim_param in the file */
    int64_t size;     /* >= 1 */
};

struct haq_import_options {
    /* First dimension of every graph input when it is symbolic (or has no
     * value).  0 = 1.  A file with a fixed batch keeps its own. */
    int64_t batch;
    const struct haq_dim_binding *dims; /* --dim NAME=N; may be NULL */
    size_t n_dims;
    bool keep_nchw; /* skip the nhwc pass: exporters want ONNX's layout */
    bool raw;       /* skip every pass (tests, dump) */
};

/* Load, fold constants, run the lossless passes (graph/pass.h) and verify.
 * *out is the caller's to haq_graph_free.
 * HAQ_INVALID      cannot be opened; opset outside 9..21; a symbolic dimension
 *                  without size; weights that are NaN or infinite (tensor and
 *                  flat index named)
 * HAQ_FORMAT       not ONNX, truncated, sizes that lie; the sentence starts
 *                  with the path and names the tensor or node
 * HAQ_UNSUPPORTED  operators we lack: all of them at once, "Foo x3, Bar x1",
 *                  or an attribute we cannot honour, with its node */
haq_status haq_onnx_load(struct haq_graph **out, const char *path,
                         const struct haq_import_options *opt,
                         struct haq_diag *d);

/* The same from memory; `name` stands for the path. External data is refused.
 * Fuzz target. */
haq_status haq_onnx_parse(struct haq_graph **out, const char *name,
                          const void *data, size_t len,
                          const struct haq_import_options *opt,
                          struct haq_diag *d);

/* Only the model hash: SHA-256 over the ONNX bytes, then external data files in
 * order of first use. */
haq_status haq_onnx_hash(char out[HAQ_HASH_HEX], const char *path,
                         struct haq_diag *d);

#endif
