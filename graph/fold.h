/* graph/fold.h - nodes that depend on constants only, computed now.
 *
 * Covers what steers shapes: integers, small elementwise arithmetic and data
 * movement of any type.  Everything else stays a node.
 */
#ifndef HAQ_GRAPH_FOLD_H
#define HAQ_GRAPH_FOLD_H

#include "graph/op.h"

/* Fold node `i` if its inputs are constants (for Shape: always) and its
 * operator is covered.  When *folded, its outputs are constants now, with type
 * and shape, and the node is marked dropped (op == NULL).
 * Statuses as haq_op.infer; HAQ_UNSUPPORTED also when constants grow beyond a
 * gigabyte. */
haq_status haq_fold_node(struct haq_graph *g, int i, bool *folded,
                         struct haq_diag *d);

#endif
