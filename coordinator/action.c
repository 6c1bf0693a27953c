#include "coordinator/action.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "wire/codec.h"

void haq_actions_init(struct haq_actions *l)
{
    memset(l, 0, sizeof *l);
    haq_arena_init(&l->arena);
}

void haq_actions_fini(struct haq_actions *l)
{
    haq_arena_fini(&l->arena);
    free(l->item);
    haq_actions_init(l);
}

const struct haq_action *haq_actions_take(struct haq_actions *l)
{
    return l->next < l->n ? &l->item[l->next++] : NULL;
}

void haq_actions_clear(struct haq_actions *l)
{
    assert(l->next == l->n);
    haq_arena_fini(&l->arena);
    haq_arena_init(&l->arena);
    l->n = l->next = 0;
}

static struct haq_action *append(struct haq_actions *l,
                                 enum haq_action_kind kind)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct haq_action *grown = realloc(l->item, cap * sizeof *grown);
        if (!grown) {
            l->failed = true;
            return NULL;
        }
        l->item = grown;
        l->cap = cap;
    }
    struct haq_action *a = &l->item[l->n++];
    memset(a, 0, sizeof *a);
    a->kind = kind;
    return a;
}

static const char *copy(struct haq_actions *l, const char *text)
{
    const char *c = haq_arena_strdup(&l->arena, text ? text : "");
    if (!c)
        l->failed = true;
    return c ? c : "";
}

void haq_act_worker(struct haq_actions *l, enum haq_action_kind kind,
                    const char *worker)
{
    struct haq_action *a = append(l, kind);
    if (a)
        a->worker = copy(l, worker);
}

void haq_act_send(struct haq_actions *l, const char *worker,
                  const struct haq_msg *m)
{
    struct haq_buf b;
    haq_buf_init(&b);
    haq_status s = haq_msg_encode(m, &b, NULL);
    struct haq_action *a = s == HAQ_OK ? append(l, HAQ_ACT_SEND) : NULL;
    if (a) {
        a->worker = copy(l, worker);
        a->data = haq_arena_copy(&l->arena, b.data, b.len);
        a->len = a->data ? b.len : 0;
    }
    l->failed |= !a || !a->data;
    haq_buf_fini(&b);
}

void haq_act_start(struct haq_actions *l)
{
    append(l, HAQ_ACT_START);
}

void haq_act_lookup(struct haq_actions *l, uint64_t task, const char *key)
{
    struct haq_action *a = append(l, HAQ_ACT_LOOKUP);
    if (a) {
        a->task = task;
        a->key = copy(l, key);
    }
}

void haq_act_record(struct haq_actions *l, const struct haq_measurement *m)
{
    struct haq_action *a = append(l, HAQ_ACT_RECORD);
    if (!a)
        return;
    struct haq_measurement *to = &a->measurement;
    *to = *m;
    to->memory = NULL;
    to->created = NULL;
    to->kind = copy(l, m->kind);
    to->model = copy(l, m->model);
    to->data = copy(l, m->data);
    to->recipe = copy(l, m->recipe);
    to->where = copy(l, m->where);
    to->params = copy(l, m->params);
    to->result = copy(l, m->result);
    to->worker = copy(l, m->worker);
    if (m->scores) {
        to->scores = haq_arena_copy(&l->arena, m->scores, m->scores_bytes);
        l->failed |= !to->scores;
    }
}

void haq_act_supersede(struct haq_actions *l, const char *key,
                       const char *reason)
{
    struct haq_action *a = append(l, HAQ_ACT_SUPERSEDE);
    if (a) {
        a->key = copy(l, key);
        a->text = copy(l, reason);
    }
}

void haq_act_failure(struct haq_actions *l, const char *key, const char *reason,
                     double elapsed_s)
{
    struct haq_action *a = append(l, HAQ_ACT_FAILURE);
    if (a) {
        a->key = copy(l, key);
        a->text = copy(l, reason);
        a->elapsed_s = elapsed_s;
    }
}

void haq_act_log(struct haq_actions *l, const char *type, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    json_t *body = json_vpack_ex(NULL, 0, fmt, ap);
    va_end(ap);
    char *text = body ? haq_json_canonical(body, NULL) : NULL;
    struct haq_action *a = append(l, HAQ_ACT_LOG);
    if (a) {
        a->key = copy(l, type);
        a->text = copy(l, text ? text : "{}");
    }
    free(text);
    json_decref(body);
}
