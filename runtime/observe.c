#include "runtime/observe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/elementwise.h"

/* What one thread has counted of one tensor; threads' parts are added at the
 * end.  Lowest and highest values go into the samples' own places at once. */
struct seen {
    uint64_t count;
    uint64_t zeros, *bins; /* second pass only */
};

struct watch {
    const struct haq_plan *plan;
    const struct haq_dataset *data;
    const struct haq_elementwise *ew;
    size_t *index; /* [n] 0, 1, 2, ... */
    size_t tensors;
    int *tensor_of; /* [values] index of the watched tensor, or -1 */
    size_t *sample; /* [values] elements of one sample in that value */
    struct haq_tensor_stats *stats; /* [tensors] */
    bool bins;                      /* the second pass: ranges are known */
    struct seen *seen;              /* [threads][tensors] */
    struct haq_exec **exec;         /* [threads] */
    struct haq_diag *diag;          /* [threads] */
    size_t batch;
};

/* One thread's view while a batch runs. */
struct view {
    const struct watch *w;
    struct seen *seen;     /* [tensors] */
    size_t first, samples; /* real ones in this batch */
};

static void count_bins(struct seen *s, const struct haq_tensor_stats *range,
                       const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->bins[haq_calib_bin(x[i], range->min, range->max)]++;
        s->zeros += x[i] == 0;
    }
}

/* Lowest and highest of one sample; NaN where there is one. */
static void find_ends(const struct watch *w, const float *x, size_t n,
                      float *lo, float *hi)
{
    float sum = 0; /* minmax drops NaN; a sum does not */
    w->ew->minmax(x, n, lo, hi);
    for (size_t i = 0; i < n; i++)
        sum += x[i] * 0.0F;
    if (sum != 0)
        *lo = NAN;
}

static bool look(void *arg, int value, const float *data, size_t count)
{
    struct view *v = arg;
    const struct watch *w = v->w;
    int t = w->tensor_of[value];
    size_t each = w->sample[value], n = each * v->samples;

    if (t < 0 || !n || n > count)
        return true;
    struct haq_tensor_stats *stats = &w->stats[t];
    if (w->bins) {
        count_bins(&v->seen[t], stats, data, n);
        return true;
    }
    for (size_t i = 0; i < v->samples; i++)
        find_ends(w, data + i * each, each, &stats->sample_min[v->first + i],
                  &stats->sample_max[v->first + i]);
    v->seen[t].count += n;
    return true;
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
        v.first = first;
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

/* The layer that reads a tensor, or NULL: only other nodes do. */
static const char *reader(const struct haq_graph *g, const char *tensor)
{
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        if (n->layer && !strcmp(g->values[n->in[0]].source, tensor))
            return n->layer;
    }
    return NULL;
}

static haq_status not_finite(const struct watch *w,
                             const struct haq_tensor_stats *s, size_t sample,
                             struct haq_diag *d)
{
    const char *layer = reader(haq_plan_graph(w->plan), s->tensor);
    return haq_fail(d, HAQ_INVALID,
                    "tensor %s%s%s is NaN or infinite on this data, in sample "
                    "%zu first",
                    s->tensor, layer ? ", the input of layer " : "",
                    layer ? layer : "", sample);
}

static void add_counts(struct haq_tensor_stats *to, const struct watch *w,
                       size_t tensor, size_t threads)
{
    for (size_t i = 0; i < threads; i++) {
        const struct seen *p = &w->seen[i * w->tensors + tensor];
        to->count += p->count;
        to->zeros += p->zeros;
        for (size_t b = 0; p->bins && b < HAQ_CALIB_BINS; b++)
            to->bins[b] += p->bins[b];
    }
}

static haq_status merge(struct haq_calib *out, const struct watch *w,
                        size_t threads, struct haq_diag *d)
{
    for (size_t t = 0; t < w->tensors; t++) {
        struct haq_tensor_stats *s = &out->tensor[t];
        add_counts(s, w, t, threads);
        if (w->bins || !s->count)
            continue;
        s->min = s->sample_min[0];
        s->max = s->sample_max[0];
        for (size_t i = 0; i < s->samples; i++) {
            s->min = fminf(s->min, s->sample_min[i]);
            s->max = fmaxf(s->max, s->sample_max[i]);
            if (!isfinite(s->sample_min[i]) || !isfinite(s->sample_max[i]))
                return not_finite(w, s, i, d);
        }
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
    w->bins = bins;
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
        s->samples = w->data->n;
        s->sample_min =
            haq_arena_array(&out->arena, w->data->n, sizeof *s->sample_min);
        s->sample_max =
            haq_arena_array(&out->arena, w->data->n, sizeof *s->sample_max);
        s->memo =
            haq_arena_array(&out->arena, HAQ_RANGE_MEMOS, sizeof *s->memo);
        if (!s->tensor || !s->sample_min || !s->sample_max || !s->memo ||
            (bins && !s->bins))
            return haq_fail(d, HAQ_NOMEM, "statistics of %zu tensors", n);
    }
    out->n = n;
    w->stats = out->tensor;
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
