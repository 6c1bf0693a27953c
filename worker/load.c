#include "worker/load.h"

#include <stdlib.h>

#include "runtime/measure.h"
#include "worker/session_priv.h"

enum { TURNS = 4 };

/* The models of one level. */
struct field {
    struct haq_ready *ready; /* [n], the first unused: the float model */
    struct haq_load **load;  /* [n] */
    size_t n;
};

static void field_fini(struct field *f)
{
    for (size_t i = 0; f->load && i < f->n; i++)
        haq_load_free(f->load[i]);
    for (size_t i = 0; f->ready && i < f->n; i++)
        haq_ready_fini(&f->ready[i]);
    free(f->load);
    free(f->ready);
}

static haq_status add_model(struct field *f, size_t i, struct haq_session *s,
                            const struct haq_recipe *recipe, size_t clients,
                            struct haq_diag *d)
{
    const struct haq_plan *plan = s->float_plan;
    haq_status status = HAQ_OK;
    if (recipe) {
        status = haq_ready_make(&f->ready[i], s, s->single, recipe,
                                HAQ_TUNE_ALONE, d);
        plan = f->ready[i].plan;
    }
    if (status == HAQ_OK)
        status = haq_load_new(&f->load[i], plan, clients, d);
    for (size_t c = 0; status == HAQ_OK && c < clients; c++)
        status = haq_session_feed(s, haq_load_exec(f->load[i], c), d);
    return status;
}

static haq_status field_init(struct field *f, struct haq_session *s,
                             const struct haq_recipe *const *recipes, size_t n,
                             const struct haq_load_level *level,
                             struct haq_diag *d)
{
    *f = (struct field){.ready = calloc(n + 1, sizeof *f->ready),
                        .load = calloc(n + 1, sizeof(struct haq_load *)),
                        .n = n + 1};
    if (!f->ready || !f->load)
        return haq_fail(d, HAQ_NOMEM, "%zu models under load", n + 1);
    haq_status status = haq_session_single(s, level->batch, d);
    for (size_t i = 0; status == HAQ_OK && i <= n; i++)
        status =
            add_model(f, i, s, i ? recipes[i - 1] : NULL, level->clients, d);
    return status;
}

/* Numbers that go in are tokens when they are integers in rows. */
static size_t tokens_of(const struct haq_graph *g)
{
    const struct haq_value *x = &g->values[g->inputs[0]];
    return x->dtype != HAQ_F32 && x->shape.rank == 2 ? x->count : 0;
}

static haq_status run_level(struct haq_session *s,
                            const struct haq_recipe *const *recipes, size_t n,
                            const struct haq_load_level *level,
                            size_t budget_ms, struct haq_load_row *rows,
                            struct haq_diag *d)
{
    struct field f;
    int lock = -1;
    uint64_t turn_ns = (uint64_t)budget_ms * 1000000 / TURNS;
    haq_status status = field_init(&f, s, recipes, n, level, d);
    if (status == HAQ_OK)
        status = haq_device_lock(&lock, d);
    if (status != HAQ_OK) {
        field_fini(&f);
        return status;
    }
    for (int turn = 0; turn < TURNS; turn++)
        for (size_t k = 0; k <= n; k++)
            haq_load_run(f.load[turn % 2 ? n - k : k], turn_ns);
    haq_device_unlock(lock);
    for (size_t i = 0; i <= n; i++) {
        rows[i] = (struct haq_load_row){.level = *level,
                                        .recipe = i,
                                        .samples = level->batch,
                                        .tokens = tokens_of(s->single)};
        haq_load_summary(f.load[i], &rows[i].result);
    }
    field_fini(&f);
    return HAQ_OK;
}

haq_status haq_session_load(struct haq_session *s,
                            const struct haq_recipe *const *recipes, size_t n,
                            const struct haq_load_level *level, size_t levels,
                            size_t budget_ms, struct haq_load_row *rows,
                            struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    haq_pool_unpin_caller(s->pool); /* clients have pools of their own */
    for (size_t i = 0; status == HAQ_OK && i < levels; i++)
        status = run_level(s, recipes, n, &level[i], budget_ms,
                           rows + i * (n + 1), d);
    haq_pool_pin_caller(s->pool);
    return status;
}
