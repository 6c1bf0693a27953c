#include <stdlib.h>

#include "cli/commands.h"
#include "cli/model_opts.h"
#include "graph/layers.h"

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

haq_status haq_cmd_inspect(const struct haq_command *self, int argc,
                           char **argv, struct haq_diag *d)
{
    struct haq_common common;
    struct haq_model_opts m = {0};
    const struct haq_opt opts[] = {HAQ_DIM_OPT(&m)};
    const char *path = NULL;
    struct haq_session_config config;
    struct haq_import_options import;
    struct haq_graph *g = NULL;
    struct haq_layers layers = {0};

    haq_common_init(&common);
    haq_status s =
        haq_opts_parse(self, opts, 1, &common, argc, argv, &path, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    s = haq_model_config(&config, &m, &common, path, d);
    import = (struct haq_import_options){.dims = m.bound, .n_dims = m.dims.n};
    if (s == HAQ_OK)
        s = haq_onnx_load(&g, path, &import, d);
    if (s == HAQ_OK)
        s = haq_layers_make(&layers, g, path, d);
    if (s == HAQ_OK && common.json) {
        s = haq_print_json(haq_layers_to_json(&layers), d);
    } else if (s == HAQ_OK) {
        char in[64], out[64];
        shape_text(in, layers.input_shape, layers.input_rank);
        shape_text(out, layers.output_shape, layers.output_rank);
        print_layers(&layers);
        printf("\n%s: input %s, output %s, %zu quantizable layers, %.2f M "
               "multiply-adds, %.1f k parameters\nmodel hash %s\n",
               layers.name, in, out, layers.n, (double)layers.macs * 1e-6,
               (double)layers.params * 1e-3, layers.model_hash);
    }
    haq_layers_fini(&layers);
    haq_graph_free(g);
    haq_arena_fini(&m.arena);
    return s;
}
