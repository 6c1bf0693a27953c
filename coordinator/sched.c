#include "coordinator/sched.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void haq_sched_init(struct haq_sched *s, uint64_t patience_ns)
{
    memset(s, 0, sizeof *s);
    s->patience_ns = patience_ns;
}

void haq_task_free(struct haq_task *t)
{
    if (!t)
        return;
    free(t->recipe);
    free(t->params);
    free(t);
}

void haq_sched_fini(struct haq_sched *s)
{
    for (size_t i = 0; i < s->n; i++)
        haq_task_free(s->task[i]);
    free(s->task);
    haq_sched_init(s, s->patience_ns);
}

bool haq_sched_add(struct haq_sched *s, struct haq_task *t)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct haq_task **grown = realloc(s->task, cap * sizeof *grown);
        if (!grown)
            return false;
        s->task = grown;
        s->cap = cap;
    }
    s->task[s->n++] = t;
    return true;
}

void haq_sched_remove(struct haq_sched *s, struct haq_task *t)
{
    size_t i = 0;
    while (i < s->n && s->task[i] != t)
        i++;
    assert(i < s->n);
    memmove(&s->task[i], &s->task[i + 1], (s->n - i - 1) * sizeof *s->task);
    s->n--;
    haq_task_free(t);
}

struct haq_task *haq_sched_find(const struct haq_sched *s, uint64_t id)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->task[i]->id == id)
            return s->task[i];
    return NULL;
}

struct haq_task *haq_sched_original(const struct haq_sched *s,
                                    const struct haq_task *t)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->task[i] != t && s->task[i]->state != HAQ_TASK_TWIN &&
            !strcmp(s->task[i]->key, t->key))
            return s->task[i];
    return NULL;
}

struct haq_task *haq_sched_twin(const struct haq_sched *s, const char *key)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->task[i]->state == HAQ_TASK_TWIN && !strcmp(s->task[i]->key, key))
            return s->task[i];
    return NULL;
}

bool haq_sched_quiet(const struct haq_sched *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->task[i]->state == HAQ_TASK_RUNNING && s->task[i]->exclusive)
            return true;
    return false;
}

struct haq_task *haq_sched_pick(const struct haq_sched *s, bool restless,
                                uint64_t now_ns)
{
    struct haq_task *shared = NULL, *exclusive = NULL;
    size_t running = 0;
    if (haq_sched_quiet(s))
        return NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct haq_task *t = s->task[i];
        running += t->state == HAQ_TASK_RUNNING;
        if (t->state != HAQ_TASK_QUEUED)
            continue;
        if (t->exclusive && !exclusive)
            exclusive = t;
        if (!t->exclusive && !shared)
            shared = t;
    }
    bool overdue = exclusive && now_ns - exclusive->queued_ns >= s->patience_ns;
    if (shared && !overdue)
        return shared;
    return running || restless ? NULL : exclusive;
}
