#include "runtime/evaluate.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "graph/op.h"

/* One evaluation in flight; every thread has its own context and samples. */
struct run {
    const struct haq_plan *plan;
    const struct haq_dataset *data;
    const size_t *index;
    size_t n, batch, positions, classes;
    const struct haq_metric *metric;
    const float *reference;
    float *outputs;
    enum haq_dtype input_dtype;
    bool probabilities; /* the network ends in a softmax */
    double *scores, *kl;
    struct haq_exec **exec; /* [threads], made by the thread that needs it */
    void **label;           /* [threads] one sample's labels */
    atomic_int status;      /* first failure */
    struct haq_diag *diag;  /* [threads] */
};

void haq_evaluation_fini(struct haq_evaluation *e)
{
    free(e->scores);
    *e = (struct haq_evaluation){0};
}

/* Log-probabilities of one position: normalizer of the logits, or 0 when they
 * are probabilities already. */
static double log_normalizer(const float *x, size_t n)
{
    double max = (double)x[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        max = fmax(max, (double)x[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)x[i] - max);
    return max + log(sum);
}

static double log_probability(double x, double normalizer, bool probability)
{
    return probability ? log(fmax(x, 1e-12)) : x - normalizer;
}

/* KL(reference || out) of one position in nats. */
static double divergence(const float *ref, const float *out, size_t n,
                         bool probabilities)
{
    double norm_ref = probabilities ? 0 : log_normalizer(ref, n);
    double norm_out = probabilities ? 0 : log_normalizer(out, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double p = log_probability((double)ref[i], norm_ref, probabilities);
        double q = log_probability((double)out[i], norm_out, probabilities);
        sum += exp(p) * (p - q);
    }
    return fmax(sum, 0);
}

/* Labels of a sample as metrics want them: int64, or float for mse. */
static const void *labels_of(const struct run *r, size_t sample, void *room)
{
    const struct haq_array *y = &r->data->y;
    size_t per = y->count / r->data->n;
    bool real =
        y->dtype == HAQ_F32 || y->dtype == HAQ_F64 || y->dtype == HAQ_F16;

    if (!y->count || !r->metric->needs_labels)
        return NULL;
    for (size_t i = 0; i < per; i++) {
        size_t at = sample * per + i;
        if (real)
            ((float *)room)[i] = (float)haq_dtype_get(y->dtype, y->data, at);
        else
            ((int64_t *)room)[i] = haq_dtype_get_int(y->dtype, y->data, at);
    }
    return room;
}

static void score(const struct run *r, size_t at, const float *out, void *room)
{
    size_t sample = r->index[at], size = r->positions * r->classes;
    const float *ref = r->reference ? r->reference + sample * size : NULL;

    if (r->outputs)
        memcpy(r->outputs + at * size, out, size * sizeof *out);
    if (r->metric)
        r->scores[at] = r->metric->score(out, ref, labels_of(r, sample, room),
                                         r->positions, r->classes);
    for (size_t p = 0; ref && p < r->positions; p++)
        r->kl[at] += divergence(ref + p * r->classes, out + p * r->classes,
                                r->classes, r->probabilities);
}

static haq_status prepare(struct run *r, size_t worker)
{
    size_t per = r->data->y.count / r->data->n;
    if (r->exec[worker])
        return HAQ_OK;
    r->label[worker] = malloc((per + 1) * sizeof(int64_t));
    if (!r->label[worker])
        return haq_fail(&r->diag[worker], HAQ_NOMEM, "labels of a sample");
    return haq_exec_new(&r->exec[worker], r->plan, NULL, &r->diag[worker]);
}

/* Batches begin..end of the index. */
static void run_batches(void *arg, size_t begin, size_t end, size_t worker)
{
    struct run *r = arg;
    size_t size = r->positions * r->classes;
    haq_status s = prepare(r, worker);

    if (s != HAQ_OK) {
        int none = HAQ_OK;
        r->diag[worker].status = s;
        atomic_compare_exchange_strong(&r->status, &none, (int)s);
        return;
    }
    for (size_t b = begin; b < end; b++) {
        size_t first = b * r->batch;
        size_t count = r->n - first < r->batch ? r->n - first : r->batch;
        haq_dataset_fetch(r->data, r->index + first, count, r->input_dtype,
                          haq_exec_input(r->exec[worker], 0));
        haq_exec_run(r->exec[worker]);
        const float *out = haq_exec_output(r->exec[worker], 0);
        for (size_t i = 0; i < count; i++)
            score(r, first + i, out + i * size, r->label[worker]);
    }
}

static void describe(struct run *r)
{
    const struct haq_graph *g = haq_plan_graph(r->plan);
    const struct haq_value *in = &g->values[g->inputs[0]];
    const struct haq_value *out = &g->values[g->outputs[0]];

    r->batch = (size_t)g->batch;
    r->input_dtype = in->dtype;
    r->positions = 1;
    r->classes =
        out->shape.rank ? (size_t)out->shape.dims[out->shape.rank - 1] : 1;
    for (int i = 1; i < out->shape.rank - 1; i++)
        r->positions *= (size_t)out->shape.dims[i];
    r->probabilities = out->producer >= 0 &&
                       g->nodes[out->producer].op->code == HAQ_OP_SOFTMAX;
}

static haq_status allocate(struct run *r, size_t threads, struct haq_diag *d)
{
    r->scores = calloc(r->n + 1, sizeof *r->scores);
    r->kl = calloc(r->n + 1, sizeof *r->kl);
    r->exec = calloc(threads, sizeof *r->exec);
    r->label = calloc(threads, sizeof *r->label);
    r->diag = calloc(threads, sizeof *r->diag);
    if (r->scores && r->kl && r->exec && r->label && r->diag)
        return HAQ_OK;
    return haq_fail(d, HAQ_NOMEM, "scores of %zu samples", r->n);
}

static void release(struct run *r, size_t threads)
{
    for (size_t i = 0; r->exec && i < threads; i++)
        haq_exec_free(r->exec[i]);
    for (size_t i = 0; r->label && i < threads; i++)
        free(r->label[i]);
    free(r->exec);
    free(r->label);
    free(r->diag);
    free(r->kl);
    free(r->scores);
}

static double mean_kl(const struct run *r)
{
    double sum = 0;
    if (!r->reference || !r->n)
        return NAN;
    for (size_t i = 0; i < r->n; i++)
        sum += r->kl[i];
    return sum / (double)(r->n * r->positions);
}

haq_status haq_evaluate(struct haq_evaluation *out, const struct haq_plan *plan,
                        const struct haq_dataset *data, const size_t *index,
                        size_t n, const struct haq_metric *metric,
                        const float *reference, float *outputs,
                        struct haq_pool *pool, struct haq_diag *d)
{
    struct run r = {.plan = plan,
                    .data = data,
                    .index = index,
                    .n = n,
                    .metric = metric,
                    .reference = reference,
                    .outputs = outputs};
    size_t threads = pool ? haq_pool_threads(pool) : 1;
    haq_status s;

    describe(&r);
    s = allocate(&r, threads, d);
    if (s != HAQ_OK)
        goto done;
    uint64_t before = haq_clock_ns();
    size_t batches = (n + r.batch - 1) / r.batch;
    if (pool)
        haq_pool_run_dynamic(pool, batches, 1, run_batches, &r);
    else
        run_batches(&r, 0, batches, 0);
    *out = (struct haq_evaluation){
        .scores = r.scores,
        .n = n,
        .positions = r.positions,
        .kl = mean_kl(&r),
        .seconds = (double)(haq_clock_ns() - before) * 1e-9};
    s = (haq_status)atomic_load(&r.status);
    for (size_t i = 0; s != HAQ_OK && i < threads; i++)
        if (r.diag[i].status != HAQ_OK && d)
            *d = r.diag[i];
    if (s != HAQ_OK)
        *out = (struct haq_evaluation){0};
    else
        r.scores = NULL; /* now the caller's */
done:
    release(&r, threads);
    return s;
}
