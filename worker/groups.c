#include "worker/groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "worker/session_priv.h"

enum { GROUPS_MAX = 4096 };

/* ---- ids ------------------------------------------------------------------
 */

/* The array of ids; `own` is what is to be freed. */
static haq_status find_ids(const struct haq_session *s,
                           enum haq_group_source source, const char *path,
                           struct haq_array *own, const struct haq_array **out,
                           struct haq_diag *d)
{
    const char *name = source == HAQ_GROUPS_LABELS ? "y" : "group";
    haq_status status = HAQ_OK;
    *own = (struct haq_array){0};
    *out = source == HAQ_GROUPS_LABELS ? &s->eval.set.y : &s->eval.set.group;
    if (source == HAQ_GROUPS_FILE) {
        status = haq_npy_read(path, own, d);
        *out = own;
    } else {
        path = s->eval.path;
    }
    if (status != HAQ_OK)
        return status;
    if (!(*out)->count)
        return haq_fail(d, HAQ_INVALID, "%s: has no array %s", path, name);
    if (haq_dtype_is_real((*out)->dtype) || (*out)->count != s->eval.set.n)
        return haq_fail(d, HAQ_INVALID,
                        "%s: groups must be integers, one for each of %zu "
                        "samples",
                        path, s->eval.set.n);
    return HAQ_OK;
}

/* ---- scores ----------------------------------------------------------------
 */

/* One score per sample of the evaluation set, in its own order; the caller
 * frees. */
static haq_status score_all(struct haq_session *s,
                            const struct haq_recipe *recipe, float **out,
                            struct haq_diag *d)
{
    struct haq_buf b;
    json_t *params = json_object(), *result = NULL;
    size_t n = s->eval.set.n;
    *out = malloc(n * sizeof **out);
    haq_buf_init(&b);
    haq_status status =
        *out && params
            ? haq_task_run(s, "evaluate", recipe, params, &result, &b, d)
            : haq_fail(d, HAQ_NOMEM, "scores of %zu samples", n);
    for (size_t i = 0; status == HAQ_OK && i < n; i++)
        memcpy(*out + s->eval.order[i], b.data + i * sizeof **out,
               sizeof **out);
    json_decref(params);
    json_decref(result);
    haq_buf_fini(&b);
    return status;
}

/* ---- groups ----------------------------------------------------------------
 */

struct tally {
    int64_t id;
    size_t n, right, base_right, lost, gained;
};

static size_t find(struct tally *t, size_t *n, int64_t id)
{
    size_t low = 0, high = *n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (t[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < *n && t[low].id == id)
        return low;
    memmove(t + low + 1, t + low, (*n - low) * sizeof *t);
    t[low] = (struct tally){.id = id};
    ++*n;
    return low;
}

static haq_status count(struct tally *t, size_t *n, const struct haq_array *ids,
                        const float *score, const float *base,
                        struct haq_diag *d)
{
    for (size_t i = 0; i < ids->count; i++) {
        if (*n == GROUPS_MAX)
            return haq_fail(d, HAQ_INVALID, "more than %d groups",
                            GROUPS_MAX - 1);
        struct tally *g =
            &t[find(t, n, haq_dtype_get_int(ids->dtype, ids->data, i))];
        bool right = score[i] > 0.5f, before = base[i] > 0.5f;
        g->n++;
        g->right += right;
        g->base_right += before;
        g->lost += before && !right;
        g->gained += right && !before;
    }
    return HAQ_OK;
}

static struct haq_interval percent(struct haq_interval v)
{
    return (struct haq_interval){100 * v.value, 100 * v.low, 100 * v.high};
}

static haq_status conclude(struct haq_groups *out, const struct tally *t,
                           size_t n, bool paired, struct haq_diag *d)
{
    static const struct haq_interval none = {NAN, NAN, NAN};
    double z = haq_normal_two_sided(0.05),
           all = haq_normal_two_sided(0.05 / (double)(n ? n : 1));
    *out = (struct haq_groups){
        .group = calloc(n + 1, sizeof *out->group), .n = n, .worst_drop = none};
    if (!out->group)
        return haq_fail(d, HAQ_NOMEM, "%zu groups", n);
    double worst = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        struct haq_group_result *g = &out->group[i];
        *g = (struct haq_group_result){
            .id = t[i].id,
            .n = t[i].n,
            .value = percent(haq_wilson(t[i].right, t[i].n)),
            .base = percent(haq_wilson(t[i].base_right, t[i].n)),
            .drop = none};
        if (paired)
            g->drop = percent(
                haq_paired_difference(t[i].lost, t[i].gained, t[i].n, z));
        double v = paired ? g->drop.value : -g->value.value;
        if (v > worst)
            worst = v, out->worst = i;
    }
    if (paired && n) {
        const struct tally *w = &t[out->worst];
        out->worst_drop =
            percent(haq_paired_difference(w->lost, w->gained, w->n, all));
    }
    return HAQ_OK;
}

static haq_status tally_all(struct haq_groups *out, const struct haq_array *ids,
                            const float *score, const float *base, bool paired,
                            struct haq_diag *d)
{
    size_t n = 0;
    struct tally *t = calloc(GROUPS_MAX + 1, sizeof *t);
    haq_status s = t ? count(t, &n, ids, score, base, d)
                     : haq_fail(d, HAQ_NOMEM, "groups");
    if (s == HAQ_OK)
        s = conclude(out, t, n, paired, d);
    free(t);
    return s;
}

haq_status haq_session_groups(struct haq_session *s,
                              const struct haq_recipe *recipe,
                              enum haq_group_source source, const char *path,
                              struct haq_groups *out, struct haq_diag *d)
{
    struct haq_array own;
    const struct haq_array *ids = NULL;
    float *score = NULL, *base = NULL;
    if (!s->metric->counts || s->positions != 1)
        return haq_fail(d, HAQ_UNSUPPORTED,
                        "groups need a metric that counts samples, such as "
                        "top1; this is %s",
                        s->metric->name);
    haq_status status = find_ids(s, source, path, &own, &ids, d);
    if (status == HAQ_OK)
        status = score_all(s, NULL, &base, d);
    if (status == HAQ_OK && recipe)
        status = score_all(s, recipe, &score, d);
    if (status == HAQ_OK)
        status =
            tally_all(out, ids, recipe ? score : base, base, recipe != NULL, d);
    free(score);
    free(base);
    haq_array_fini(&own);
    return status;
}

void haq_groups_fini(struct haq_groups *g)
{
    free(g->group);
    *g = (struct haq_groups){0};
}
