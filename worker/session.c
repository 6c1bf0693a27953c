#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/log.h"
#include "graph/op.h"
#include "hwprofiles/machine.h"
#include "quant/calib.h"
#include "quant/constants.h"
#include "quant/method/method.h"
#include "quant/split.h"
#include "runtime/observe.h"
#include "worker/doubts.h"
#include "worker/session_priv.h"

/* Samples per run in throughput mode: enough to fill a register tile in every
 * layer, few enough that activations stay in a core's second-level cache. */
enum { BULK_BATCH = 8, NUMERICS_VERSION = 1 };

haq_status haq_session_graph(struct haq_graph **out, struct haq_session *s,
                             size_t batch, struct haq_diag *d)
{
    struct haq_import_options opt = {.batch = (int64_t)batch,
                                     .dims = s->config.dims,
                                     .n_dims = s->config.n_dims};
    return haq_onnx_load(out, s->config.model_path, &opt, d);
}

static haq_status check_hash(const char *path, const char *have,
                             const char *want, struct haq_diag *d)
{
    if (!want || !strcmp(have, want))
        return HAQ_OK;
    return haq_fail(d, HAQ_INVALID,
                    "%s has changed: its hash is %.12s..., expected %.12s...",
                    path, have, want);
}

/* Samples that index a table (token ids) must stay inside it. */
static haq_status check_indices(const struct haq_graph *g,
                                const struct haq_session_data *data,
                                struct haq_diag *d)
{
    const struct haq_array *x = &data->set.x;
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        if (n->op->code != HAQ_OP_GATHER || n->in[1] != g->inputs[0])
            continue;
        int64_t rows = g->values[n->in[0]].shape.dims[n->attr.axis];
        for (size_t k = 0; k < x->count; k++) {
            int64_t at = haq_dtype_get_int(x->dtype, x->data, k);
            if (at < -rows || at >= rows)
                return haq_fail(d, HAQ_INVALID,
                                "%s: sample %zu holds %lld, but %s has %lld "
                                "rows",
                                data->path, k / data->set.sample_count,
                                (long long)at, g->values[n->in[0]].name,
                                (long long)rows);
        }
    }
    return HAQ_OK;
}

static haq_status load_data(struct haq_session *s,
                            struct haq_session_data *data, const char *path,
                            const char *hash, struct haq_diag *d)
{
    const struct haq_value *in = &s->bulk->values[s->bulk->inputs[0]];
    haq_status status;

    if (!path)
        return HAQ_OK;
    data->path = path;
    status = haq_dataset_load(&data->set, path, d);
    if (status != HAQ_OK)
        return status;
    data->present = true;
    status = check_hash(path, data->set.hash, hash, d);
    if (status == HAQ_OK)
        status = haq_dataset_fits(&data->set, path, in->shape.dims + 1,
                                  in->shape.rank - 1, in->dtype, d);
    if (status == HAQ_OK)
        status = check_indices(s->bulk, data, d);
    if (status != HAQ_OK)
        return status;
    data->order = malloc(data->set.n * sizeof *data->order);
    if (!data->order)
        return haq_fail(d, HAQ_NOMEM, "%s: order of samples", path);
    haq_dataset_order(data->set.n, data->order);
    return HAQ_OK;
}

static void output_shape(struct haq_session *s)
{
    const struct haq_shape *o = &s->bulk->values[s->bulk->outputs[0]].shape;
    s->positions = 1;
    s->classes = o->rank ? (size_t)o->dims[o->rank - 1] : 1;
    for (int i = 1; i < o->rank - 1; i++)
        s->positions *= (size_t)o->dims[i];
}

static haq_status choose_metric(struct haq_session *s, struct haq_diag *d)
{
    haq_status status;

    if (!s->config.metric) {
        s->metric = haq_metric_default(&s->eval.set.y);
    } else {
        s->metric = haq_metric_find(s->config.metric);
        if (!s->metric)
            return haq_fail(d, HAQ_USAGE,
                            "no metric \"%s\"; there are top1, "
                            "top5, perplexity, mse, agreement",
                            s->config.metric);
    }
    if (!s->eval.present)
        return HAQ_OK;
    status = haq_metric_check(s->metric, &s->eval.set.y, s->eval.set.n,
                              s->positions, s->classes, d);
    return haq_fail_in(d, status, s->eval.path);
}

static haq_status identify(struct haq_session *s, struct haq_diag *d)
{
    struct haq_machine m;
    haq_status status = haq_machine_probe(&m, d);

    if (status != HAQ_OK)
        return status;
    status = haq_machine_fingerprint(
        &m, s->config.isa, haq_pool_threads(s->pool), s->device_id, d);
    haq_machine_fini(&m);
    snprintf(s->numerics_id, sizeof s->numerics_id, "numerics-%d:%s%s",
             NUMERICS_VERSION, haq_cpu_isa_name(s->config.isa),
             s->config.simulate ? ":simulated" : "");
    return status;
}

/* The config's strings belong to the caller: keep copies. */
static haq_status copy_config(struct haq_session *s,
                              const struct haq_session_config *c,
                              struct haq_diag *d)
{
    const char **strings[] = {&s->config.model_path,
                              &s->config.calib_path,
                              &s->config.eval_path,
                              &s->config.model_hash,
                              &s->config.calib_hash,
                              &s->config.eval_hash,
                              &s->config.metric,
                              &s->config.training.path,
                              &s->config.training.optimizer};
    struct haq_dim_binding *dims;

    s->config = *c;
    if (!c->training.optimizer) {
        s->config.training = haq_training_default();
        s->config.training.path = c->training.path;
    }
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        if (!*strings[i])
            continue;
        *strings[i] = haq_arena_strdup(&s->arena, *strings[i]);
        if (!*strings[i])
            return haq_fail(d, HAQ_NOMEM, "opening a session");
    }
    dims = haq_arena_array(&s->arena, c->n_dims + 1, sizeof *dims);
    if (!dims)
        return haq_fail(d, HAQ_NOMEM, "opening a session");
    for (size_t i = 0; i < c->n_dims; i++) {
        dims[i].size = c->dims[i].size;
        dims[i].name = haq_arena_strdup(&s->arena, c->dims[i].name);
        if (!dims[i].name)
            return haq_fail(d, HAQ_NOMEM, "opening a session");
    }
    s->config.dims = dims;
    return HAQ_OK;
}

static haq_status open_all(struct haq_session *s, struct haq_diag *d)
{
    haq_status status = haq_session_graph(&s->bulk, s, BULK_BATCH, d);

    if (status == HAQ_OK)
        status = check_hash(s->config.model_path, s->bulk->model_hash,
                            s->config.model_hash, d);
    if (status == HAQ_OK)
        status = haq_layers_make(&s->layers, s->bulk, s->config.model_path, d);
    if (status != HAQ_OK)
        return status;
    s->moments_doubted = haq_arena_array(&s->arena, s->layers.n, sizeof(bool));
    if (!s->moments_doubted)
        return haq_fail(d, HAQ_NOMEM, "opening a session");
    output_shape(s);
    status =
        load_data(s, &s->calib, s->config.calib_path, s->config.calib_hash, d);
    if (status == HAQ_OK)
        status =
            load_data(s, &s->eval, s->config.eval_path, s->config.eval_hash, d);
    if (status == HAQ_OK && s->calib.present && s->calib.set.n == 1)
        haq_log(HAQ_LOG_WARN,
                "%s holds one sample: ranges and methods know no other",
                s->calib.path);
    if (status == HAQ_OK)
        status = load_data(s, &s->train, s->config.training.path, NULL, d);
    if (status == HAQ_OK)
        status = choose_metric(s, d);
    if (status == HAQ_OK)
        status = haq_pool_new(&s->pool, s->config.threads, d);
    if (status != HAQ_OK)
        return status;
    haq_pool_pin_caller(s->pool);
    status = haq_meter_new(&s->meter,
                           &(struct haq_witness_config){.pool = s->pool}, d);
    if (status != HAQ_OK)
        return status;
    s->weights = haq_qweight_cache_new();
    haq_tuned_init(&s->tuned);
    s->packs = haq_pack_cache_new();
    if (!s->weights || !s->packs)
        return haq_fail(d, HAQ_NOMEM, "opening a session");
    return identify(s, d);
}

haq_status haq_session_open(struct haq_session **out,
                            const struct haq_session_config *config,
                            struct haq_diag *d)
{
    struct haq_session *s = calloc(1, sizeof *s);
    haq_status status = HAQ_OK;

    if (!s)
        return haq_fail(d, HAQ_NOMEM, "opening a session");
    haq_arena_init(&s->arena);
    if (config->isa & ~haq_cpu_isa())
        status = haq_fail(d, HAQ_INVALID,
                          "instruction sets up to %s were asked for, this "
                          "machine has %s",
                          haq_cpu_isa_name(config->isa),
                          haq_cpu_isa_name(haq_cpu_isa()));
    if (status == HAQ_OK)
        status = copy_config(s, config, d);
    if (status == HAQ_OK)
        status = open_all(s, d);
    if (status != HAQ_OK) {
        haq_session_close(s);
        return status;
    }
    *out = s;
    return HAQ_OK;
}

static void close_data(struct haq_session_data *data)
{
    if (data->present)
        haq_dataset_fini(&data->set);
    free(data->order);
    free(data->reference);
}

static void close_single(struct haq_session *s)
{
    haq_exec_free(s->float_exec);
    haq_plan_free(s->float_plan);
    haq_graph_free(s->single);
    s->float_exec = NULL;
    s->float_plan = NULL;
    s->single = NULL;
}

void haq_session_close(struct haq_session *s)
{
    if (!s)
        return;
    close_single(s);
    if (s->ranges_ready)
        haq_calib_fini(&s->ranges);
    close_data(&s->calib);
    close_data(&s->eval);
    close_data(&s->train);
    haq_qweight_cache_free(s->weights);
    haq_tuned_fini(&s->tuned);
    haq_pack_cache_free(s->packs);
    haq_layers_fini(&s->layers);
    haq_graph_free(s->bulk);
    haq_meter_free(s->meter);
    haq_pool_free(s->pool);
    haq_arena_fini(&s->arena);
    free(s);
}

const struct haq_layers *haq_session_layers(const struct haq_session *s)
{
    return &s->layers;
}

const char *haq_session_metric(const struct haq_session *s)
{
    return s->metric->name;
}

size_t haq_session_eval_samples(const struct haq_session *s)
{
    return s->eval.present ? s->eval.set.n : 0;
}

const char *haq_session_hash(const struct haq_session *s, const char *what)
{
    if (!strcmp(what, "model"))
        return s->layers.model_hash;
    const struct haq_session_data *data =
        !strcmp(what, "calib") ? &s->calib : &s->eval;
    return data->present ? data->set.hash : "";
}

haq_status haq_session_ranges(struct haq_session *s, bool bins,
                              struct haq_diag *d)
{
    haq_status status;

    if (!s->calib.present)
        return haq_fail(d, HAQ_INVALID,
                        "static activations need calibration data (--calib)");
    if (s->ranges_ready && (!bins || s->ranges_have_bins))
        return HAQ_OK;
    if (s->ranges_ready)
        haq_calib_fini(&s->ranges);
    s->ranges_ready = false;
    status = haq_observe(&s->ranges, s->bulk, &s->calib.set, bins,
                         s->config.isa, s->pool, d);
    s->ranges_ready = status == HAQ_OK;
    s->ranges_have_bins = bins;
    if (s->ranges_ready && !s->ranges_doubted) {
        haq_doubt_ranges(s->bulk, &s->ranges);
        s->ranges_doubted = true;
    }
    return haq_fail_in(d, status, s->calib.path);
}

/* ---- builds ---------------------------------------------------------------
 */

static haq_status read_params(struct haq_ready *b, const struct haq_recipe *r,
                              struct haq_diag *d)
{
    char hash[HAQ_HASH_HEX];
    haq_status status = haq_hash_file(hash, r->params_file, d);

    if (status == HAQ_OK)
        status = check_hash(r->params_file, hash, r->params_hash, d);
    if (status == HAQ_OK)
        status = haq_params_read(&b->params, r->params_file, d);
    return status;
}

/* A graph of its own where the recipe changes the model's; nothing made from it
 * may be shared, for all of that goes by names. */
static haq_status take_changes(struct haq_ready *b, struct haq_session *s,
                               const struct haq_graph *g, struct haq_diag *d)
{
    if (!haq_constants_present(b->params) && !haq_split_present(b->params))
        return HAQ_OK;
    haq_status status = haq_session_graph(&b->own, s, (size_t)g->batch, d);
    if (status == HAQ_OK)
        status = haq_split_apply(b->own, b->params, d);
    if (status == HAQ_OK)
        status = haq_constants_apply(b->own, b->params, d);
    if (status == HAQ_OK && !(b->weights = haq_qweight_cache_new()))
        status = haq_fail(d, HAQ_NOMEM, "weights of a recipe");
    return status;
}

haq_status haq_ready_make(struct haq_ready *b, struct haq_session *s,
                          const struct haq_graph *g,
                          const struct haq_recipe *recipe,
                          enum haq_tune_way way, struct haq_diag *d)
{
    struct haq_plan_options opt = {.isa = s->config.isa,
                                   .simulate = s->config.simulate,
                                   .cache = s->packs};
    haq_status status = HAQ_OK;

    *b = (struct haq_ready){.quantized = recipe != NULL};
    if (recipe) {
        status = haq_recipe_check(recipe, "recipe", &s->layers, d);
        if (status == HAQ_OK && recipe->params_file)
            status = read_params(b, recipe, d);
        else if (status == HAQ_OK && haq_recipe_tunes_any(recipe))
            status = haq_session_params(s, recipe, way, &b->params, d);
        else if (status == HAQ_OK)
            status = haq_session_ranges_for(s, recipe, d);
        if (status == HAQ_OK)
            status = take_changes(b, s, g, d);
        if (status == HAQ_OK && b->own) {
            g = b->own;
            opt.cache = NULL;
        }
        if (status == HAQ_OK)
            status =
                haq_apply(&b->q, g, recipe, s->ranges_ready ? &s->ranges : NULL,
                          b->params, b->own ? b->weights : s->weights, d);
    }
    if (status == HAQ_OK)
        status = haq_plan_new(&b->plan, g, recipe ? &b->q : NULL, &opt, d);
    if (status != HAQ_OK)
        haq_ready_fini(b);
    return status;
}

void haq_ready_fini(struct haq_ready *b)
{
    haq_plan_free(b->plan);
    if (b->quantized)
        haq_qgraph_fini(&b->q);
    haq_params_free(b->params);
    haq_qweight_cache_free(b->weights);
    haq_graph_free(b->own);
    *b = (struct haq_ready){0};
}

static void set_output_shape(struct haq_array *out, const struct haq_shape *one,
                             size_t n)
{
    out->dtype = HAQ_F32;
    out->rank = one->rank ? one->rank : 1;
    memcpy(out->dims, one->dims, sizeof out->dims);
    out->dims[0] = (int64_t)n;
}

haq_status haq_session_run(struct haq_session *s,
                           const struct haq_recipe *recipe,
                           struct haq_array *out, struct haq_diag *d)
{
    struct haq_ready b = {0};
    struct haq_evaluation e = {0};
    size_t n = s->eval.set.n, *all = malloc((n + 1) * sizeof *all);
    haq_status status;

    *out = (struct haq_array){.count = n * s->positions * s->classes};
    out->data = calloc(out->count + 1, sizeof(float));
    set_output_shape(out, &s->bulk->values[s->bulk->outputs[0]].shape, n);
    if (!all || !out->data) {
        status = haq_fail(d, HAQ_NOMEM, "outputs of %zu samples", n);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        all[i] = i;
    status = haq_ready_make(&b, s, s->bulk, recipe, HAQ_TUNE_ALONE, d);
    if (status == HAQ_OK)
        status = haq_evaluate(&e, b.plan, &s->eval.set, all, n, NULL, NULL,
                              out->data, s->pool, d);
done:
    if (status != HAQ_OK)
        haq_array_fini(out);
    haq_evaluation_fini(&e);
    haq_ready_fini(&b);
    free(all);
    return status;
}

/* ---- the float model ------------------------------------------------------
 */

haq_status haq_session_reference(struct haq_session *s,
                                 struct haq_session_data *data,
                                 struct haq_diag *d)
{
    struct haq_ready b = {0};
    struct haq_evaluation e = {0};
    size_t n = data->set.n, *all = NULL;
    haq_status status;

    if (data->reference)
        return HAQ_OK;
    data->reference =
        calloc(n, s->positions * s->classes * sizeof *data->reference);
    all = malloc(n * sizeof *all);
    if (!data->reference || !all) {
        status = haq_fail(d, HAQ_NOMEM, "outputs of the float model");
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        all[i] = i;
    status = haq_ready_make(&b, s, s->bulk, NULL, HAQ_TUNE_ALONE, d);
    if (status == HAQ_OK)
        status = haq_evaluate(&e, b.plan, &data->set, all, n, NULL, NULL,
                              data->reference, s->pool, d);
done:
    if (status != HAQ_OK) {
        free(data->reference);
        data->reference = NULL;
    }
    haq_evaluation_fini(&e);
    haq_ready_fini(&b);
    free(all);
    return status;
}

haq_status haq_session_single(struct haq_session *s, size_t batch,
                              struct haq_diag *d)
{
    struct haq_plan_options opt = {.isa = s->config.isa, .cache = s->packs};
    haq_status status;

    if (s->single && s->single->batch == (int64_t)batch)
        return HAQ_OK;
    close_single(s);
    status = haq_session_graph(&s->single, s, batch, d);
    if (status == HAQ_OK && s->single->batch != (int64_t)batch)
        status =
            haq_fail(d, HAQ_INVALID, "%s has a fixed batch of %lld, not %zu",
                     s->config.model_path, (long long)s->single->batch, batch);
    if (status == HAQ_OK)
        status = haq_plan_new(&s->float_plan, s->single, NULL, &opt, d);
    if (status == HAQ_OK)
        status = haq_exec_new(&s->float_exec, s->float_plan, s->pool, d);
    if (status == HAQ_OK)
        status = haq_session_feed(s, s->float_exec, d);
    if (status != HAQ_OK)
        close_single(s);
    return status;
}

haq_status haq_session_feed(const struct haq_session *s, struct haq_exec *e,
                            struct haq_diag *d)
{
    const struct haq_graph *g = s->single;
    const struct haq_session_data *data =
        s->eval.present ? &s->eval : &s->calib;
    size_t batch = (size_t)g->batch, *index;

    for (int i = 0; i < g->n_inputs; i++) {
        const struct haq_value *v = &g->values[g->inputs[i]];
        memset(haq_exec_input(e, i), 0,
               v->count * haq_dtype_info(v->dtype)->bytes);
    }
    if (!data->present)
        return HAQ_OK;
    index = malloc(batch * sizeof *index);
    if (!index)
        return haq_fail(d, HAQ_NOMEM, "samples of a batch");
    for (size_t i = 0; i < batch; i++)
        index[i] = i % data->set.n;
    haq_dataset_fetch(&data->set, index, batch, g->values[g->inputs[0]].dtype,
                      haq_exec_input(e, 0));
    free(index);
    return HAQ_OK;
}
