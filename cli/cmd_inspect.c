#include <stdlib.h>

#include "cli/commands.h"
#include "cli/model_opts.h"
#include "cli/show_inputs.h"
#include "graph/layers.h"
#include "worker/inputs.h"

static void shape_text(char out[64], const int64_t *dims, int rank)
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 1; i < rank && used < 56; i++)
        used += (size_t)snprintf(out + used, 64 - used, "%s%lld",
                                 i > 1 ? "x" : "", (long long)dims[i]);
}

static const char *kind(const struct haq_layer *l)
{
    return l->depthwise ? "depthwise" : l->op;
}

static void print_layers(const struct haq_layers *l)
{
    const char *heads[] = {"layer", "op",       ">kernel", "output",
                           ">MACs", ">weights", ">rows",   ">row length"};
    struct haq_table *t = haq_table_new(8, heads);

    for (size_t i = 0; i < l->n; i++) {
        const struct haq_layer *y = &l->layer[i];
        char shape[64];
        shape_text(shape, y->shape, y->rank);
        haq_table_cell(t, "%s", y->tensor);
        haq_table_cell(t, "%s", kind(y));
        haq_table_cell(t, "%lldx%lld", (long long)y->kernel[0],
                       (long long)y->kernel[1]);
        haq_table_cell(t, "%s", shape);
        haq_table_cell(t, "%lld", (long long)y->macs);
        haq_table_cell(t, "%lld", (long long)y->channels * y->reduction);
        haq_table_cell(t, "%lld", (long long)y->channels);
        haq_table_cell(t, "%lld", (long long)y->reduction);
    }
    haq_table_print(t, stdout);
}

/* ---- what the file says ---------------------------------------------------
 */

static void print_summary(const struct haq_layers *layers)
{
    char in[64], out[64];
    shape_text(in, layers->input_shape, layers->input_rank);
    shape_text(out, layers->output_shape, layers->output_rank);
    print_layers(layers);
    printf("\n%s: input %s, output %s, %zu quantizable layers, %.2f M "
           "multiply-adds, %.1f k parameters\nmodel hash %s\n",
           layers->name, in, out, layers->n, (double)layers->macs * 1e-6,
           (double)layers->params * 1e-3, layers->model_hash);
}

static haq_status show_layers(const struct haq_session_config *config,
                              bool as_json, struct haq_diag *d)
{
    struct haq_import_options import = {.dims = config->dims,
                                        .n_dims = config->n_dims};
    struct haq_graph *g = NULL;
    struct haq_layers layers = {0};
    haq_status s = haq_onnx_load(&g, config->model_path, &import, d);
    if (s == HAQ_OK)
        s = haq_layers_make(&layers, g, config->model_path, d);
    if (s == HAQ_OK && as_json)
        s = haq_print_json(haq_layers_to_json(&layers), d);
    else if (s == HAQ_OK)
        print_summary(&layers);
    haq_layers_fini(&layers);
    haq_graph_free(g);
    return s;
}

/* ---- what the layers read -------------------------------------------------
 */

static haq_status show_inputs(const struct haq_session_config *config,
                              bool as_json, struct haq_diag *d)
{
    struct haq_session *session = NULL;
    struct haq_inputs in = {.input = NULL};
    haq_status s = haq_session_open(&session, config, d);
    if (s == HAQ_OK)
        s = haq_session_inputs(session, &in, d);
    if (s == HAQ_OK && as_json)
        s = haq_print_json(json_pack("{s:s, s:I, s:o}", "model",
                                     config->model_path, "samples",
                                     (json_int_t)in.samples, "inputs",
                                     haq_inputs_to_json(&in)),
                           d);
    else if (s == HAQ_OK)
        haq_show_inputs(&in);
    if (in.input)
        haq_inputs_fini(&in);
    haq_session_close(session);
    return s;
}

haq_status haq_cmd_inspect(const struct haq_command *self, int argc,
                           char **argv, struct haq_diag *d)
{
    struct haq_common common;
    struct haq_model_opts m = {0};
    const char *path = NULL, *calib = NULL;
    const struct haq_opt opts[] = {
        {"calib", 0, HAQ_OPT_TEXT, &calib, "C.npz",
         "show what the layers read on these samples: ranges, outliers, the "
         "worst channels"},
        HAQ_DIM_OPT(&m)};
    struct haq_session_config config;

    haq_common_init(&common);
    haq_status s = haq_opts_parse(self, opts, sizeof opts / sizeof *opts,
                                  &common, argc, argv, &path, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    s = haq_model_config(&config, &m, &common, path, d);
    config.calib_path = calib;
    if (s == HAQ_OK)
        s = calib ? show_inputs(&config, common.json, d)
                  : show_layers(&config, common.json, d);
    haq_arena_fini(&m.arena);
    return s;
}
