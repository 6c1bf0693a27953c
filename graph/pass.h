/* graph/pass.h - lossless rewrites, in one table in the order they run.
 *
 *   constants   whatever depends on constants only (graph/fold.h)
 *   identity    Identity, Dropout, no-op Reshape/Pad/Slice/Cast/...; chains of
 *               reshapes, transposes and slices become one
 *   compose     activation functions spelled as several nodes (SiLU,
 * hard-swish, hard-sigmoid, GELU by erf); means over height and width become
 *               GlobalAveragePool
 *   norm        RMS and layer normalization spelled as several nodes
 *   batch_norm  BatchNormalization into the Conv/Gemm before it (in double)
 *   pad         zero Pad into the window of the Conv after it
 *   clamp       Relu and Clip into the Conv, Gemm, MatMul or Add before them;
 *               MatMul + Add(constant vector) becomes a MatMul with bias
 *   nhwc        layout: see graph/ir.h; then identity once more, so that
 *               Transposes that meet cancel out
 *   dead        nodes and values that no output needs
 */
#ifndef HAQ_GRAPH_PASS_H
#define HAQ_GRAPH_PASS_H

#include "graph/ir.h"

struct haq_pass {
    const char *name;
    haq_status (*run)(struct haq_graph *g, struct haq_diag *d);
    bool layout; /* runs only when NHWC is wanted */
};

/* In order of execution; NULL name ends the table. */
extern const struct haq_pass haq_passes[];

/* All of them (the layout ones only if `nhwc`), then haq_graph_verify.
 * HAQ_INVALID: a BatchNormalization with a negative variance. */
haq_status haq_graph_optimize(struct haq_graph *g, bool nhwc,
                              struct haq_diag *d);

#endif
