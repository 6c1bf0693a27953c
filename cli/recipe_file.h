/* cli/recipe_file.h - recipes and fronts as files on the command line. */
#ifndef HAQ_CLI_RECIPE_FILE_H
#define HAQ_CLI_RECIPE_FILE_H

#include "quant/recipe.h"

/* haq_recipe_read, with the params file's path made relative to the recipe's
 * folder, and haq_recipe_check against `layers` unless that is NULL. */
struct haq_layers;
haq_status haq_recipe_open(struct haq_recipe *out, const char *path,
                           const struct haq_layers *layers, struct haq_diag *d);

/* "dir/name.json" + ".safetensors" -> "dir/name.safetensors", in the arena. */
const char *haq_beside(struct haq_arena *a, const char *path,
                       const char *extension);

/* Write params beside the recipe file, name and hash them in it, write it. */
struct haq_params;
haq_status haq_recipe_save(struct haq_recipe *r,
                           const struct haq_params *params, const char *path,
                           struct haq_diag *d);

/* The recipe file of one point of DIR/front.json: `point` is knee, best,
 * fastest, smallest, an id, or a uniform
 * width (int8).  Paths live in the arena.  *model may be NULL
 * when the front does not say where its model was. */
haq_status haq_front_point(struct haq_arena *a, const char *dir,
                           const char *point, const char **recipe_path,
                           const char **model_path, struct haq_diag *d);

#endif
