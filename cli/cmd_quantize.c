#include "cli/commands.h"
#include "cli/model_opts.h"
#include "cli/progress.h"
#include "cli/recipe_file.h"
#include "cli/uniform.h"
#include "quant/calib_method.h"
#include "quant/params.h"

struct quantize_args {
    struct haq_model_opts model;
    const char *model_path, *calib, *weights, *activations, *calibration,
        *method, *out;
    struct haq_training training;
};

static haq_status make(const struct quantize_args *a, struct haq_recipe *r,
                       struct haq_session *session, struct haq_diag *d)
{
    struct haq_params *params = NULL;
    haq_status s = haq_uniform_recipe(r, session, a->out, a->weights,
                                      a->activations, a->calibration, d);

    if (s == HAQ_OK)
        s = haq_session_methods(r, a->method, d);
    if (s == HAQ_OK)
        s = haq_session_params(session, r, HAQ_TUNE_IN_ORDER, &params, d);
    if (s == HAQ_OK)
        s = haq_recipe_save(r, params, a->out, d);
    haq_params_free(params);
    return s;
}

static haq_status report(const struct quantize_args *a, bool as_json,
                         const struct haq_recipe *r,
                         const struct haq_layers *layers, struct haq_diag *d)
{
    size_t size = haq_recipe_size_bytes(r, layers);
    size_t full = haq_recipe_size_bytes(NULL, layers);
    char id[HAQ_HASH_HEX];
    haq_status s = haq_recipe_id(r, id, d);

    if (s != HAQ_OK)
        return s;
    if (as_json)
        return haq_print_json(
            json_pack("{s:s, s:s, s:I, s:I, s:I}", "recipe", a->out,
                      "recipe_id", id, "layers", (json_int_t)r->n, "size_bytes",
                      (json_int_t)size, "float_size_bytes", (json_int_t)full),
            d);
    printf("%s: %zu layers, %zu bytes (float %zu, %.1fx smaller)\n", a->out,
           r->n, size, full, (double)full / (double)size);
    return HAQ_OK;
}

haq_status haq_cmd_quantize(const struct haq_command *self, int argc,
                            char **argv, struct haq_diag *d)
{
    struct haq_common common;
    struct quantize_args a = {.weights = "int8:channel",
                              .calibration = "minmax",
                              .method = "rtn",
                              .training = haq_training_default()};
    char methods[1400], calibrations[200];
    struct haq_progress_count count;
    const struct haq_opt opts[] = {
        {"calib", 0, HAQ_OPT_TEXT, &a.calib, "C.npz", "calibration data"},
        {"weights", 0, HAQ_OPT_TEXT, &a.weights, "FORMAT[:GRANULARITY]",
         "int2..int8, uint2..uint8, ternary, binary, with tensor, channel or "
         "groupN; floats and codebooks such as nf4, mxfp4 (docs/formats.md)"},
        {"activations", 0, HAQ_OPT_TEXT, &a.activations, "FORMAT|float",
         "uint8, uint8:dynamic, int8, float (default: uint8 with --calib and "
         "integer weights, else float)"},
        {"calibration", 0, HAQ_OPT_TEXT, &a.calibration, "METHOD",
         calibrations},
        {"method", 0, HAQ_OPT_TEXT, &a.method, "M[,M...]", methods},
        {"train", 0, HAQ_OPT_TEXT, &a.training.path, "T.npz",
         "data for methods that train; its labels count where it has some "
         "(default: the calibration data)"},
        {"epochs", 0, HAQ_OPT_COUNT, &a.training.epochs, "N",
         "times that qat sees its data (10)"},
        {"rate", 0, HAQ_OPT_REAL, &a.training.rate, "R",
         "learning rate at the start, in steps of a weight (found by trying)"},
        {"optimizer", 0, HAQ_OPT_TEXT, &a.training.optimizer, "NAME",
         "adam (default) or sgd"},
        {"labels", 0, HAQ_OPT_REAL, &a.training.share, "SHARE",
         "0 .. 1 of the loss by labels, the rest by the float model's outputs "
         "(0.5 with --train, 0 without)"},
        {"output", 'o', HAQ_OPT_TEXT, &a.out, "R.json", "recipe to write"},
        HAQ_DIM_OPT(&a.model)};
    struct haq_session_config config;
    struct haq_session *session = NULL;
    struct haq_recipe recipe;

    haq_session_methods_help(methods, sizeof methods);
    haq_calib_methods_text(calibrations, sizeof calibrations);
    haq_common_init(&common);
    haq_status s = haq_opts_parse(self, opts, sizeof opts / sizeof *opts,
                                  &common, argc, argv, &a.model_path, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    if (!a.out)
        return haq_fail(d, HAQ_USAGE, "--output is missing");
    if (!a.activations)
        a.activations =
            haq_uniform_activations(a.weights, a.calib ? "uint8" : "float");
    haq_recipe_init(&recipe);
    s = haq_model_config(&config, &a.model, &common, a.model_path, d);
    config.calib_path = a.calib;
    haq_count_init(&count, "training", common.quiet);
    a.training.progress = haq_count_draw;
    a.training.arg = &count;
    config.training = a.training;
    if (s == HAQ_OK)
        s = haq_session_open(&session, &config, d);
    if (s == HAQ_OK)
        s = make(&a, &recipe, session, d);
    if (s == HAQ_OK)
        s = report(&a, common.json, &recipe, haq_session_layers(session), d);
    haq_recipe_fini(&recipe);
    haq_session_close(session);
    haq_arena_fini(&a.model.arena);
    return s;
}
