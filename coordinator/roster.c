#include "coordinator/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool haq_roster_init(struct haq_roster *r, size_t n)
{
    r->slot = calloc(n, sizeof *r->slot);
    r->n = r->slot ? n : 0;
    return r->slot;
}

void haq_roster_fini(struct haq_roster *r)
{
    for (size_t i = 0; i < r->n; i++)
        haq_recent_fini(&r->slot[i].recent);
    free(r->slot);
    r->slot = NULL;
    r->n = 0;
}

struct haq_worker_slot *haq_roster_find(const struct haq_roster *r,
                                        const char *id)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->slot[i].state != HAQ_WORKER_ABSENT && !strcmp(r->slot[i].id, id))
            return &r->slot[i];
    return NULL;
}

void haq_slot_enter(struct haq_worker_slot *w, enum haq_worker_state state,
                    uint64_t now_ns)
{
    w->state = state;
    w->since_ns = now_ns;
    w->seen_ns = now_ns;
}

void haq_slot_start(struct haq_roster *r, struct haq_worker_slot *w,
                    uint64_t now_ns)
{
    w->starts++;
    haq_recent_fini(&w->recent);
    snprintf(w->id, sizeof w->id, "w%zu-%u", (size_t)(w - r->slot), w->starts);
    haq_slot_enter(w, HAQ_WORKER_STARTING, now_ns);
}

struct haq_worker_slot *haq_roster_idle(const struct haq_roster *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->slot[i].state == HAQ_WORKER_IDLE)
            return &r->slot[i];
    return NULL;
}

size_t haq_roster_count(const struct haq_roster *r, enum haq_worker_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->slot[i].state == state;
    return n;
}

bool haq_roster_restless(const struct haq_roster *r)
{
    return haq_roster_count(r, HAQ_WORKER_STARTING) ||
           haq_roster_count(r, HAQ_WORKER_OPENING) ||
           haq_roster_count(r, HAQ_WORKER_LEAVING);
}

void haq_roster_refresh(struct haq_roster *r, uint64_t now_ns)
{
    for (size_t i = 0; i < r->n; i++)
        r->slot[i].seen_ns = now_ns;
}
