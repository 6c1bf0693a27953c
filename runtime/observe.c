#include "runtime/observe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/elementwise.h"

/* What one thread has seen of one tensor; threads' parts are merged at the end
 * (minimum, maximum and counts do not depend on the order). */
struct seen {
    float lo, hi;
    uint64_t count;
    uint64_t *bins; /* second pass only */
};

struct watch {
    const struct haq_plan *plan;
    const struct haq_dataset *data;
    const struct haq_elementwise *ew;
    size_t *index; /* [n] 0, 1, 2, ... */
    size_t tensors;
    int *tensor_of; /* [values] index of the watched tensor, or -1 */
    size_t *sample; /* [values] elements of one sample in that value */
    const struct haq_calib *first; /* ranges of the first pass, or NULL */
    struct seen *seen;             /* [threads][tensors] */
    struct haq_exec **exec;        /* [threads] */
    struct haq_diag *diag;         /* [threads] */
    size_t batch;
};

/* One thread's view while a batch runs. */
struct view {
    const struct watch *w;
    struct seen *seen; /* [tensors] */
    size_t samples;    /* real ones in this batch */
};

static void count_bins(struct seen *s, const struct haq_tensor_stats *range,
                       const float *x, size_t n)
{
    float width = range->max - range->min;
    float scale = width > 0 ? (float)HAQ_CALIB_BINS / width : 0;
    for (size_t i = 0; i < n; i++) {
        float at = (x[i] - range->min) * scale;
        size_t bin = at > 0 ? (size_t)at : 0;
        s->bins[bin < HAQ_CALIB_BINS ? bin : HAQ_CALIB_BINS - 1]++;
    }
}

static void look(void *arg, int value, const float *data, size_t count)
{
    struct view *v = arg;
    int t = v->w->tensor_of[value];
    size_t n = v->w->sample[value] * v->samples;
    float lo, hi;

    if (t < 0 || !n || n > count)
        return;
    struct seen *s = &v->seen[t];
    if (v->w->first) {
        count_bins(s, &v->w->first->tensor[t], data, n);
        return;
    }
    v->w->ew->minmax(data, n, &lo, &hi);
    /* min and max drop NaN; a sum does not. */
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += data[i] * 0.0F;
    lo = sum == 0 ? lo : NAN;
    s->lo = s->count ? (lo < s->lo || isnan(lo) ? lo : s->lo) : lo;
    s->hi = s->count ? fmaxf(s->hi, hi) : hi;
    s->count += n;
}

static void run_batches(void *arg, size_t begin, size_t end, size_t worker)
{
    struct watch *w = arg;
    struct view v = {.w = w, .seen = w->seen + worker * w->tensors};
    const struct haq_graph *g = haq_plan_graph(w->plan);

    if (!w->exec[worker] && haq_exec_new(&w->exec[worker], w->plan, NULL,
                                         &w->diag[worker]) != HAQ_OK)
        return;
    for (size_t b = begin; b < end; b++) {
        size_t first = b * w->batch, left = w->data->n - first;
        v.samples = left < w->batch ? left : w->batch;
        haq_dataset_fetch(w->data, w->index + first, v.samples,
                          g->values[g->inputs[0]].dtype,
                          haq_exec_input(w->exec[worker], 0));
        haq_exec_run_watched(w->exec[worker], look, &v);
    }
}

/* Values that hold a watched tensor: the first one by that source name, so that
 * layout copies are not counted twice. */
static void map_values(struct watch *w, const struct haq_graph *g,
                       const char *const *names, size_t n)
{
    for (int v = 0; v < g->n_values; v++) {
        w->tensor_of[v] = -1;
        w->sample[v] = g->batch > 0 ? g->values[v].count / (size_t)g->batch : 0;
    }
    for (size_t t = 0; t < n; t++)
        for (int v = 0; v < g->n_values; v++)
            if (!g->values[v].data && g->values[v].dtype == HAQ_F32 &&
                !strcmp(g->values[v].source, names[t])) {
                w->tensor_of[v] = (int)t;
                break;
            }
}

static haq_status merge(struct haq_calib *out, const struct watch *w,
                        size_t threads, struct haq_diag *d)
{
    for (size_t t = 0; t < w->tensors; t++) {
        struct haq_tensor_stats *s = &out->tensor[t];
        for (size_t i = 0; i < threads; i++) {
            const struct seen *p = &w->seen[i * w->tensors + t];
            for (size_t b = 0; p->bins && b < HAQ_CALIB_BINS; b++)
                s->bins[b] += p->bins[b];
            if (w->first || !p->count)
                continue;
            s->min = s->count
                         ? (p->lo < s->min || isnan(p->lo) ? p->lo : s->min)
                         : p->lo;
            s->max = s->count ? fmaxf(s->max, p->hi) : p->hi;
            s->count += p->count;
        }
        if (s->count && !(isfinite(s->min) && isfinite(s->max)))
            return haq_fail(d, HAQ_INVALID,
                            "tensor %s is NaN or infinite on this data",
                            s->tensor);
    }
    return HAQ_OK;
}

/* One pass over all samples. */
static haq_status pass(struct haq_calib *out, struct watch *w, bool bins,
                       struct haq_pool *pool, struct haq_diag *d)
{
    size_t threads = pool ? haq_pool_threads(pool) : 1;
    size_t batches = (w->data->n + w->batch - 1) / w->batch;

    memset(w->seen, 0, threads * w->tensors * sizeof *w->seen);
    w->first = bins ? out : NULL;
    for (size_t i = 0; bins && i < threads * w->tensors; i++) {
        w->seen[i].bins =
            haq_arena_array(&out->arena, HAQ_CALIB_BINS, sizeof(uint64_t));
        if (!w->seen[i].bins)
            return haq_fail(d, HAQ_NOMEM, "histograms");
    }
    if (pool)
        haq_pool_run_dynamic(pool, batches, 1, run_batches, w);
    else
        run_batches(w, 0, batches, 0);
    for (size_t i = 0; i < threads; i++)
        if (w->diag[i].status != HAQ_OK) {
            if (d)
                *d = w->diag[i];
            return w->diag[i].status;
        }
    return merge(out, w, threads, d);
}

static haq_status allocate(struct haq_calib *out, struct watch *w,
                           const struct haq_graph *g, const char **names,
                           size_t threads, bool bins, struct haq_diag *d)
{
    size_t n = w->tensors, values = (size_t)g->n_values;

    w->tensor_of = haq_arena_array(&out->arena, values, sizeof *w->tensor_of);
    w->sample = haq_arena_array(&out->arena, values, sizeof *w->sample);
    w->index = haq_arena_array(&out->arena, w->data->n, sizeof *w->index);
    w->seen = haq_arena_array(&out->arena, threads * n + 1, sizeof *w->seen);
    w->exec = haq_arena_array(&out->arena, threads, sizeof *w->exec);
    w->diag = haq_arena_array(&out->arena, threads, sizeof *w->diag);
    out->tensor = haq_arena_array(&out->arena, n + 1, sizeof *out->tensor);
    if (!w->tensor_of || !w->sample || !w->index || !w->seen || !w->exec ||
        !w->diag || !out->tensor)
        return haq_fail(d, HAQ_NOMEM, "statistics of %zu tensors", n);
    for (size_t i = 0; i < w->data->n; i++)
        w->index[i] = i;
    for (size_t t = 0; t < n; t++) {
        struct haq_tensor_stats *s = &out->tensor[t];
        s->tensor = haq_arena_strdup(&out->arena, names[t]);
        if (bins)
            s->bins =
                haq_arena_array(&out->arena, HAQ_CALIB_BINS, sizeof *s->bins);
        if (!s->tensor || (bins && !s->bins))
            return haq_fail(d, HAQ_NOMEM, "statistics of %zu tensors", n);
    }
    out->n = n;
    map_values(w, g, names, n);
    return HAQ_OK;
}

haq_status haq_observe(struct haq_calib *out, const struct haq_graph *g,
                       const struct haq_dataset *data, bool histograms,
                       unsigned isa, struct haq_pool *pool, struct haq_diag *d)
{
    struct haq_plan_options opt = {.isa = isa};
    struct haq_plan *plan = NULL;
    struct watch w = {.data = data,
                      .ew = haq_elementwise_select(isa),
                      .batch = (size_t)g->batch};
    size_t threads = pool ? haq_pool_threads(pool) : 1;
    const char **names = NULL;
    haq_status s;

    *out = (struct haq_calib){.samples = data->n};
    memcpy(out->data_hash, data->hash, sizeof out->data_hash);
    haq_arena_init(&out->arena);
    s = haq_apply_tensors(g, &names, &w.tensors, d);
    if (s == HAQ_OK)
        s = haq_plan_new(&plan, g, NULL, &opt, d);
    w.plan = plan;
    if (s == HAQ_OK)
        s = allocate(out, &w, g, names, threads, histograms, d);
    if (s == HAQ_OK)
        s = pass(out, &w, false, pool, d);
    if (s == HAQ_OK && histograms)
        s = pass(out, &w, true, pool, d);
    for (size_t i = 0; w.exec && i < threads; i++)
        haq_exec_free(w.exec[i]);
    haq_plan_free(plan);
    free(names);
    if (s != HAQ_OK)
        haq_calib_fini(out);
    return s;
}
