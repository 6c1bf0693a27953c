#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "worker/session_priv.h"

/* Calibration samples that a sensitivity looks at when nobody says. */
enum { SENSITIVITY_SAMPLES = 64 };

static json_t *result_json(const struct haq_session *s,
                           const struct haq_evaluation *e)
{
    struct haq_interval v =
        haq_metric_value(s->metric, e->scores, e->n, s->positions);
    json_t *j = json_pack(
        "{s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "value", haq_json_real(v.value),
        "ci_low", haq_json_real(v.low), "ci_high", haq_json_real(v.high), "n",
        (json_int_t)e->n, "kl", haq_json_real(e->kl), "seconds",
        haq_json_real(e->seconds), "samples_per_second",
        haq_json_real((double)e->n / fmax(e->seconds, 1e-9)));
    if (j && s->metric->counts) {
        double correct = 0;
        for (size_t i = 0; i < e->n; i++)
            correct += e->scores[i];
        json_object_set_new(j, "correct", json_integer((json_int_t)correct));
    }
    return j;
}

/* A hexadecimal digit for four samples, the first in its lowest bit, set where
 * the answer was right. */
static bool add_bits(json_t *result, const struct haq_evaluation *e)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = (e->n + 3) / 4;
    char *hex = calloc(n + 1, 1);
    for (size_t i = 0; hex && i < n; i++) {
        unsigned digit = 0;
        for (size_t k = 0; k < 4 && 4 * i + k < e->n; k++)
            digit |= (e->scores[4 * i + k] > 0.5 ? 1U : 0U) << k;
        hex[i] = digits[digit];
    }
    bool ok = hex && !json_object_set_new(result, "bits", json_string(hex));
    free(hex);
    return ok;
}

/* Is every sample right or wrong, and nothing between? */
static bool is_binary(const struct haq_session *s,
                      const struct haq_evaluation *e)
{
    for (size_t i = 0; i < e->n; i++)
        if (e->scores[i] != 0 && e->scores[i] != 1)
            return false;
    return s->metric->counts;
}

static void add_scores(struct haq_buf *out, const struct haq_evaluation *e)
{
    for (size_t i = 0; out && i < e->n; i++) {
        float f = (float)e->scores[i];
        haq_buf_add(out, &f, sizeof f);
    }
}

/* How a recipe's methods are run: "tune": "in-order", or alone. */
static haq_status tune_way(const json_t *params, enum haq_tune_way *way,
                           struct haq_diag *d)
{
    const json_t *word = json_object_get(params, "tune");
    *way = HAQ_TUNE_ALONE;
    if (!word)
        return HAQ_OK;
    if (!json_is_string(word) || strcmp(json_string_value(word), "in-order"))
        return haq_fail(d, HAQ_FORMAT, "tune: not \"in-order\"");
    *way = HAQ_TUNE_IN_ORDER;
    return HAQ_OK;
}

/* With more methods for the layers that are tuned ("finish": a list), in a copy
 * that lives in `room`. */
static haq_status finished(struct haq_recipe *out, const struct haq_recipe *r,
                           const json_t *params, struct haq_arena *room,
                           struct haq_diag *d)
{
    const char *list = json_string_value(json_object_get(params, "finish"));
    const char *more;
    *out = *r;
    haq_status status = haq_session_methods_parse(&more, room, list, d);
    if (status != HAQ_OK)
        return haq_fail(d, HAQ_FORMAT,
                        "finish: \"%.40s\" is no list of methods", list);
    out->arena = *room;
    out->layer =
        haq_arena_copy(&out->arena, r->layer, r->n * sizeof *r->layer + 1);
    status = out->layer ? haq_session_methods_add(out, more, d)
                        : haq_fail(d, HAQ_NOMEM, "%zu layers", r->n);
    *room = out->arena;
    return status;
}

haq_status haq_task_evaluate(struct haq_session *s,
                             const struct haq_recipe *recipe,
                             const json_t *params, json_t **result,
                             struct haq_buf *scores, struct haq_diag *d)
{
    struct haq_ready b = {0};
    struct haq_evaluation e = {0};
    struct haq_recipe more;
    struct haq_arena room = {0};
    const json_t *name = json_object_get(params, "metric");
    size_t first, count, n = haq_session_eval_samples(s);
    enum haq_tune_way way;
    haq_status status;

    if (!n)
        return haq_fail(d, HAQ_USAGE, "evaluation needs data");
    if (json_is_string(name) &&
        strcmp(json_string_value(name), s->metric->name))
        return haq_fail(d, HAQ_INVALID, "the session's metric is %s, not %s",
                        s->metric->name, json_string_value(name));
    status = haq_task_count(params, "first", 0, &first, d);
    if (status == HAQ_OK)
        status = haq_task_count(params, "count", 0, &count, d);
    if (status == HAQ_OK)
        status = tune_way(params, &way, d);
    if (status != HAQ_OK)
        return status;
    first = first < n ? first : n - 1;
    count = count && count < n - first ? count : n - first;

    bool compare = !s->metric->needs_labels;
    if (compare)
        status = haq_session_reference(s, &s->eval, d);
    if (status == HAQ_OK && recipe &&
        json_is_string(json_object_get(params, "finish"))) {
        status = finished(&more, recipe, params, &room, d);
        recipe = &more;
    }
    if (status == HAQ_OK)
        status = haq_ready_make(&b, s, s->bulk, recipe, way, d);
    if (status == HAQ_OK)
        status = haq_evaluate(
            &e, b.plan, &s->eval.set, s->eval.order + first, count, s->metric,
            compare ? s->eval.reference : NULL, NULL, s->pool, d);
    if (status == HAQ_OK) {
        add_scores(scores, &e);
        *result = result_json(s, &e);
        bool bits = json_is_true(json_object_get(params, "bits"));
        bool ok =
            *result && (!bits || !is_binary(s, &e) || add_bits(*result, &e));
        if (!ok || (scores && scores->failed))
            status = haq_fail(d, HAQ_NOMEM, "result of an evaluation");
    }
    haq_evaluation_fini(&e);
    haq_ready_fini(&b);
    haq_arena_fini(&room);
    return status;
}

/* Mean squared difference to the float outputs of the same samples, and the
 * mean square of these. */
static double output_mse(const struct haq_session *s, const float *out,
                         const size_t *index, size_t n, double *power)
{
    size_t size = s->positions * s->classes;
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        const float *ref = s->calib.reference + index[i] * size;
        for (size_t k = 0; k < size; k++) {
            double diff = (double)out[i * size + k] - (double)ref[k];
            sum += diff * diff;
            square += (double)ref[k] * (double)ref[k];
        }
    }
    *power = square / (double)(n * size);
    return sum / (double)(n * size);
}

haq_status haq_task_sensitivity(struct haq_session *s,
                                const struct haq_recipe *recipe,
                                const json_t *params, json_t **result,
                                struct haq_buf *scores, struct haq_diag *d)
{
    struct haq_ready b = {0};
    struct haq_evaluation e = {0};
    float *out = NULL;
    size_t n;
    haq_status status =
        haq_task_count(params, "count", SENSITIVITY_SAMPLES, &n, d);

    (void)scores;
    if (status != HAQ_OK)
        return status;
    if (!s->calib.present)
        return haq_fail(d, HAQ_USAGE, "sensitivity needs calibration data");
    n = n && n < s->calib.set.n ? n : s->calib.set.n;
    out = calloc(n, s->positions * s->classes * sizeof *out);
    status = out ? haq_session_reference(s, &s->calib, d)
                 : haq_fail(d, HAQ_NOMEM, "outputs of %zu samples", n);
    if (status == HAQ_OK)
        status = haq_ready_make(&b, s, s->bulk, recipe, HAQ_TUNE_ALONE, d);
    if (status == HAQ_OK)
        status = haq_evaluate(&e, b.plan, &s->calib.set, s->calib.order, n,
                              NULL, s->calib.reference, out, s->pool, d);
    if (status == HAQ_OK) {
        double power, mse = output_mse(s, out, s->calib.order, n, &power);
        *result = json_pack("{s:o, s:o, s:o, s:I}", "kl", haq_json_real(e.kl),
                            "mse", haq_json_real(mse), "sqnr_db",
                            haq_json_real(10 * log10(power / mse)), "n",
                            (json_int_t)n);
        if (!*result)
            status = haq_fail(d, HAQ_NOMEM, "result of a sensitivity");
    }
    haq_evaluation_fini(&e);
    haq_ready_fini(&b);
    free(out);
    return status;
}
