#include "worker/task.h"

#include <string.h>

#include "base/json.h"
#include "worker/session_priv.h"

/* Every kind of task: adding one is a file and a row. */
static const struct task_row {
    const char *kind;
    bool timed; /* valid on this device only */
    haq_task_fn *run;
} rows[] = {
    {"inspect", false, haq_task_inspect},
    {"evaluate", false, haq_task_evaluate},
    {"sensitivity", false, haq_task_sensitivity},
    {"profile-layer", true, haq_task_profile_layer},
    {"measure-latency", true, haq_task_measure_latency},
};

static const struct task_row *find_row(const char *kind)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].kind, kind))
            return &rows[i];
    return NULL;
}

haq_status haq_task_run(struct haq_session *s, const char *kind,
                        const struct haq_recipe *recipe, const json_t *params,
                        json_t **result, struct haq_buf *scores,
                        struct haq_diag *d)
{
    const struct task_row *row = find_row(kind);
    if (!row)
        return haq_fail(d, HAQ_UNSUPPORTED, "no task of kind \"%s\"", kind);
    return row->run(s, recipe, params, result, scores, d);
}

const char *haq_task_where(const struct haq_session *s, const char *kind)
{
    const struct task_row *row = find_row(kind);
    return row && row->timed ? s->device_id : s->numerics_id;
}

haq_status haq_task_count(const json_t *params, const char *key, size_t preset,
                          size_t *out, struct haq_diag *d)
{
    const json_t *v = json_object_get(params, key);

    *out = preset;
    if (!v)
        return HAQ_OK;
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return haq_fail(d, HAQ_FORMAT, "task parameter %s: not a whole number",
                        key);
    *out = (size_t)json_integer_value(v);
    return HAQ_OK;
}

haq_status haq_task_inspect(struct haq_session *s,
                            const struct haq_recipe *recipe,
                            const json_t *params, json_t **result,
                            struct haq_buf *scores, struct haq_diag *d)
{
    (void)recipe, (void)params, (void)scores;
    *result = haq_layers_to_json(&s->layers);
    return *result ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "table of layers");
}
