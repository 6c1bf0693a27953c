#include "runtime/copies.h"

enum { MOST_BYTES = 64 << 20 };

haq_status haq_copies_init(struct haq_copies *c, const struct haq_plan *plan,
                           struct haq_pool *pool, struct haq_diag *d)
{
    size_t fit = MOST_BYTES / (haq_plan_arena_bytes(plan) + 1);
    size_t want = fit < 1 ? 1 : fit < HAQ_COPIES ? fit : HAQ_COPIES;
    haq_status s = HAQ_OK;
    *c = (struct haq_copies){.n = 0};
    while (s == HAQ_OK && c->n < want) {
        s = haq_exec_new(&c->exec[c->n], plan, pool, d);
        c->n += s == HAQ_OK;
    }
    return s;
}

void haq_copies_fini(struct haq_copies *c)
{
    for (size_t i = 0; i < c->n; i++)
        haq_exec_free(c->exec[i]);
    c->n = 0;
}

void haq_copies_run(void *copies)
{
    struct haq_copies *c = copies;
    haq_exec_run(c->exec[c->now]);
}

void haq_copies_turn(void *copies, size_t round)
{
    struct haq_copies *c = copies;
    c->now = (round + c->stagger * (round / c->n)) % c->n;
}

struct haq_contestant haq_copies_contestant(struct haq_copies *c, size_t i)
{
    c->stagger = i;
    return (struct haq_contestant){haq_copies_run, c, haq_copies_turn};
}
