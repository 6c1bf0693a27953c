#include "graph/metric.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* How many classes come before `label`: a larger output, or the same and a
 * lower index.  NaN comes before everything, so that it never helps. */
static size_t rank_of(const float *out, size_t label, size_t classes)
{
    size_t before = 0;
    for (size_t c = 0; c < classes; c++)
        before += c < label   ? !(out[c] < out[label])
                  : c > label ? !(out[c] <= out[label])
                              : isnan(out[c]) != 0;
    return before;
}

static double count_ranks(const float *out, const int64_t *label,
                          size_t positions, size_t classes, size_t below)
{
    size_t hits = 0;
    for (size_t p = 0; p < positions; p++)
        hits += rank_of(out + p * classes, (size_t)label[p], classes) < below;
    return (double)hits;
}

static double score_top1(const float *out, const float *ref, const void *label,
                         size_t positions, size_t classes)
{
    (void)ref;
    return count_ranks(out, label, positions, classes, 1);
}

static double score_top5(const float *out, const float *ref, const void *label,
                         size_t positions, size_t classes)
{
    (void)ref;
    return count_ranks(out, label, positions, classes, 5);
}

static size_t argmax(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static double score_agreement(const float *out, const float *ref,
                              const void *label, size_t positions,
                              size_t classes)
{
    size_t hits = 0;
    (void)label;
    for (size_t p = 0; p < positions; p++) {
        size_t at = p * classes, best = argmax(ref + at, classes);
        hits += rank_of(out + at, best, classes) == 0;
    }
    return (double)hits;
}

/* -log softmax(x)[label] in nats. */
static double cross_entropy(const float *x, size_t label, size_t classes)
{
    double max = (double)x[argmax(x, classes)], sum = 0;
    for (size_t c = 0; c < classes; c++)
        sum += exp((double)x[c] - max);
    return max + log(sum) - (double)x[label];
}

static double score_perplexity(const float *out, const float *ref,
                               const void *label, size_t positions,
                               size_t classes)
{
    const int64_t *target = label;
    double sum = 0;
    (void)ref;
    for (size_t p = 0; p < positions; p++)
        sum += cross_entropy(out + p * classes, (size_t)target[p], classes);
    return sum;
}

static double score_mse(const float *out, const float *ref, const void *label,
                        size_t positions, size_t classes)
{
    const float *want = label;
    double sum = 0;
    (void)ref;
    for (size_t i = 0; i < positions * classes; i++) {
        double e = (double)out[i] - (double)want[i];
        sum += e * e;
    }
    return sum / (double)classes;
}

static double as_percent(double mean)
{
    return 100 * mean;
}

static double as_it_is(double mean)
{
    return mean;
}

static haq_status check_count(const struct haq_array *y, size_t n, size_t each,
                              struct haq_diag *d)
{
    if (y->count == n * each)
        return HAQ_OK;
    return haq_fail(d, HAQ_INVALID,
                    "y has %zu labels, %zu samples with %zu outputs each need "
                    "%zu",
                    y->count, n, each, n * each);
}

static haq_status check_classes(const struct haq_array *y, size_t n,
                                size_t positions, size_t classes,
                                struct haq_diag *d)
{
    haq_status s = check_count(y, n, positions, d);
    if (s)
        return s;
    if (haq_dtype_is_real(y->dtype))
        return haq_fail(d, HAQ_INVALID,
                        "y is %s, this metric needs whole numbers as labels",
                        haq_dtype_info(y->dtype)->name);
    for (size_t i = 0; i < y->count; i++) {
        int64_t label = haq_dtype_get_int(y->dtype, y->data, i);
        if (label < 0 || (uint64_t)label >= classes)
            return haq_fail(d, HAQ_INVALID,
                            "label %lld of sample %zu is outside 0..%zu",
                            (long long)label, i / positions, classes - 1);
    }
    return HAQ_OK;
}

static haq_status check_reals(const struct haq_array *y, size_t n,
                              size_t positions, size_t classes,
                              struct haq_diag *d)
{
    haq_status s = check_count(y, n, positions * classes, d);
    for (size_t i = 0; !s && i < y->count; i++)
        if (!isfinite(haq_dtype_get(y->dtype, y->data, i)))
            s = haq_fail(d, HAQ_INVALID, "y of sample %zu is not finite",
                         i / (positions * classes));
    return s;
}

static haq_status check_nothing(const struct haq_array *y, size_t n,
                                size_t positions, size_t classes,
                                struct haq_diag *d)
{
    (void)y, (void)n, (void)positions, (void)classes, (void)d;
    return HAQ_OK;
}

const struct haq_metric haq_metrics[] = {
    {.name = "top1",
     .higher_is_better = true,
     .needs_labels = true,
     .counts = true,
     .points = true,
     .score = score_top1,
     .report = as_percent,
     .check = check_classes},
    {.name = "top5",
     .higher_is_better = true,
     .needs_labels = true,
     .counts = true,
     .points = true,
     .score = score_top5,
     .report = as_percent,
     .check = check_classes},
    {.name = "perplexity",
     .needs_labels = true,
     .score = score_perplexity,
     .report = exp,
     .check = check_classes},
    {.name = "mse",
     .needs_labels = true,
     .score = score_mse,
     .report = as_it_is,
     .check = check_reals},
    {.name = "agreement",
     .higher_is_better = true,
     .counts = true,
     .points = true,
     .score = score_agreement,
     .report = as_percent,
     .check = check_nothing},
    {.name = NULL},
};

const struct haq_metric *haq_metric_find(const char *name)
{
    for (const struct haq_metric *m = haq_metrics; m->name; m++)
        if (!strcmp(m->name, name))
            return m;
    return NULL;
}

const struct haq_metric *haq_metric_default(const struct haq_array *y)
{
    if (y->count == 0)
        return haq_metric_find("agreement");
    if (haq_dtype_is_real(y->dtype))
        return haq_metric_find("mse");
    return haq_metric_find(y->count > (size_t)y->dims[0] ? "perplexity"
                                                         : "top1");
}

struct haq_interval haq_metric_value(const struct haq_metric *m,
                                     const double *scores, size_t n,
                                     size_t positions)
{
    assert(n && positions);
    struct haq_interval v;

    if (m->counts) {
        double hits = 0;
        for (size_t i = 0; i < n; i++)
            hits += scores[i];
        v = haq_wilson((size_t)hits, n * positions);
    } else {
        double each = (double)positions;
        v = haq_mean(scores, n);
        v = (struct haq_interval){v.value / each, v.low / each, v.high / each};
    }
    return (struct haq_interval){m->report(v.value), m->report(v.low),
                                 m->report(v.high)};
}

haq_status haq_metric_check(const struct haq_metric *m,
                            const struct haq_array *y, size_t n,
                            size_t positions, size_t classes,
                            struct haq_diag *d)
{
    if (m->needs_labels && y->count == 0)
        return haq_fail(d, HAQ_INVALID, "%s needs labels (y), there are none",
                        m->name);
    return m->check(y, n, positions, classes, d);
}
