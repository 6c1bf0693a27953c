/* search/space.h - what a search may choose for each layer, as integers.
 *
 * Three genes per layer, neighbours in value being neighbours in kind:
 *
 *     weight       the formats that the search may use, fewest bits first,
 *                  float last
 *     granularity  0 = per output channel, 1 = groups of 32 along the reduction
 *                  (only where the reduction has at least 32 weights)
 *     activation   of the layer's data input: 0 = uint8:static (only with
 *                  calibration), then uint8:dynamic, float
 *
 * A gene counts the values that its layer may have: pins, bans, ties and what
 * the target cannot run (search/rules.h) leave a layer fewer of them.  A choice
 * that a layer does not have becomes the one with the next wider format, or the
 * widest there is.  Canonical: a float layer has the lowest granularity and the
 * highest activation, so that equal candidates are the same vector and the same
 * recipe.
 */
#ifndef HAQ_SEARCH_SPACE_H
#define HAQ_SEARCH_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "graph/layers.h"
#include "quant/recipe.h"

enum { HAQ_GENE_WEIGHT, HAQ_GENE_GRAIN, HAQ_GENE_ACT, HAQ_GENES_PER_LAYER };

/* Weight formats that a search knows; which of them it may use is a mask of
 * 1 << weight.  int8 and float are always among them: what is found is compared
 * with both. */
enum haq_space_weight {
    HAQ_WEIGHT_BINARY,
    HAQ_WEIGHT_TERNARY,
    HAQ_WEIGHT_INT2,
    HAQ_WEIGHT_INT3,
    HAQ_WEIGHT_INT4,
    HAQ_WEIGHT_INT5,
    HAQ_WEIGHT_INT6,
    HAQ_WEIGHT_INT7,
    HAQ_WEIGHT_INT8,
    HAQ_WEIGHT_FLOAT,
    HAQ_WEIGHT_VALUES
};
enum { HAQ_GRAIN_CHANNEL, HAQ_GRAIN_GROUP, HAQ_GRAIN_VALUES };

/* Activations by name; the gene's value is this minus the space's first. */
enum haq_space_act {
    HAQ_ACT_STATIC,
    HAQ_ACT_DYNAMIC,
    HAQ_ACT_FLOAT,
    HAQ_ACT_VALUES
};

/* What one layer may be: every weight with every grain and activation. */
enum { HAQ_OPTIONS = HAQ_WEIGHT_VALUES * HAQ_GRAIN_VALUES * HAQ_ACT_VALUES };

/* Sets of options, bit o for haq_choice_at(o). */
typedef uint64_t haq_options;
_Static_assert(HAQ_OPTIONS <= 64, "an option is a bit");

/* What a layer's time depends on: the option, for widths are packed and read
 * each in its own way.  All that is float is one class, number 0. */
enum { HAQ_CLASSES = 1 + HAQ_WEIGHT_FLOAT * HAQ_GRAIN_VALUES * HAQ_ACT_VALUES };

struct haq_choice { /* of one layer, as values of the enums above */
    int weight;
    int grain;
    int act;
};

/* What one layer may be, and what its genes stand for, ascending. */
struct haq_domain {
    haq_options options; /* never empty */
    size_t lead;         /* the layer that it always agrees with: the first of
                            those tied together, which has the genes */
    int weight[HAQ_WEIGHT_VALUES], weights;
    int grain[HAQ_GRAIN_VALUES], grains;
    int act[HAQ_ACT_VALUES], acts;
};

struct haq_space {
    const struct haq_layers *layers; /* borrowed */
    struct haq_domain *domain;       /* [layers->n] */
    int weight[HAQ_WEIGHT_VALUES];   /* [weights] that some layer may have, and
                                        int8 and float, ascending */
    int weights;
    enum haq_space_act first_act; /* STATIC, or DYNAMIC without calibration */
    size_t genes;                 /* HAQ_GENES_PER_LAYER * layers->n */
    int *cardinality;             /* [genes] */
    const char *calib_hash, *calib_method; /* borrowed; "" and "minmax" */
    const char *methods; /* borrowed; of weights below 8 bits, "rtn" at first */
};

/* "int4,int2,ternary" to a mask.  HAQ_USAGE lists what there is. */
haq_status haq_space_formats_parse(unsigned *mask, const char *list,
                                   struct haq_diag *d);

/* And back, int8 and float included: "binary,int8,float". */
enum { HAQ_FORMATS_TEXT = 96 };
void haq_space_formats_text(unsigned mask, char out[HAQ_FORMATS_TEXT]);

/* `formats` is a mask, 0 = int2 .. int8 and float.
 * HAQ_INVALID: no layer can be quantized.  HAQ_NOMEM. */
haq_status haq_space_init(struct haq_space *s, const struct haq_layers *layers,
                          unsigned formats, bool has_calibration,
                          const char *calib_hash, const char *calib_method,
                          struct haq_diag *d);
void haq_space_fini(struct haq_space *s);

/* Bring genes to the one form of all that are equal, in place. */
void haq_space_canonical(const struct haq_space *s, int *genes);

/* Leave `layer` those of its options that are in `keep`; false, and nothing is
 * changed, when none would be left.  Genes from before mean nothing then. */
bool haq_space_keep(struct haq_space *s, size_t layer, haq_options keep);

/* Both layers, and whatever is tied to them, agree from now on; false as
 * above. */
bool haq_space_tie(struct haq_space *s, size_t a, size_t b);

/* All options with weights in this format, of this granularity alone if >= 0;
 * all quantized options with this activation. */
haq_options haq_options_weight(int weight, int grain);
haq_options haq_options_act(int act);

/* "int8", "int4:group32", "ternary:channel", "float" (n characters).  false:
 * no format that a search knows. */
bool haq_options_parse(haq_options *out, const char *text, size_t n);

/* Formats of the options for people: "int2, int8, float". */
void haq_options_text(haq_options o, char out[HAQ_FORMATS_TEXT]);

/* How many different candidates there are; INFINITY when it overflows. */
double haq_space_points(const struct haq_space *s);

/* The least that the network can take in bytes under any choice. */
size_t haq_space_least_bytes(const struct haq_space *s);

/* Genes of every layer set to one choice, made canonical. */
void haq_space_fill(const struct haq_space *s, struct haq_choice c, int *genes);

/* Set one layer; the caller makes the vector canonical. */
void haq_space_put(const struct haq_space *s, size_t layer, struct haq_choice c,
                   int *genes);
struct haq_choice haq_space_get(const struct haq_space *s, size_t layer,
                                const int *genes);

/* The choices [layers->n] of all layers. */
void haq_space_choices(const struct haq_space *s, const int *genes,
                       struct haq_choice *choice);

/* Are these choices [layers->n] a point of the space? */
bool haq_space_holds(const struct haq_space *s,
                     const struct haq_choice *choice);

/* May the search use this weight format at all? */
bool haq_space_has(const struct haq_space *s, int weight);

/* Can layer `layer` be this? */
bool haq_space_offers(const struct haq_space *s, size_t layer,
                      struct haq_choice c);

/* Choices as numbers 0 .. HAQ_OPTIONS-1, kernel classes as numbers
 * 0 .. HAQ_CLASSES-1 (0 = float). */
struct haq_choice haq_choice_at(size_t option);
size_t haq_choice_option(struct haq_choice c);
size_t haq_choice_class(struct haq_choice c);

/* "int4", "float": the format's row in quant/format. */
const struct haq_format *haq_choice_format(struct haq_choice c);

/* In the words of hwprofiles/legal.h. */
struct haq_layer_choice;
void haq_choice_layer(struct haq_choice c, struct haq_layer_choice *out);

/* Stored bytes of layer `layer` under the choice, weights, scales and bias. */
size_t haq_space_bytes(const struct haq_space *s, size_t layer,
                       struct haq_choice c);

/* Bit operations of one sample through all layers (search/objective.h). */
double haq_space_bops(const struct haq_space *s,
                      const struct haq_choice *choice);

/* The recipe of the choices [layers->n], which may lie outside the space.
 * Layers that stay float are not listed. */
haq_status haq_space_recipe(const struct haq_space *s,
                            const struct haq_choice *choice,
                            struct haq_recipe *out, struct haq_diag *d);

/* And back.  HAQ_UNSUPPORTED names the layer whose formats are outside the
 * space. */
haq_status haq_space_genes(const struct haq_space *s,
                           const struct haq_recipe *r, int *genes,
                           struct haq_diag *d);

/* "8", "4g", "f", "t" (ternary), "bg" (binary): short words for tables; g is
 * groups. */
enum { HAQ_CHOICE_TEXT = 16 };
void haq_choice_text(struct haq_choice c, char out[HAQ_CHOICE_TEXT]);

#endif
