/* quant/method/prepare.h - what methods that change the graph work with: layers
 * that may be changed, constants to be written, and channels of their weights.
 */
#ifndef HAQ_QUANT_METHOD_PREPARE_H
#define HAQ_QUANT_METHOD_PREPARE_H

#include "quant/method/method.h"

struct haq_prepare {
    struct haq_graph *g;
    const char *method; /* its name, for sentences */
    /* [nodes] of the recipe; NULL: not in it, or no layer. */
    const struct haq_recipe_layer **layer;
    bool *member; /* [nodes] layers that have the method, of integer weights */
    /* [nodes] inputs in the float model; empty (k = 0): not asked for.  Only of
     * members, for methods with wants_inputs. */
    struct haq_moments *x;
    /* [values] constants that are copies already, and what they were. */
    float **own;
    const float **before;
};

/* For methods of one graph, one after the other: nobody is a member yet.
 * HAQ_NOMEM; fini is owed in any case. */
haq_status haq_prepare_init(struct haq_prepare *p, struct haq_graph *g,
                            const struct haq_recipe *r, struct haq_diag *d);
void haq_prepare_fini(struct haq_prepare *p);

/* The inputs of members are not asked for any more. */
void haq_prepare_forget(struct haq_prepare *p);

/* Constants that are not what they were go into `to`, but for weights and
 * biases of quantized layers, whose codes are kept.  HAQ_NOMEM. */
haq_status haq_prepare_keep(const struct haq_prepare *p, struct haq_params *to,
                            struct haq_diag *d);

/* A constant of float32 to be written, in the graph's arena; NULL: it is none,
 * others read it too, or memory is out. */
float *haq_prepare_own(struct haq_prepare *p, int value);

/* The recipe quantizes the layer's weight. */
bool haq_prepare_quantized(const struct haq_prepare *p, int node);

/* Scaling by s > 0 passes through what is fused behind: nothing, or a Relu. */
bool haq_prepare_homogeneous(const struct haq_node *n);

/* ---- channels of a weight ---- */

/* A weight as outputs x inputs x taps, wherever its elements lie. */
struct haq_channels {
    float *w;
    size_t out, in, taps;
    size_t at_out, at_in; /* distances */
    bool depthwise;       /* in is 1: channel c reads channel c */
    float *normal;        /* of the node (graph/ir.h), or NULL */
};

/* The weight of a layer, to be written.  False: not as an own constant, or a
 * convolution in groups. */
bool haq_channels_open(struct haq_channels *c, struct haq_prepare *p, int node);

/* Channels that it reads. */
size_t haq_channels_read(const struct haq_channels *c);

/* Of all weights of one output or input channel: the largest; multiply them
 * (and what is known of the output channel). */
double haq_channels_largest(const struct haq_channels *c, bool as_input,
                            size_t channel);
void haq_channels_multiply(struct haq_channels *c, bool as_input,
                           size_t channel, double by);

#endif
