#include "worker/profile.h"

#include <stdlib.h>

#include "runtime/copies.h"
#include "worker/session_priv.h"

enum {
    ROUNDS = 30,
    WARM_UP = 3,
    ROUNDS_PER_FLOAT = 3,
    BUDGET_MS = 2000,
    PATIENCE = 5, /* budgets to wait for a calm machine */
    MOST_PATIENCE_MS = 10000,
    PROFILE_PATIENCE_MS = 500
};

void haq_profile_fini(struct haq_profile *p)
{
    haq_arena_fini(&p->arena);
    *p = (struct haq_profile){0};
}

static uint64_t ms_to_ns(size_t ms)
{
    return (uint64_t)ms * 1000000;
}

/* A context for the recipe on s->single, fed with samples. */
static haq_status ready(struct haq_session *s, const struct haq_recipe *recipe,
                        struct haq_ready *b, struct haq_exec **e,
                        struct haq_diag *d)
{
    haq_status status =
        haq_ready_make(b, s, s->single, recipe, HAQ_TUNE_ALONE, d);
    if (status == HAQ_OK)
        status = haq_exec_new(e, b->plan, s->pool, d);
    if (status == HAQ_OK)
        status = haq_session_feed(s, *e, d);
    return status;
}

/* ---- step by step ---------------------------------------------------------
 */

/* Times of every step of one plan, round by round. */
struct timed {
    struct haq_exec *exec;
    size_t steps, rounds;
    uint64_t *ns; /* [most rounds][steps] */
};

static haq_status timed_init(struct timed *t, struct haq_exec *e,
                             const struct haq_plan *plan, size_t most,
                             struct haq_diag *d)
{
    *t = (struct timed){.exec = e, .steps = haq_plan_steps(plan)};
    t->ns = calloc(most, t->steps * sizeof *t->ns + 1);
    return t->ns ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "%zu rounds", most);
}

static void timed_round(struct timed *t)
{
    haq_exec_run_timed(t->exec, t->ns + t->rounds++ * t->steps);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Median over the rounds; scratch is [rounds]. */
static double median_ms(const struct timed *t, size_t step, uint64_t *scratch)
{
    for (size_t r = 0; r < t->rounds; r++)
        scratch[r] = t->ns[r * t->steps + step];
    qsort(scratch, t->rounds, sizeof *scratch, by_value);
    return (double)scratch[t->rounds / 2] * 1e-6;
}

static double total_ms(const struct timed *t, uint64_t *scratch)
{
    double sum = 0;
    for (size_t i = 0; i < t->steps; i++)
        sum += median_ms(t, i, scratch);
    return sum;
}

/* The float model runs between the rounds, so that profiles taken while the
 * machine was faster or slower can be compared. */
static void run_rounds(struct timed *mine, struct timed *base, size_t rounds)
{
    for (size_t i = 0; i < WARM_UP; i++) {
        haq_exec_run(base->exec);
        haq_exec_run(mine->exec);
    }
    for (size_t r = 0; r < rounds; r++) {
        if (r % ROUNDS_PER_FLOAT == 0)
            timed_round(base);
        timed_round(mine);
    }
}

static haq_status describe(struct haq_profile *out, const struct haq_plan *plan,
                           const struct timed *mine, const struct timed *base,
                           struct haq_diag *d)
{
    uint64_t *scratch = malloc((mine->rounds + 1) * sizeof *scratch);
    out->step = haq_arena_array(&out->arena, mine->steps, sizeof *out->step);
    bool ok = scratch && out->step;
    for (size_t i = 0; ok && i < mine->steps; i++) {
        struct haq_step_info info = haq_plan_step(plan, i);
        struct haq_step_time *to = &out->step[i];
        *to = (struct haq_step_time){
            .name = haq_arena_strdup(&out->arena, info.name),
            .kernel = haq_arena_strdup(&out->arena, info.kernel),
            .weight_bytes = info.weight_bytes,
            .layout = info.layout,
            .ms = median_ms(mine, i, scratch),
        };
        if (info.layer)
            to->layer = haq_arena_strdup(&out->arena, info.layer);
        ok = to->name && to->kernel && (to->layer || !info.layer);
        out->total_ms += to->ms;
    }
    if (ok) {
        out->n = mine->steps;
        out->float_ms = total_ms(base, scratch);
    }
    free(scratch);
    return ok ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "profile of a network");
}

haq_status haq_session_profile(struct haq_session *s,
                               const struct haq_recipe *recipe, size_t batch,
                               size_t rounds, struct haq_profile *out,
                               struct haq_diag *d)
{
    struct haq_ready b = {0};
    struct haq_exec *e = NULL;
    struct timed mine = {0}, base = {0};
    int lock = -1;
    haq_status status;

    *out = (struct haq_profile){0};
    haq_arena_init(&out->arena);
    rounds = rounds ? rounds : ROUNDS;
    status = haq_session_single(s, batch ? batch : 1, d);
    if (status == HAQ_OK)
        status = ready(s, recipe, &b, &e, d);
    if (status == HAQ_OK)
        status = timed_init(&mine, e, b.plan, rounds, d);
    if (status == HAQ_OK)
        status = timed_init(&base, s->float_exec, s->float_plan, rounds, d);
    if (status == HAQ_OK)
        status = haq_device_lock(&lock, d);
    if (status == HAQ_OK) {
        haq_meter_wait(s->meter, ms_to_ns(PROFILE_PATIENCE_MS));
        run_rounds(&mine, &base, rounds);
        haq_device_unlock(lock);
        status = describe(out, b.plan, &mine, &base, d);
    }
    free(mine.ns);
    free(base.ns);
    haq_exec_free(e);
    haq_ready_fini(&b);
    if (status != HAQ_OK)
        haq_profile_fini(out);
    return status;
}

/* ---- against each other ---------------------------------------------------
 */

static haq_status fed_copies(struct haq_copies *c, const struct haq_session *s,
                             const struct haq_plan *plan, struct haq_diag *d)
{
    haq_status status = haq_copies_init(c, plan, s->pool, d);
    for (size_t i = 0; status == HAQ_OK && i < c->n; i++)
        status = haq_session_feed(s, c->exec[i], d);
    return status;
}

haq_status haq_session_compare(struct haq_session *s,
                               const struct haq_recipe *const *recipes,
                               size_t n, const struct haq_compare_options *opt,
                               struct haq_measured *out, size_t *weight_bytes,
                               struct haq_diag *d)
{
    struct haq_ready *b = calloc(n + 1, sizeof *b);
    struct haq_copies *copies = calloc(n + 1, sizeof *copies);
    struct haq_contestant *c = calloc(n + 1, sizeof *c);
    size_t budget_ms = opt->budget_ms ? opt->budget_ms : BUDGET_MS;
    struct haq_measure_options measure = {.budget_ns = ms_to_ns(budget_ms),
                                          .cold = opt->cold};
    size_t patience_ms = budget_ms < MOST_PATIENCE_MS / PATIENCE
                             ? budget_ms * PATIENCE
                             : MOST_PATIENCE_MS;
    int lock = -1;
    haq_status status =
        b && copies && c ? haq_session_single(s, opt->batch ? opt->batch : 1, d)
                         : haq_fail(d, HAQ_NOMEM, "comparing %zu recipes", n);
    for (size_t i = 0; status == HAQ_OK && i <= n; i++) {
        if (i)
            status = haq_ready_make(&b[i], s, s->single, recipes[i - 1],
                                    HAQ_TUNE_ALONE, d);
        if (status == HAQ_OK)
            status =
                fed_copies(&copies[i], s, i ? b[i].plan : s->float_plan, d);
        c[i] = haq_copies_contestant(&copies[i], i);
    }
    if (status == HAQ_OK)
        status = haq_device_lock(&lock, d);
    if (status == HAQ_OK) {
        haq_meter_wait(s->meter, ms_to_ns(patience_ms));
        status = haq_measure(out, s->meter, c, n + 1, &measure, d);
        haq_device_unlock(lock);
    }
    for (size_t i = 0; status == HAQ_OK && weight_bytes && i <= n; i++)
        weight_bytes[i] = haq_plan_weight_bytes(i ? b[i].plan : s->float_plan);
    for (size_t i = 0; b && copies && i <= n; i++) {
        haq_copies_fini(&copies[i]);
        if (i)
            haq_ready_fini(&b[i]);
    }
    free(b);
    free(copies);
    free(c);
    return status;
}
