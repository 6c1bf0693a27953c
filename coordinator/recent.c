#include "coordinator/recent.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/sched.h"

void haq_recent_fini(struct haq_recent *r)
{
    for (size_t i = 0; i < r->n; i++)
        haq_task_free(r->task[i]);
    r->n = 0;
}

static struct haq_task *copy_of(const struct haq_task *t)
{
    struct haq_task *c = malloc(sizeof *c);
    if (!c)
        return NULL;
    *c = *t;
    c->params = strdup(t->params);
    c->recipe = t->recipe ? strdup(t->recipe) : NULL;
    if (c->params && (c->recipe || !t->recipe))
        return c;
    haq_task_free(c);
    return NULL;
}

void haq_recent_add(struct haq_recent *r, const struct haq_task *t)
{
    struct haq_task *c = copy_of(t);
    if (!c)
        return;
    if (r->n == HAQ_RECENT) {
        haq_task_free(r->task[0]);
        r->n--;
        memmove(r->task, r->task + 1, r->n * sizeof(struct haq_task *));
    }
    r->task[r->n++] = c;
}

struct haq_task *haq_recent_take(struct haq_recent *r)
{
    return r->n ? r->task[--r->n] : NULL;
}
