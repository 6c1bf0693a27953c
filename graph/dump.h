/* graph/dump.h - a graph as text, for people and for tests. */
#ifndef HAQ_GRAPH_DUMP_H
#define HAQ_GRAPH_DUMP_H

#include <stdio.h>

#include "graph/ir.h"

/* One line per input, node and output:
 *
 *     input   x float32 [1, 3, 32, 32]
 *     Conv    y float32 [1, 30, 30, 8] = x, w, b  kernel 3x3 clamp 0..inf
 *     output  y
 *
 * Constants are shown by name and shape. */
void haq_graph_dump(const struct haq_graph *g, FILE *out);

#endif
