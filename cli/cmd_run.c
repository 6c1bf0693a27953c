#include <stdlib.h>

#include "cli/commands.h"
#include "cli/model_opts.h"
#include "cli/recipe_file.h"

haq_status haq_cmd_run(const struct haq_command *self, int argc, char **argv,
                       struct haq_diag *d)
{
    struct haq_common common;
    struct haq_model_opts m = {0};
    const char *path = NULL, *in = NULL, *out = NULL, *calib = NULL;
    const char *recipe_path = NULL;
    bool simulate = false;
    const struct haq_opt opts[] = {
        {"input", 'i', HAQ_OPT_TEXT, &in, "x.npy",
         "samples (npy, or npz with x and its normalization)"},
        {"output", 'o', HAQ_OPT_TEXT, &out, "y.npy", "outputs, float32"},
        {"recipe", 0, HAQ_OPT_TEXT, &recipe_path, "R.json",
         "execute under this recipe (default: float)"},
        {"calib", 0, HAQ_OPT_TEXT, &calib, "C.npz",
         "calibration data, for recipes without a params file"},
        {"simulate", 0, HAQ_OPT_FLAG, &simulate, NULL,
         "fake-quantized float execution instead of integers"},
        HAQ_DIM_OPT(&m)};
    struct haq_session_config config;
    struct haq_session *session = NULL;
    struct haq_recipe recipe;
    struct haq_array y = {0};

    haq_common_init(&common);
    haq_status s = haq_opts_parse(self, opts, sizeof opts / sizeof *opts,
                                  &common, argc, argv, &path, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    if (!in || !out)
        return haq_fail(d, HAQ_USAGE, "--input and --output are needed");
    haq_recipe_init(&recipe);
    s = haq_model_config(&config, &m, &common, path, d);
    config.eval_path = in;
    config.calib_path = calib;
    config.metric = "agreement"; /* the one metric that needs no labels */
    config.simulate = simulate;
    if (s == HAQ_OK)
        s = haq_session_open(&session, &config, d);
    if (s == HAQ_OK && recipe_path)
        s = haq_recipe_open(&recipe, recipe_path, haq_session_layers(session),
                            d);
    if (s == HAQ_OK)
        s = haq_session_run(session, recipe_path ? &recipe : NULL, &y, d);
    if (s == HAQ_OK)
        s = haq_npy_write(out, &y, d);
    haq_array_fini(&y);
    haq_recipe_fini(&recipe);
    haq_session_close(session);
    haq_arena_fini(&m.arena);
    return s;
}
