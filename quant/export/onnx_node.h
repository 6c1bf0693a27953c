/* quant/export/onnx_node.h - nodes of a graph as ONNX spells them.
 *
 * The graph holds operators in normal form (graph/op.h); here they get back
 * the attributes and steering inputs of the opset of the file.
 */
#ifndef HAQ_QUANT_EXPORT_ONNX_NODE_H
#define HAQ_QUANT_EXPORT_ONNX_NODE_H

#include "graph/op.h"
#include "quant/export/onnx_build.h"

/* What is written: `g`, and the same network at another batch size, whose
 * differences show what depends on the batch.  `other` may be g itself: the
 * batch is then fixed. */
struct haq_onnx_pair {
    const struct haq_graph *g, *other;
};

/* Can one file serve every batch size?  False: some node or constant depends on
 * the batch in a way that ONNX's shapes cannot say without computing. */
bool haq_onnx_any_batch(const struct haq_onnx_pair *p);

/* The least opset that has everything in g; at least 13. */
int64_t haq_onnx_opset(const struct haq_graph *g);

/* Append node `index` (and its steering initializers): in[i] names its inputs
 * in normal form (NULL: left out), out[i] its outputs.  Its clamp is not
 * written, save for Relu and Clip nodes. */
void haq_onnx_put_node(struct haq_build *b, const struct haq_onnx_pair *p,
                       int index, const char *const *in,
                       const char *const *out);

/* y = clamp(x) as Relu or Clip. */
void haq_onnx_put_clamp(struct haq_build *b, const struct haq_clamp *c,
                        const char *x, const char *y);

/* The shape of a value with -1 where it follows the batch. */
struct haq_shape haq_onnx_shape(const struct haq_onnx_pair *p, int value);

#endif
