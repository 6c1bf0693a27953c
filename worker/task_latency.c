#include <string.h>
#include <time.h>

#include "base/json.h"
#include "worker/profile.h"
#include "worker/session_priv.h"

enum { BUDGET_MS = 200, ATTEMPTS = 3, PAUSE_NS = 100000000 };

static json_t *latency_json(const struct haq_measured *m)
{
    const struct haq_latency *l = &m->latency[1];
    return json_pack(
        "{s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:b}",
        "median", haq_json_real(l->ms.value), "ci_low",
        haq_json_real(l->ms.low), "ci_high", haq_json_real(l->ms.high),
        "rounds", (json_int_t)l->rounds, "dropped",
        (json_int_t)(m->rounds - m->counted), "speedup",
        haq_json_real(l->ratio.value), "speedup_low",
        haq_json_real(l->ratio.low), "speedup_high",
        haq_json_real(l->ratio.high), "verdict", l->verdict, "reason",
        l->reason, "missing", haq_measured_missing(m), "mj",
        haq_json_real(l->mj), "cold", m->cold);
}

static bool believed(const struct haq_measured *m)
{
    return !strcmp(m->latency[0].verdict, "valid") ||
           !strcmp(m->latency[0].verdict, "noisy");
}

/* A disturbed measurement is tried again, a little later. */
static haq_status compare(struct haq_session *s,
                          const struct haq_recipe *recipe,
                          const struct haq_compare_options *opt,
                          struct haq_measured *m, struct haq_diag *d)
{
    haq_status status = haq_session_compare(s, &recipe, 1, opt, m, NULL, d);
    for (int i = 1; i < ATTEMPTS && status == HAQ_OK && !believed(m); i++) {
        haq_measured_fini(m);
        nanosleep(&(struct timespec){0, i * PAUSE_NS}, NULL);
        status = haq_session_compare(s, &recipe, 1, opt, m, NULL, d);
    }
    return status;
}

/* The device is not as fast as it was: this is measured again here, what came
 * before it since the last good check by whoever asked for it. */
static haq_status check_drift(struct haq_session *s,
                              const struct haq_recipe *recipe,
                              const struct haq_compare_options *opt,
                              struct haq_measured *m, json_t **drift,
                              struct haq_diag *d)
{
    struct haq_drift_alarm alarm;
    bool comparable = opt->batch == 1 && !opt->cold && believed(m);
    double ms = m->latency[0].ms.value;
    size_t renewed = haq_witnesses_renewed(s->meter->witnesses);
    if (!comparable || (!haq_drift_renewed(&s->drift, renewed, ms, &alarm) &&
                        !haq_drift_check(&s->drift, ms, &alarm)))
        return HAQ_OK;
    *drift = json_pack("{s:o, s:o, s:I}", "expected_ms",
                       haq_json_real(alarm.expected_ms), "reference_ms",
                       haq_json_real(alarm.reference_ms), "again",
                       (json_int_t)alarm.again);
    haq_measured_fini(m);
    return compare(s, recipe, opt, m, d);
}

haq_status haq_task_measure_latency(struct haq_session *s,
                                    const struct haq_recipe *recipe,
                                    const json_t *params, json_t **result,
                                    struct haq_buf *scores, struct haq_diag *d)
{
    struct haq_measured m;
    json_t *drift = NULL;
    struct haq_compare_options opt = {
        .cold = json_is_true(json_object_get(params, "cold"))};
    haq_status status = haq_task_count(params, "batch", 1, &opt.batch, d);

    (void)scores;
    if (status == HAQ_OK)
        status =
            haq_task_count(params, "budget_ms", BUDGET_MS, &opt.budget_ms, d);
    if (status == HAQ_OK)
        status = compare(s, recipe, &opt, &m, d);
    if (status == HAQ_OK)
        status = check_drift(s, recipe, &opt, &m, &drift, d);
    if (status != HAQ_OK) {
        json_decref(drift);
        return status;
    }
    haq_drift_task_done(&s->drift);
    *result = latency_json(&m);
    haq_measured_fini(&m);
    if (drift)
        json_object_set_new(*result, "drift", drift);
    return *result ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "result of a measurement");
}

/* Steps of the same layer add up; the kernel is that of the last one, the
 * product: what stands before it converts. */
static int add_step(const struct haq_step_time *t, json_t *layers,
                    json_t *kernels, json_t *bytes)
{
    double ms = json_real_value(json_object_get(layers, t->layer));
    json_int_t n = json_integer_value(json_object_get(bytes, t->layer));
    return json_object_set_new(layers, t->layer, haq_json_real(ms + t->ms)) |
           json_object_set_new(kernels, t->layer, json_string(t->kernel)) |
           json_object_set_new(bytes, t->layer,
                               json_integer(n + (json_int_t)t->weight_bytes));
}

static haq_status sum_layers(const struct haq_profile *p, json_t **result,
                             struct haq_diag *d)
{
    double other = 0;
    json_t *layers = json_object(), *kernels = json_object(),
           *bytes = json_object();
    int bad = !layers || !kernels || !bytes;

    for (size_t i = 0; i < p->n && !bad; i++) {
        if (p->step[i].layer)
            bad = add_step(&p->step[i], layers, kernels, bytes);
        else
            other += p->step[i].ms;
    }
    *result =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "total_ms",
                  haq_json_real(p->total_ms), "other_ms", haq_json_real(other),
                  "float_ms", haq_json_real(p->float_ms), "layers", layers,
                  "kernels", kernels, "weight_bytes", bytes);
    return *result && !bad ? HAQ_OK
                           : haq_fail(d, HAQ_NOMEM, "profile of layers");
}

haq_status haq_task_profile_layer(struct haq_session *s,
                                  const struct haq_recipe *recipe,
                                  const json_t *params, json_t **result,
                                  struct haq_buf *scores, struct haq_diag *d)
{
    struct haq_profile p;
    size_t rounds;
    haq_status status = haq_task_count(params, "rounds", 0, &rounds, d);

    (void)scores;
    if (status == HAQ_OK)
        status = haq_session_profile(s, recipe, 1, rounds, &p, d);
    if (status != HAQ_OK)
        return status;
    haq_drift_task_done(&s->drift);
    status = sum_layers(&p, result, d);
    haq_profile_fini(&p);
    return status;
}
