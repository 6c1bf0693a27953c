#include <stdlib.h>

#include "base/json.h"
#include "runtime/measure.h"
#include "worker/session_priv.h"

enum { BUDGET_MS = 200, PROFILE_ROUNDS = 30 };

static json_t *latency_json(const struct haq_latency *l)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:s}", "median",
                     haq_json_real(l->ms.value), "ci_low",
                     haq_json_real(l->ms.low), "ci_high",
                     haq_json_real(l->ms.high), "rounds", (json_int_t)l->rounds,
                     "speedup", haq_json_real(l->ratio.value), "speedup_low",
                     haq_json_real(l->ratio.low), "speedup_high",
                     haq_json_real(l->ratio.high), "verdict", l->verdict);
}

/* A context for the recipe on s->single, fed with samples. */
static haq_status ready(struct haq_session *s, const struct haq_recipe *recipe,
                        struct haq_ready *b, struct haq_exec **e,
                        struct haq_diag *d)
{
    haq_status status = haq_ready_make(b, s, s->single, recipe, d);
    if (status == HAQ_OK)
        status = haq_exec_new(e, b->plan, s->pool, d);
    if (status == HAQ_OK)
        status = haq_session_feed(s, *e, d);
    return status;
}

haq_status haq_task_measure_latency(struct haq_session *s,
                                    const struct haq_recipe *recipe,
                                    const json_t *params, json_t **result,
                                    struct haq_buf *scores, struct haq_diag *d)
{
    struct haq_ready b = {0};
    struct haq_exec *mine = NULL;
    struct haq_latency out[2];
    size_t batch, budget_ms;
    int lock = -1;
    haq_status status = haq_task_count(params, "batch", 1, &batch, d);

    (void)scores;
    if (status == HAQ_OK)
        status = haq_task_count(params, "budget_ms", BUDGET_MS, &budget_ms, d);
    if (status == HAQ_OK)
        status = haq_session_single(s, batch ? batch : 1, d);
    if (status == HAQ_OK)
        status = ready(s, recipe, &b, &mine, d);
    if (status == HAQ_OK)
        status = haq_device_lock(&lock, d);
    if (status == HAQ_OK) {
        struct haq_exec *both[] = {s->float_exec, mine};
        struct haq_measure_options opt = {.budget_ns =
                                              (uint64_t)budget_ms * 1000000};
        status = haq_measure(out, both, 2, &opt, d);
        haq_device_unlock(lock);
    }
    if (status == HAQ_OK) {
        *result = latency_json(&out[1]);
        if (!*result)
            status = haq_fail(d, HAQ_NOMEM, "result of a measurement");
    }
    haq_exec_free(mine);
    haq_ready_fini(&b);
    return status;
}

/* ---- time of each layer inside the running network ------------------------
 */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median over rounds of one step's time in ms; rounds_ns is [rounds][steps]. */
static double median_ms(const uint64_t *rounds_ns, size_t steps, size_t step,
                        size_t rounds, double *scratch)
{
    for (size_t r = 0; r < rounds; r++)
        scratch[r] = (double)rounds_ns[r * steps + step] * 1e-6;
    qsort(scratch, rounds, sizeof *scratch, by_value);
    return scratch[rounds / 2];
}

static haq_status sum_layers(const struct haq_plan *plan,
                             const uint64_t *rounds_ns, size_t rounds,
                             json_t **result, struct haq_diag *d)
{
    size_t steps = haq_plan_steps(plan);
    double total = 0, other = 0, *scratch = malloc(rounds * sizeof *scratch);
    json_t *layers = json_object();

    for (size_t i = 0; scratch && layers && i < steps; i++) {
        struct haq_step_info info = haq_plan_step(plan, i);
        double ms = median_ms(rounds_ns, steps, i, rounds, scratch);
        total += ms;
        if (!info.layer) {
            other += ms;
            continue;
        }
        double before = json_real_value(json_object_get(layers, info.layer));
        json_object_set_new(layers, info.layer, haq_json_real(before + ms));
    }
    free(scratch);
    *result = json_pack("{s:o, s:o, s:o}", "total_ms", haq_json_real(total),
                        "other_ms", haq_json_real(other), "layers", layers);
    return *result && scratch ? HAQ_OK
                              : haq_fail(d, HAQ_NOMEM, "profile of layers");
}

haq_status haq_task_profile_layer(struct haq_session *s,
                                  const struct haq_recipe *recipe,
                                  const json_t *params, json_t **result,
                                  struct haq_buf *scores, struct haq_diag *d)
{
    struct haq_ready b = {0};
    struct haq_exec *e = NULL;
    uint64_t *ns = NULL;
    size_t rounds, steps = 0;
    int lock = -1;
    haq_status status =
        haq_task_count(params, "rounds", PROFILE_ROUNDS, &rounds, d);

    (void)scores;
    rounds = rounds ? rounds : 1;
    if (status == HAQ_OK)
        status = haq_session_single(s, 1, d);
    if (status == HAQ_OK)
        status = ready(s, recipe, &b, &e, d);
    if (status == HAQ_OK) {
        steps = haq_plan_steps(b.plan);
        ns = calloc(rounds, steps * sizeof *ns);
        status = ns ? haq_device_lock(&lock, d)
                    : haq_fail(d, HAQ_NOMEM, "times of %zu rounds", rounds);
    }
    if (status == HAQ_OK) {
        for (size_t warm = 0; warm < 3; warm++)
            haq_exec_run(e);
        for (size_t r = 0; r < rounds; r++)
            haq_exec_run_timed(e, ns + r * steps);
        haq_device_unlock(lock);
        status = sum_layers(b.plan, ns, rounds, result, d);
    }
    free(ns);
    haq_exec_free(e);
    haq_ready_fini(&b);
    return status;
}
