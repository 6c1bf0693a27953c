#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "coordinator/coordinator_priv.h"

enum { MOST_AGAIN = 2 };

/* ---- facts ----------------------------------------------------------------
 */

static bool is_hash(const char *text)
{
    return strlen(text) == HAQ_HASH_HEX - 1 &&
           strspn(text, "0123456789abcdef") == HAQ_HASH_HEX - 1;
}

static haq_status take_hash(char out[HAQ_HASH_HEX], const struct haq_msg *m,
                            enum haq_field f, bool required, struct haq_diag *d)
{
    const char *text = haq_msg_text(m, f);
    if (!is_hash(text) && (*text || required))
        return haq_fail(d, HAQ_FORMAT, "ready: %s is no SHA-256",
                        haq_field_info(f)->name);
    snprintf(out, HAQ_HASH_HEX, "%s", text);
    return HAQ_OK;
}

static haq_status check_where(const json_t *where, struct haq_diag *d)
{
    for (const struct haq_task_kind *k = haq_task_kinds; k->name; k++)
        if (!json_is_string(json_object_get(where, k->name)))
            return haq_fail(d, HAQ_FORMAT, "ready: where says nothing of %s",
                            k->name);
    return HAQ_OK;
}

static haq_status take_json(json_t **out, const struct haq_msg *m,
                            enum haq_field f, struct haq_diag *d)
{
    haq_status s = haq_json_parse(haq_field_info(f)->name, haq_msg_text(m, f),
                                  m->value[f].len, out, d);
    if (s == HAQ_OK && !json_is_object(*out))
        s = haq_fail(d, HAQ_FORMAT, "ready: %s is no JSON object",
                     haq_field_info(f)->name);
    return s;
}

haq_status haq_facts_read(struct haq_facts *out, const struct haq_msg *m,
                          struct haq_diag *d)
{
    memset(out, 0, sizeof *out);
    haq_status s = take_hash(out->model_hash, m, HAQ_F_MODEL_HASH, true, d);
    if (s == HAQ_OK)
        s = take_hash(out->calib_hash, m, HAQ_F_CALIB_HASH, false, d);
    if (s == HAQ_OK)
        s = take_hash(out->eval_hash, m, HAQ_F_EVAL_HASH, false, d);
    if (s == HAQ_OK)
        s = take_json(&out->layers, m, HAQ_F_LAYERS, d);
    if (s == HAQ_OK)
        s = take_json(&out->where, m, HAQ_F_WHERE, d);
    if (s == HAQ_OK)
        s = check_where(out->where, d);
    snprintf(out->metric, sizeof out->metric, "%s",
             haq_msg_text(m, HAQ_F_METRIC));
    out->higher_is_better = haq_msg_uint(m, HAQ_F_HIGHER);
    out->points = haq_msg_uint(m, HAQ_F_POINTS);
    out->eval_samples = (size_t)haq_msg_uint(m, HAQ_F_SAMPLES);
    if (s != HAQ_OK)
        haq_facts_fini(out);
    return s;
}

void haq_facts_fini(struct haq_facts *f)
{
    json_decref(f->layers);
    json_decref(f->where);
    f->layers = f->where = NULL;
}

bool haq_facts_agree(const struct haq_facts *a, const struct haq_facts *b)
{
    return !strcmp(a->model_hash, b->model_hash) &&
           !strcmp(a->calib_hash, b->calib_hash) &&
           !strcmp(a->eval_hash, b->eval_hash) &&
           !strcmp(a->metric, b->metric) && json_equal(a->where, b->where);
}

/* ---- keys -----------------------------------------------------------------
 */

static const char *data_of(const struct haq_facts *f,
                           const struct haq_task_kind *kind)
{
    const char *const of[] = {
        [HAQ_TASK_NO_DATA] = "",
        [HAQ_TASK_CALIB] = f->calib_hash,
        [HAQ_TASK_EVAL] = f->eval_hash,
    };
    return of[kind->data];
}

static const char *where_of(const struct haq_facts *f,
                            const struct haq_task_kind *kind)
{
    return json_string_value(json_object_get(f->where, kind->name));
}

/* SHA-256 of {data, kind, model, params, recipe, where}: architecture, "Task".
 */
static bool make_key(struct haq_task *t, const struct haq_facts *f,
                     const json_t *params)
{
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:O}", "kind",
                          t->kind->name, "model", f->model_hash, "data",
                          data_of(f, t->kind), "recipe", t->recipe_id, "where",
                          where_of(f, t->kind), "params", params);
    size_t len = 0;
    char *text = j ? haq_json_canonical(j, &len) : NULL;
    bool made = text != NULL;
    if (made)
        haq_hash(t->key, text, len);
    json_decref(j);
    free(text);
    return made;
}

double haq_core_driver_time(const struct haq_coordinator *c, uint64_t now_ns)
{
    return c->replaying ? c->replay_s : haq_coordinator_elapsed(c, now_ns);
}

/* ---- needs to tasks -------------------------------------------------------
 */

/* NULL: no memory. */
static struct haq_task *new_task(struct haq_coordinator *c,
                                 const struct haq_need *need)
{
    struct haq_task *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->id = ++c->next_task;
    t->want = need->id;
    t->kind = haq_task_kind_find(need->kind);
    assert(t->kind);
    t->exclusive = need->exclusive;
    memcpy(t->recipe_id, need->recipe_id, sizeof t->recipe_id);
    t->params = haq_json_canonical(need->params, NULL);
    t->recipe = need->recipe ? strdup(need->recipe) : NULL;
    if (!t->params || (need->recipe && !t->recipe) ||
        !make_key(t, &c->facts, need->params) || !haq_sched_add(&c->sched, t)) {
        haq_task_free(t);
        return NULL;
    }
    return t;
}

void haq_core_ask(struct haq_coordinator *c, uint64_t now_ns,
                  struct haq_actions *out)
{
    const struct haq_driver *driver = &c->config.driver;
    struct haq_need need;
    struct haq_diag d = {HAQ_OK, ""};
    bool got = true;
    /* Few ahead of the workers: the driver decides late, and by the clock. */
    while (!c->finished && c->sched.n < 4 * c->roster.n) {
        haq_status s = driver->ops->next(
            driver->self, haq_core_driver_time(c, now_ns), &need, &got, &d);
        if (s != HAQ_OK)
            haq_core_finish(c, s, "%s", d.text);
        if (s != HAQ_OK || !got)
            return;
        struct haq_task *t = new_task(c, &need);
        if (!t) {
            haq_core_finish(c, HAQ_NOMEM, "out of memory for tasks");
            return;
        }
        t->queued_ns = now_ns;
        if (haq_sched_original(&c->sched, t))
            t->state = HAQ_TASK_TWIN;
        else
            haq_act_lookup(out, t->id, t->key);
    }
}

/* ---- results --------------------------------------------------------------
 */

/* The driver has been told before; without a new result the old one stays. */
static haq_status revise(const struct haq_driver *driver, uint64_t want,
                         const json_t *result, struct haq_diag *d)
{
    return result && driver->ops->revise
               ? driver->ops->revise(driver->self, want, result, d)
               : HAQ_OK;
}

void haq_core_settle(struct haq_coordinator *c, struct haq_task *t,
                     const json_t *result, const char *reason)
{
    const struct haq_driver *driver = &c->config.driver;
    struct haq_diag d = {HAQ_OK, ""};
    char key[HAQ_HASH_HEX];
    memcpy(key, t->key, sizeof key);
    c->view.failed += !result;
    while (t) {
        haq_status s = t->again
                           ? revise(driver, t->want, result, &d)
                           : driver->ops->tell(driver->self, t->want, result,
                                               result ? NULL : reason, &d);
        if (s != HAQ_OK)
            haq_core_finish(c, s, "%s", d.text);
        haq_sched_remove(&c->sched, t);
        t = haq_sched_twin(&c->sched, key);
    }
}

static bool is_open(const struct haq_coordinator *c, const char *key)
{
    for (size_t i = 0; i < c->sched.n; i++)
        if (!strcmp(c->sched.task[i]->key, key))
            return true;
    return false;
}

void haq_core_doubt(struct haq_coordinator *c, struct haq_worker_slot *w,
                    size_t n, const char *reason, uint64_t now_ns,
                    struct haq_actions *out)
{
    struct haq_task *t;
    while (n-- && (t = haq_recent_take(&w->recent))) {
        /* A device that keeps drifting must not keep a job for ever. */
        if (t->again >= MOST_AGAIN || is_open(c, t->key)) {
            haq_task_free(t);
            continue;
        }
        t->id = ++c->next_task;
        t->state = HAQ_TASK_QUEUED;
        t->again++;
        t->attempts = 0;
        t->queued_ns = now_ns;
        t->trouble[0] = 0;
        haq_act_supersede(out, t->key, reason);
        if (!haq_sched_add(&c->sched, t)) {
            haq_task_free(t);
            haq_core_finish(c, HAQ_NOMEM, "out of memory for tasks");
        }
    }
}

haq_status haq_core_record(struct haq_coordinator *c, const struct haq_task *t,
                           const struct haq_msg *m, const char *worker,
                           json_t **result, uint64_t now_ns,
                           struct haq_actions *out, struct haq_diag *d)
{
    json_t *j = NULL;
    if (!haq_msg_has(m, HAQ_F_RESULT))
        return haq_fail(d, HAQ_FORMAT, "%s gave no result", t->kind->name);
    haq_status s = haq_json_parse("result", haq_msg_text(m, HAQ_F_RESULT),
                                  m->value[HAQ_F_RESULT].len, &j, d);
    if (s != HAQ_OK)
        return s;
    char *text = haq_json_canonical(j, NULL);
    if (!text) {
        json_decref(j);
        return haq_fail(d, HAQ_NOMEM, "result");
    }
    struct haq_measurement row = {
        .kind = t->kind->name,
        .model = c->facts.model_hash,
        .data = data_of(&c->facts, t->kind),
        .recipe = t->recipe_id,
        .where = where_of(&c->facts, t->kind),
        .params = t->params,
        .result = text,
        .scores =
            haq_msg_has(m, HAQ_F_SCORES) ? m->value[HAQ_F_SCORES].data : NULL,
        .scores_bytes = m->value[HAQ_F_SCORES].len,
        .elapsed_s = haq_coordinator_elapsed(c, now_ns),
        .attempt = t->attempts,
        .worker = worker,
    };
    memcpy(row.key, t->key, sizeof row.key);
    haq_act_record(out, &row);
    free(text);
    *result = j;
    return HAQ_OK;
}
