/* runtime/window.h - the pixels that the windows of a convolution or pooling
 * see, as a table of pointers.
 *
 *     table: one part per tile of output pixels; part: [taps][pixels of tile]
 *
 * which is what the kernels take (kernels/gemm.h, dwconv.h, pool.h).  Entries
 * of padded taps point at a row of zero points or are NULL.
 */
#ifndef HAQ_RUNTIME_WINDOW_H
#define HAQ_RUNTIME_WINDOW_H

#include "graph/ir.h"

struct haq_geometry {
    size_t n, h, w, c; /* input, NHWC */
    size_t oh, ow;     /* output */
    size_t kernel[2], stride[2], dilation[2];
    size_t pad[2]; /* top, left */
    size_t taps;   /* kernel[0] * kernel[1] */
    size_t pixels; /* n * oh * ow */
    size_t elem;   /* bytes of an element */
    size_t tile;   /* pixels of a tile; the last may have fewer */
};

/* From the node's window and NHWC shapes (rank 3: width only).  False when the
 * shapes are of another rank. */
bool haq_geometry_make(struct haq_geometry *g, const struct haq_window *w,
                       const struct haq_shape *in, const struct haq_shape *out);

/* The window of a pooling node that reads `in`; a global pool's is as large as
 * the image. */
struct haq_window haq_pool_window(const struct haq_node *n,
                                  const struct haq_shape *in);

/* True when pixel p of the output sees exactly pixel p of the input. */
bool haq_geometry_is_pointwise(const struct haq_geometry *g,
                               const struct haq_window *w);

/* Pointers that the table holds. */
size_t haq_geometry_pointers(const struct haq_geometry *g);

/* Fill it.  base: the input; outside: what padded taps of sample i see, at
 * outside + i * outside_stride (or NULL for all). */
void haq_geometry_bind(const struct haq_geometry *g, const void **table,
                       const char *base, const char *outside,
                       size_t outside_stride);

#endif
