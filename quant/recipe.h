/* quant/recipe.h - for every quantizable layer: formats and methods.
 *
 * Plain data, canonical JSON (docs/recipe.md holds the schema):
 *
 *   {"calibration":{"data":"sha256:..","method":"minmax"},
 *    "layers":[{"activation":"uint8:static","methods":["rtn"],
 *               "tensor":"conv1_out","weight":"int4:channel"}, ...],
 *    "model":"sha256:..","params":{"file":"r.safetensors","sha256":".."},
 *    "recipe":1}
 *
 * Layers stand in network order; a layer that is not listed stays float.
 * `provenance` and `results` are carried but are in neither hash.
 */
#ifndef HAQ_QUANT_RECIPE_H
#define HAQ_QUANT_RECIPE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/hash.h"
#include "quant/spec.h"

struct haq_recipe_layer {
    const char *tensor;
    struct haq_weight_spec weight;
    struct haq_act_spec act;
    const char *methods; /* comma list: "rtn", "clip" */
};

struct haq_recipe {
    struct haq_arena arena;
    char model_hash[HAQ_HASH_HEX];
    struct haq_recipe_layer *layer;
    size_t n;
    char calib_hash[HAQ_HASH_HEX]; /* "" = not calibrated */
    const char *calib_method; /* "minmax", "percentile:99.99"; never NULL */
    const char *params_file;  /* as written in the recipe; NULL = none */
    char params_hash[HAQ_HASH_HEX];
    json_t *provenance, *results; /* owned references or NULL */
};

void haq_recipe_init(struct haq_recipe *r);
void haq_recipe_fini(struct haq_recipe *r);

/* JSON there and back.  from_json refuses unknown keys (but "x-..."), unknown
 * formats, duplicate layers: HAQ_FORMAT with `name` (a path) in front. */
haq_status haq_recipe_from_json(struct haq_recipe *out, const json_t *j,
                                const char *name, struct haq_diag *d);
json_t *haq_recipe_to_json(const struct haq_recipe *r); /* NULL: no memory */

/* Read a file. */
haq_status haq_recipe_read(struct haq_recipe *out, const char *path,
                           struct haq_diag *d);
/* Canonical JSON and a newline, all or nothing. */
haq_status haq_recipe_write(const struct haq_recipe *r, const char *path,
                            struct haq_diag *d);

/* The two hashes of the architecture: of the canonical JSON of calibration,
 * layers (those with both formats float left out) and model; the recipe id has
 * the params file's hash beside them.  HAQ_NOMEM. */
haq_status haq_recipe_assignment_id(const struct haq_recipe *r,
                                    char out[HAQ_HASH_HEX], struct haq_diag *d);
haq_status haq_recipe_id(const struct haq_recipe *r, char out[HAQ_HASH_HEX],
                         struct haq_diag *d);

/* Does it fit the model?  HAQ_INVALID: other model hash (both shown), a layer
 * that the model lacks, static activations without calibration or params. */
struct haq_layers;
haq_status haq_recipe_check(const struct haq_recipe *r, const char *name,
                            const struct haq_layers *l, struct haq_diag *d);

/* Has methods whose results only a params file can bring. */
bool haq_recipe_tunes(const struct haq_recipe_layer *l);
/* One of its layers has. */
bool haq_recipe_tunes_any(const struct haq_recipe *r);

/* Every layer with the same specs (the names are borrowed from l's arena and
 * copied). */
haq_status haq_recipe_uniform(struct haq_recipe *out,
                              const struct haq_layers *l,
                              const struct haq_weight_spec *w,
                              const struct haq_act_spec *a, struct haq_diag *d);

/* Stored size of the network under the recipe (r NULL: float32), as the
 * architecture defines size_bytes. */
size_t haq_recipe_size_bytes(const struct haq_recipe *r,
                             const struct haq_layers *l);

#endif
