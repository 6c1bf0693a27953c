/* quant/method/method.h - post-training methods: one table, one file and one
 * row each.
 *
 * A method changes how the weights of one layer become codes, or its bias.  A
 * recipe lists methods per layer; they run in the order of the table, whatever
 * order they were asked for in, each on what the one before it left.  Layers
 * are tuned in network order, so that a method sees inputs as the layers before
 * have made them.  What methods find is kept in the recipe's params file:
 * executing a recipe tunes nothing.  Only "clip" knows formats that are no
 * integers; the others refuse them.
 */
#ifndef HAQ_QUANT_METHOD_METHOD_H
#define HAQ_QUANT_METHOD_METHOD_H

#include "graph/ir.h"
#include "quant/moments.h"
#include "quant/params.h"
#include "quant/qweight.h"
#include "quant/recipe.h"

/* What a method works on. */
struct haq_method_layer {
    const char *name;
    const float *w;              /* [n][k], finite */
    const struct haq_moments *x; /* of its inputs; NULL: no method wants them */
    double *expected;      /* [parts][k] their means (expected.h), or NULL */
    size_t parts;          /* of a convolution in groups, else 1 */
    struct haq_qweight *q; /* scales to change; codes once one chose them */
    double *target; /* [n][k] what the codes should come to; NULL: not made */
    size_t targets; /* parts of it that are filled in (quadratic.h) */
    float *bias;    /* [n] to change; NULL: the layer has none */
};

/* HAQ_NOMEM. */
typedef haq_status haq_method_tune(struct haq_method_layer *l,
                                   struct haq_diag *d);

/* Some methods change several layers at once, before any is quantized: the
 * constants of a graph, so that it computes what it did (prepare.h).  One that
 * finds nothing to do says so in the log.  HAQ_NOMEM. */
struct haq_prepare;
typedef haq_status haq_method_prepare(struct haq_prepare *p,
                                      struct haq_diag *d);

/* Others change what layers read (quant/split.h): first of all, for all layers
 * that have the method, into `to`.  HAQ_NOMEM. */
typedef haq_status haq_method_split(struct haq_prepare *p,
                                    struct haq_params *to, struct haq_diag *d);

struct haq_method {
    const char *name, *summary;
    haq_method_tune *tune;       /* NULL: nothing to do */
    haq_method_prepare *prepare; /* NULL: changes no constants */
    haq_method_split *split;     /* NULL: changes no layer's inputs */
    bool wants_inputs;           /* haq_method_layer.x, haq_prepare.x */
    bool means_only;             /* of them, not their second moments */
    bool corrects; /* biases by means: one such method is enough */
    bool trains;   /* works on the whole network once all layers are tuned: what
                      runs it lies in train/ */
};

haq_method_split haq_method_ocs, haq_method_outliers;

haq_method_prepare haq_method_cle, haq_method_hadamard, haq_method_smoothquant,
    haq_method_awq_scale;

haq_method_tune haq_method_awq_clip, haq_method_clip, haq_method_gptq,
    haq_method_adaround, haq_method_adaquant, haq_method_refine,
    haq_method_bias, haq_method_bn_bias;

/* Rows in the order in which they run; NULL past the last. */
const struct haq_method *haq_method_at(size_t i);

enum { HAQ_METHODS_TEXT = 128 };

/* "clip" and the like, a comma list, in the order of the table; "rtn" (round
 * to nearest) only stands alone.
 * HAQ_USAGE: a name that is not known (the sentence lists those that are), an
 * empty list, a method twice, two that correct biases. */
haq_status haq_methods_parse(char out[HAQ_METHODS_TEXT], const char *list,
                             struct haq_diag *d);

/* Does one of a list that was parsed want to see inputs? */
bool haq_methods_want_inputs(const char *methods);

/* And their second moments, not only the means? */
bool haq_methods_want_moments(const char *methods);

/* Does one of them train the network afterwards? */
bool haq_methods_train(const char *methods);

/* Is `name` in a list that was parsed? */
bool haq_methods_have(const char *methods, const char *name);

/* Does one of them change the graph first? */
bool haq_methods_prepare(const char *methods);

/* Who runs the float model for them: the moments of what n layers (node indices
 * of g) read go to x, which is [n]; on success fini of each is owed. */
struct haq_method_eyes {
    haq_status (*look)(void *arg, const struct haq_graph *g, const int *node,
                       size_t n, struct haq_moments *x, struct haq_diag *d);
    void *arg;
};

/* Let them: `g` is a graph of its own for this recipe from then on.  What they
 * change beside the layers that the recipe quantizes goes into `changes`
 * (quant/constants.h, quant/split.h).  HAQ_NOMEM, and what `eyes` return. */
haq_status haq_methods_prepare_graph(struct haq_graph *g,
                                     const struct haq_recipe *r,
                                     const struct haq_method_eyes *eyes,
                                     struct haq_params *changes,
                                     struct haq_diag *d);

/* Run the methods of one layer that has more than "rtn", and put what they find
 * into `p`.  x: moments of its inputs; NULL when none of them wants any.
 * HAQ_NOMEM; HAQ_INVALID: an unknown method, the layer named. */
haq_status haq_methods_tune(struct haq_params *p, const struct haq_graph *g,
                            const struct haq_node *node,
                            const struct haq_recipe_layer *layer,
                            const struct haq_moments *x, struct haq_diag *d);

#endif
