/* quant/params.h - the numbers beside a recipe, in a safetensors file.
 *
 *   weight/<layer>/scale   F32 [n] or F16 [n][groups] (F32 where the format
 *                          stores group scales in its own way)
 *   weight/<layer>/zero    I8  [n][groups], signed domain; absent = symmetric
 *   weight/<layer>/codes   I8  [n][k], signed domain; absent = rounded to
 *                          nearest from the model's weights
 *   bias/<layer>           F32 [n], in place of the model's
 *   weight/<layer>/codebook  F32 or F16 [runs][levels], ascending; formats
 *                          whose levels are learned, one run per tensor, row or
 *                          group
 *   constant/<tensor>      F32, in place of the model's (quant/constants.h)
 *   split/<layer>/inputs, split/<layer>/kept  I64 (quant/split.h)
 *   act/<tensor>           F32 [2]: lo, hi of the calibrated range, so that one
 *                          file serves every width the recipe may ask for
 *   act/<tensor>:<format>  F32 [2]: the same for one format, where its range
 *                          differs ("mse" depends on the bits); wins
 *
 * Reader and writer follow formats.md part 12 and treat the file as hostile.
 */
#ifndef HAQ_QUANT_PARAMS_H
#define HAQ_QUANT_PARAMS_H

#include "base/hash.h"
#include "base/npz.h"
#include "base/status.h"

struct haq_graph;
struct haq_recipe;
struct haq_calib;
struct haq_params;

struct haq_params *haq_params_new(void); /* empty; NULL: no memory */
void haq_params_free(struct haq_params *p);

haq_status haq_params_read(struct haq_params **out, const char *path,
                           struct haq_diag *d);
haq_status haq_params_parse(struct haq_params **out, const char *name,
                            const void *data, size_t len, struct haq_diag *d);
/* All or nothing; hash of the bytes written. */
haq_status haq_params_write(const struct haq_params *p, const char *path,
                            char hash[HAQ_HASH_HEX], struct haq_diag *d);

/* Borrowed; NULL when absent. */
const struct haq_array *haq_params_get(const struct haq_params *p,
                                       const char *name);
/* Names in a fixed order, borrowed; NULL past the last. */
const char *haq_params_name(const struct haq_params *p, size_t i);
/* Copies the array in. */
haq_status haq_params_put(struct haq_params *p, const char *name,
                          const struct haq_array *a, struct haq_diag *d);

/* Copies all arrays of `from` in; those of the same name are replaced. */
haq_status haq_params_merge(struct haq_params *p, const struct haq_params *from,
                            struct haq_diag *d);

/* The scales and zero points of a layer; older ones are replaced. */
struct haq_qweight;
haq_status haq_params_put_weight(struct haq_params *p, const char *layer,
                                 const struct haq_qweight *w,
                                 struct haq_diag *d);
/* Its codes, where they are not those nearest to the weights. */
haq_status haq_params_put_codes(struct haq_params *p, const char *layer,
                                const struct haq_qweight *w,
                                struct haq_diag *d);
haq_status haq_params_put_bias(struct haq_params *p, const char *layer,
                               const float *bias, size_t n, struct haq_diag *d);

/* What there is of a layer: of its weight, and its bias.  Borrowed; NULL when
 * absent. */
struct haq_params_layer {
    const struct haq_array *scale, *zero, *codes, *book, *bias;
};
haq_status haq_params_layer(struct haq_params_layer *out,
                            const struct haq_params *p, const char *layer,
                            struct haq_diag *d);

/* Everything that executing `r` on `g` needs: weight scales by round to
 * nearest, activation ranges by the recipe's calibration method.  *out is the
 * caller's.  HAQ_INVALID as haq_apply. */
haq_status haq_params_make(struct haq_params **out, const struct haq_graph *g,
                           const struct haq_recipe *r,
                           const struct haq_calib *calib, struct haq_diag *d);

#endif
