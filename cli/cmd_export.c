#include <string.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/model_opts.h"
#include "cli/recipe_file.h"
#include "quant/export/export.h"

struct export_args {
    struct haq_model_opts model;
    const char *source, *point, *model_path, *calib, *format, *out;
};

/* The recipe's own params file, or scales made here (from --calib). */
static haq_status get_params(const struct export_args *a,
                             const struct haq_common *common,
                             const struct haq_recipe *r,
                             struct haq_params **out, struct haq_diag *d)
{
    struct haq_model_opts m = a->model;
    struct haq_session_config config;
    struct haq_session *session = NULL;
    char hash[HAQ_HASH_HEX];
    haq_status s;

    if (r->params_file) {
        s = haq_hash_file(hash, r->params_file, d);
        if (s == HAQ_OK && strcmp(hash, r->params_hash))
            s = haq_fail(d, HAQ_INVALID,
                         "%s is not the file that the recipe "
                         "was written with (hash differs)",
                         r->params_file);
        return s == HAQ_OK ? haq_params_read(out, r->params_file, d) : s;
    }
    s = haq_model_config(&config, &m, common, a->model_path, d);
    config.calib_path = a->calib;
    if (s == HAQ_OK)
        s = haq_session_open(&session, &config, d);
    if (s == HAQ_OK)
        s = haq_session_params(session, r, HAQ_TUNE_ALONE, out, d);
    haq_session_close(session);
    return s;
}

static haq_status export_recipe(struct export_args *a,
                                const struct haq_common *common,
                                const char *recipe_path,
                                const struct haq_exporter *e,
                                struct haq_diag *d)
{
    struct haq_recipe r;
    struct haq_params *params = NULL;
    haq_status s;

    haq_recipe_init(&r);
    s = haq_recipe_open(&r, recipe_path, NULL, d);
    if (s == HAQ_OK)
        s = get_params(a, common, &r, &params, d);
    if (s == HAQ_OK) {
        struct haq_export_job job = {a->model_path, &r, params, a->out};
        s = e->run(&job, d);
    }
    if (s == HAQ_OK && !common->quiet)
        printf("%s\n", a->out);
    haq_params_free(params);
    haq_recipe_fini(&r);
    return s;
}

static haq_status find_source(struct export_args *a, const char **recipe_path,
                              struct haq_diag *d)
{
    const char *model = NULL;
    haq_status s = HAQ_OK;
    size_t len = strlen(a->source);

    if (len > 5 && !strcmp(a->source + len - 5, ".json"))
        *recipe_path = a->source;
    else
        s = haq_front_point(&a->model.arena, a->source, a->point, recipe_path,
                            &model, d);
    if (!a->model_path)
        a->model_path = model;
    if (s == HAQ_OK && !a->model_path)
        return haq_fail(d, HAQ_USAGE, "--model is missing");
    return s;
}

static haq_status find_format(const struct export_args *a,
                              const struct haq_exporter **out,
                              struct haq_diag *d)
{
    *out = a->format ? haq_exporter_find(a->format) : NULL;
    if (*out)
        return HAQ_OK;
    struct haq_buf names;
    haq_buf_init(&names);
    for (const struct haq_exporter *e = haq_exporters; e->name; e++)
        haq_buf_printf(&names, "%s%s", names.len ? ", " : "", e->name);
    haq_status s =
        haq_fail(d, HAQ_USAGE, "--format must be one of: %s", names.data);
    haq_buf_fini(&names);
    return s;
}

haq_status haq_cmd_export(const struct haq_command *self, int argc, char **argv,
                          struct haq_diag *d)
{
    struct haq_common common;
    struct export_args a = {.point = "knee"};
    const struct haq_exporter *e;
    const struct haq_opt opts[] = {
        {"point", 0, HAQ_OPT_TEXT, &a.point, "P",
         "of a job's folder: knee, best, fastest, smallest, int8 or an id"},
        {"format", 0, HAQ_OPT_TEXT, &a.format, "F", "onnx-qdq, recipe"},
        {"model", 0, HAQ_OPT_TEXT, &a.model_path, "MODEL",
         "the ONNX file (default: the one the job was started with)"},
        {"calib", 0, HAQ_OPT_TEXT, &a.calib, "C.npz",
         "calibration data, for recipes without a params file"},
        {"output", 'o', HAQ_OPT_TEXT, &a.out, "OUT", "file to write"},
        HAQ_DIM_OPT(&a.model)};
    const char *recipe_path = NULL;

    haq_common_init(&common);
    haq_status s = haq_opts_parse(self, opts, sizeof opts / sizeof *opts,
                                  &common, argc, argv, &a.source, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    if (!a.out)
        return haq_fail(d, HAQ_USAGE, "--output is missing");
    s = find_format(&a, &e, d);
    if (s == HAQ_OK)
        s = find_source(&a, &recipe_path, d);
    if (s == HAQ_OK)
        s = export_recipe(&a, &common, recipe_path, e, d);
    haq_arena_fini(&a.model.arena);
    return s;
}
