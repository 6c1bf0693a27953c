#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/layers.h"
#include "graph/metric.h"
#include "graph/onnx_import.h"
#include "worker/task.h"
#include "worker/worker.h"

/* {"N": 1} to bindings; the caller frees. */
static haq_status read_dims(struct haq_dim_binding **out, size_t *n,
                            const json_t *dims, struct haq_diag *d)
{
    const char *name;
    json_t *size;
    *n = 0;
    *out = calloc(json_object_size(dims) + 1, sizeof **out);
    if (!*out)
        return haq_fail(d, HAQ_NOMEM, "dimensions");
    void *at;
    json_object_foreach_safe((json_t *)(uintptr_t)dims, at, name, size)
    {
        if (!json_is_integer(size) || json_integer_value(size) < 1)
            return haq_fail(d, HAQ_FORMAT, "dimension %s: no positive number",
                            name);
        (*out)[(*n)++] =
            (struct haq_dim_binding){name, json_integer_value(size)};
    }
    return HAQ_OK;
}

static haq_status describe(struct haq_session *s, struct haq_runner_facts *out,
                           struct haq_diag *d)
{
    const struct haq_metric *m = haq_metric_find(haq_session_metric(s));
    snprintf(out->model_hash, sizeof out->model_hash, "%s",
             haq_session_hash(s, "model"));
    snprintf(out->calib_hash, sizeof out->calib_hash, "%s",
             haq_session_hash(s, "calib"));
    snprintf(out->eval_hash, sizeof out->eval_hash, "%s",
             haq_session_hash(s, "eval"));
    snprintf(out->metric, sizeof out->metric, "%s", m->name);
    out->higher_is_better = m->higher_is_better;
    out->points = m->points;
    out->samples = haq_session_eval_samples(s);
    out->layers = haq_layers_to_json(haq_session_layers(s));
    return out->layers ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "table of layers");
}

/* An empty hash on the wire means: not known yet. */
static const char *known(const char *hash)
{
    return hash && *hash ? hash : NULL;
}

static haq_status open_session(void **session,
                               const struct haq_runner_request *r,
                               struct haq_runner_facts *out, struct haq_diag *d)
{
    struct haq_session *s = NULL;
    struct haq_dim_binding *dims = NULL;
    size_t n = 0;
    haq_status st = read_dims(&dims, &n, r->dims, d);
    struct haq_session_config config = {
        .model_path = r->model,
        .calib_path = r->calib,
        .eval_path = r->eval,
        .model_hash = known(r->model_hash),
        .calib_hash = known(r->calib_hash),
        .eval_hash = known(r->eval_hash),
        .metric = r->metric,
        .dims = dims,
        .n_dims = n,
        .isa = r->isa,
        .threads = r->threads,
    };
    if (st == HAQ_OK)
        st = haq_session_open(&s, &config, d);
    if (st == HAQ_OK)
        st = describe(s, out, d);
    free(dims);
    if (st != HAQ_OK) {
        haq_session_close(s);
        return st;
    }
    *session = s;
    return HAQ_OK;
}

static haq_status run(void *session, const char *kind, const json_t *recipe,
                      const json_t *params, json_t **result,
                      struct haq_buf *scores, struct haq_diag *d)
{
    struct haq_recipe r;
    haq_status s = HAQ_OK;
    if (!recipe)
        return haq_task_run(session, kind, NULL, params, result, scores, d);
    s = haq_recipe_from_json(&r, recipe, "recipe", d);
    if (s != HAQ_OK)
        return s;
    s = haq_recipe_check(&r, "recipe", haq_session_layers(session), d);
    if (s == HAQ_OK)
        s = haq_task_run(session, kind, &r, params, result, scores, d);
    haq_recipe_fini(&r);
    return s;
}

static const char *where(void *session, const char *kind)
{
    return haq_task_where(session, kind);
}

static void close_session(void *session)
{
    haq_session_close(session);
}

const struct haq_task_runner haq_session_runner = {open_session, run, where,
                                                   close_session};
