#include "runtime/exec.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pages.h"
#include "runtime/plan_priv.h"

enum { PAGE = 4096 };

/* Memory that kernels may read beyond the end of; never zero bytes.  It begins
 * with a page: two contexts of a plan then have all they use at the same
 * places within pages, and so in the same sets of the first-level cache.  Where
 * malloc happens to put them, one is faster than the other by a percent. */
static void *aligned(size_t bytes)
{
    size_t room = haq_round_up(bytes, HAQ_SLOT_SLACK) + HAQ_SLOT_SLACK;
    void *m = NULL;
    if (room >= HAQ_HUGE_PAGE)
        m = haq_pages_alloc(room);
    else if (posix_memalign(&m, PAGE, room))
        m = NULL;
    if (m)
        memset(m, 0, room);
    return m;
}

static void find_slots(struct haq_exec *e)
{
    const struct haq_plan *p = e->plan;
    for (int i = 0; i < p->n_slots; i++) {
        const struct haq_slot *s = &p->slot[i];
        /* Constants are only read: steps never have them as outputs. */
        if (s->data)
            memcpy(&e->at[i], &s->data, sizeof s->data);
        else
            e->at[i] = s->of >= 0 ? e->at[s->of] : e->arena + s->offset;
    }
}

haq_status haq_exec_new(struct haq_exec **out, const struct haq_plan *plan,
                        struct haq_pool *pool, struct haq_diag *d)
{
    struct haq_exec *e = calloc(1, sizeof *e);
    if (!e)
        return haq_fail(d, HAQ_NOMEM, "context");
    e->plan = plan;
    e->pool = pool;
    e->threads = pool ? haq_pool_threads(pool) : 1;
    /* An odd number of lines, so that threads' scratch does not meet in the
     * same cache sets. */
    e->scratch_stride = haq_round_up(plan->scratch_bytes, 128) + 192;
    e->arena = aligned(plan->arena_bytes);
    e->scratch = aligned(e->threads * e->scratch_stride);
    e->table = aligned(plan->pointers * sizeof *e->table);
    e->at = aligned((size_t)plan->n_slots * sizeof *e->at);
    if (!e->arena || !e->scratch || !e->table || !e->at) {
        haq_exec_free(e);
        return haq_fail(d, HAQ_NOMEM, "context of %zu bytes",
                        plan->arena_bytes);
    }
    find_slots(e);
    for (int i = 0; i < plan->n_steps; i++)
        if (plan->step[i].bind)
            plan->step[i].bind(e, &plan->step[i],
                               e->table + plan->step[i].table);
    *out = e;
    return HAQ_OK;
}

void haq_exec_free(struct haq_exec *e)
{
    if (!e)
        return;
    free(e->arena);
    free(e->scratch);
    free(e->table);
    free(e->at);
    free(e);
}

void *haq_exec_input(struct haq_exec *e, int i)
{
    const struct haq_plan *p = e->plan;
    return e->at[p->first_slot[p->g->inputs[i]]];
}

const float *haq_exec_output(const struct haq_exec *e, int i)
{
    const struct haq_plan *p = e->plan;
    return e->at[p->first_slot[p->g->outputs[i]]];
}

void haq_exec_run(struct haq_exec *e)
{
    const struct haq_step *s = e->plan->step;
    for (int i = 0; i < e->plan->n_steps; i++)
        s[i].run(e, &s[i]);
}

void haq_exec_run_timed(struct haq_exec *e, uint64_t *step_ns)
{
    const struct haq_step *s = e->plan->step;
    uint64_t before = haq_clock_ns();
    for (int i = 0; i < e->plan->n_steps; i++) {
        s[i].run(e, &s[i]);
        uint64_t now = haq_clock_ns();
        step_ns[i] += now - before;
        before = now;
    }
}

/* The values of a slot and of all its views, which no step writes. */
static bool show(const struct haq_exec *e, int slot, haq_watch_fn *fn,
                 void *arg)
{
    const struct haq_plan *p = e->plan;
    const struct haq_slot *s = &p->slot[slot];
    if (s->form.kind == HAQ_FORM_PLAIN &&
        p->g->values[s->value].dtype == HAQ_F32)
        if (!fn(arg, s->value, e->at[slot], s->count))
            return false;
    for (int i = slot + 1; i < p->n_slots; i++)
        if (p->slot[i].of == slot && !p->slot[i].over && !show(e, i, fn, arg))
            return false;
    return true;
}

void haq_exec_run_watched(struct haq_exec *e, haq_watch_fn *fn, void *arg)
{
    const struct haq_plan *p = e->plan;
    for (int i = 0; i < p->g->n_inputs; i++)
        if (!show(e, p->first_slot[p->g->inputs[i]], fn, arg))
            return;
    for (int i = 0; i < p->n_steps; i++) {
        p->step[i].run(e, &p->step[i]);
        for (int k = 0; k < p->step[i].n_out; k++)
            if (!show(e, p->step[i].out[k], fn, arg))
                return;
    }
}

void haq_exec_split(const struct haq_exec *e, const struct haq_step *s,
                    size_t n, size_t grain, haq_pool_fn *fn)
{
    struct haq_part part = {e, s};
    if (!e->pool || e->threads == 1 || s->serial || n <= grain)
        fn(&part, 0, n, 0);
    else
        haq_pool_run(e->pool, n, grain, fn, &part);
}
