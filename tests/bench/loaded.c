#include "tests/bench/loaded.h"

#include <stdlib.h>

#include "base/cpu.h"
#include "cli/recipe_file.h"
#include "graph/dataset.h"
#include "graph/onnx_import.h"

static haq_status quantize(struct bench_network *n, const char *recipe,
                           struct haq_diag *d)
{
    haq_status s = haq_recipe_open(&n->recipe, recipe, NULL, d);
    if (s == HAQ_OK && n->recipe.params_file)
        s = haq_params_read(&n->params, n->recipe.params_file, d);
    n->weights = haq_qweight_cache_new();
    return s == HAQ_OK ? haq_apply(&n->q, n->graph, &n->recipe, NULL, n->params,
                                   n->weights, d)
                       : s;
}

haq_status bench_network_load(struct bench_network *n, const char *model,
                              size_t batch, const char *recipe,
                              struct haq_diag *d)
{
    struct haq_import_options import = {.batch = (int64_t)batch};
    struct haq_plan_options opt = {.isa = haq_cpu_isa()};
    haq_status s = haq_onnx_load(&n->graph, model, &import, d);
    if (s == HAQ_OK && recipe)
        s = quantize(n, recipe, d);
    return s == HAQ_OK ? haq_plan_new(&n->plan, n->graph, recipe ? &n->q : NULL,
                                      &opt, d)
                       : s;
}

haq_status bench_network_feed(const struct bench_network *n, struct haq_exec *e,
                              const char *path, struct haq_diag *d)
{
    const struct haq_value *in = &n->graph->values[n->graph->inputs[0]];
    size_t batch = (size_t)in->shape.dims[0];
    size_t *index = calloc(batch, sizeof *index);
    struct haq_dataset data;
    haq_status s = index ? haq_dataset_load(&data, path, d)
                         : haq_fail(d, HAQ_NOMEM, "samples");
    if (s == HAQ_OK) {
        for (size_t i = 0; i < batch; i++)
            index[i] = i % data.n;
        haq_dataset_fetch(&data, index, batch, in->dtype, haq_exec_input(e, 0));
        haq_dataset_fini(&data);
    }
    free(index);
    return s;
}
