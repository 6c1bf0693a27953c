/* runtime/sample_layer.h - networks of one layer with random weights: what a
 * shape costs in a format, as users get it.
 *
 * A convolution with integer weights is followed by a small layer, so that it
 * writes codes as it does inside a network.
 */
#ifndef HAQ_RUNTIME_SAMPLE_LAYER_H
#define HAQ_RUNTIME_SAMPLE_LAYER_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/exec.h"

/* A convolution over size x size pixels, batch 1, with a ReLU; or, kernel 0,
 * the product y[m][n] = x[m][k] w. */
struct haq_layer_shape {
    const char *name;
    size_t m, n, k;
    size_t size, c, o; /* pixels a side, channels in and out */
    size_t kernel, stride, pad;
    bool depthwise; /* c == o */
};

/* Shapes that networks for images and language are made of; ends with a NULL
 * name. */
extern const struct haq_layer_shape haq_layer_shapes[];

/* Two operations a multiply-add. */
double haq_layer_ops(const struct haq_layer_shape *s);

struct haq_sample_layer;

/* weights: "int4:group32" as in a recipe, NULL: float; activations are then
 * static uint8.  HAQ_USAGE: no such format. */
haq_status haq_sample_layer_new(struct haq_sample_layer **out,
                                const struct haq_layer_shape *s,
                                const char *weights, struct haq_diag *d);
void haq_sample_layer_free(struct haq_sample_layer *l);

/* Stored bytes of the weights. */
size_t haq_sample_layer_bytes(const struct haq_sample_layer *l);

/* A context of its own, packed weights included, its input filled; free it
 * before the layer. */
struct haq_layer_run;
haq_status haq_layer_run_new(struct haq_layer_run **out,
                             const struct haq_sample_layer *l,
                             struct haq_pool *pool, unsigned isa,
                             struct haq_diag *d);
void haq_layer_run_free(struct haq_layer_run *r);

/* Nanoseconds that the layer's own steps take in one run of the network. */
uint64_t haq_layer_run(struct haq_layer_run *r);
/* The kernel that does it. */
const char *haq_layer_run_kernel(const struct haq_layer_run *r);

#endif
