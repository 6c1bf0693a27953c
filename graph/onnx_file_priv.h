/* graph/onnx_file_priv.h - the bytes of a model: the .onnx file, its messages,
 * and the files beside it that hold tensors. */
#ifndef HAQ_GRAPH_ONNX_FILE_PRIV_H
#define HAQ_GRAPH_ONNX_FILE_PRIV_H

#include "graph/ir.h"
#include "graph/onnx.pb-c.h"

struct haq_onnx_external {
    const char *location; /* as in the file; borrowed from the message */
    void *data;
    size_t len;
};

struct haq_onnx_file {
    Onnx__ModelProto *model;            /* model->graph is not NULL */
    char hash[HAQ_HASH_HEX];            /* file bytes, then external data */
    struct haq_onnx_external *external; /* in order of first use */
    size_t n_external;
    ProtobufCAllocator allocator;
    size_t budget; /* bytes that parsing may still allocate */
};

/* Read and parse the file and the external data it names, which must lie in
 * its folder.  haq_onnx_file_fini also after a failure.
 * HAQ_INVALID cannot be opened; HAQ_FORMAT not ONNX, or external data that
 * leaves the folder. */
haq_status haq_onnx_file_open(struct haq_onnx_file *f, const char *path,
                              struct haq_diag *d);

/* The same from memory; external data is refused. */
haq_status haq_onnx_file_parse(struct haq_onnx_file *f, const void *data,
                               size_t len, struct haq_diag *d);
void haq_onnx_file_fini(struct haq_onnx_file *f);

/* A tensor of the file, checked and in the types we compute with: float16 and
 * float64 became float32.  `data` is in arena `a`.
 * HAQ_FORMAT sizes that lie; HAQ_UNSUPPORTED element type; HAQ_INVALID a NaN.
 * `name` says which tensor it is. */
struct haq_onnx_tensor {
    enum haq_dtype dtype;
    struct haq_shape shape;
    size_t count;
    void *data;
};
haq_status haq_onnx_tensor_read(struct haq_onnx_tensor *out,
                                const struct haq_onnx_file *f,
                                const Onnx__TensorProto *t, const char *name,
                                struct haq_arena *a, struct haq_diag *d);

/* What an element type of the file becomes here; -1 when we lack it. */
int haq_onnx_dtype(int code);

/* All values finite?  HAQ_INVALID names tensor and flat index. */
haq_status haq_onnx_check_finite(const char *name, const float *x, size_t n,
                                 bool infinite_too, struct haq_diag *d);

/* Fit for a name: UTF-8 without control characters, 1 .. 1000 bytes. */
bool haq_onnx_name_ok(const char *name);

#endif
