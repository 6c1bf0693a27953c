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
 * A weight format that is not to be used becomes the next wider one. Canonical:
 * a float layer has granularity 0 and float activation, so that
 * equal candidates are the same vector and the same recipe.
 */
#ifndef HAQ_SEARCH_SPACE_H
#define HAQ_SEARCH_SPACE_H

#include <stdbool.h>
#include <stddef.h>

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

/* What a layer's time depends on: the option, for widths are packed and read
 * each in its own way.  All that is float is one class, number 0. */
enum { HAQ_CLASSES = 1 + HAQ_WEIGHT_FLOAT * HAQ_GRAIN_VALUES * HAQ_ACT_VALUES };

struct haq_choice { /* of one layer, as values of the enums above */
    int weight;
    int grain;
    int act;
};

struct haq_space {
    const struct haq_layers *layers; /* borrowed */
    int weight[HAQ_WEIGHT_VALUES];   /* [weights] by gene, ascending */
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

/* haq_algo_config.canonical; `space` is a const struct haq_space *. */
void haq_space_canonical(const void *space, int *genes);

/* Genes of every layer set to one choice, made canonical. */
void haq_space_fill(const struct haq_space *s, struct haq_choice c, int *genes);

/* Set one layer; the caller makes the vector canonical. */
void haq_space_put(const struct haq_space *s, size_t layer, struct haq_choice c,
                   int *genes);
struct haq_choice haq_space_get(const struct haq_space *s, size_t layer,
                                const int *genes);

/* May the search use this weight format at all? */
bool haq_space_has(const struct haq_space *s, int weight);

/* Can layer `layer` be this, and is this its canonical form? */
bool haq_space_offers(const struct haq_space *s, size_t layer,
                      struct haq_choice c);

/* Choices as numbers 0 .. HAQ_OPTIONS-1, kernel classes as numbers
 * 0 .. HAQ_CLASSES-1 (0 = float). */
struct haq_choice haq_choice_at(size_t option);
size_t haq_choice_class(struct haq_choice c);

/* "int4", "float": the format's row in quant/format. */
const struct haq_format *haq_choice_format(struct haq_choice c);

/* Stored bytes of layer `layer` under the choice, weights, scales and bias. */
size_t haq_space_bytes(const struct haq_space *s, size_t layer,
                       struct haq_choice c);

/* The recipe of canonical genes.  Layers that stay float are not listed. */
haq_status haq_space_recipe(const struct haq_space *s, const int *genes,
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
