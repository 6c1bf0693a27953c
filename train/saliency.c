#include "train/saliency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "train/crew.h"
#include "train/drawn.h"

enum { LABEL_SEED = 0x66697368, PROBE_SEED = 0x68757463, LEAST_PROBES = 8 };

/* Weights move by this part of their layer's root mean square: less than what
 * 8 bits do to them, and enough for what float gradients can tell apart. */
static const double STEP = 0.01;
static const double TOLERANCE = 0.05;

struct moments {
    double sum, squares;
};

struct finder {
    const struct haq_saliency_job *job;
    struct haq_saliency *out;
    struct haq_net *net;
    struct haq_crew crew;
    struct haq_dataset labels; /* its y: [n][positions] */
    float *teacher;            /* [n][positions][classes] */
    struct haq_loss loss;
    double *each;          /* [n] loss */
    float *sum, *square;   /* [threads][net->sums] of samples' gradients */
    float *origin, *sign;  /* [net->sums] weights, and a vector of signs */
    float *ahead;          /* [net->sums] mean gradient */
    struct moments *trace; /* [layers] over vectors */
};

/* ---- labels ---------------------------------------------------------------
 */

static void number_labels(struct finder *f, struct haq_rng *rng)
{
    size_t count = f->job->n * f->job->positions * f->job->classes;
    for (size_t i = 0; i < count; i++)
        f->teacher[i] += (float)haq_rng_normal(rng);
}

static void class_labels(struct finder *f, struct haq_rng *rng)
{
    const struct haq_saliency_job *j = f->job;
    const struct haq_array *y = &j->data->y;
    int64_t *to = f->labels.y.data;
    for (size_t i = 0; i < j->n; i++)
        for (size_t p = 0; p < j->positions; p++) {
            size_t at = i * j->positions + p;
            const float *out = f->teacher + at * j->classes;
            to[at] = j->labels
                         ? haq_dtype_get_int(y->dtype, y->data,
                                             j->samples[i] * j->positions + p)
                         : (int64_t)haq_drawn_label(out, j->classes,
                                                    haq_rng_unit(rng));
        }
}

/* Labels by place in the list of samples. */
static haq_status make_loss(struct finder *f, struct haq_diag *d)
{
    const struct haq_saliency_job *j = f->job;
    size_t positions = j->n * j->positions;
    struct haq_rng rng;
    haq_rng_seed(&rng, LABEL_SEED);
    f->labels.y = (struct haq_array){.dtype = HAQ_I64, .count = positions};
    f->labels.y.data = calloc(positions + 1, sizeof(int64_t));
    f->teacher = calloc(positions * j->classes + 1, sizeof *f->teacher);
    if (!f->labels.y.data || !f->teacher)
        return haq_fail(d, HAQ_NOMEM, "outputs of %zu samples", j->n);
    haq_crew_outputs(&f->crew, j->samples, j->n, f->teacher);
    if (j->real)
        number_labels(f, &rng);
    else
        class_labels(f, &rng);
    f->loss = (struct haq_loss){.data = &f->labels,
                                .teacher = f->teacher,
                                .positions = j->positions,
                                .classes = j->classes,
                                .real = j->real,
                                .share = j->real ? 0 : 1};
    return HAQ_OK;
}

/* ---- gradients ------------------------------------------------------------
 */

/* A thread's sums are at its tape's place. */
static size_t thread_of(const struct finder *f, const struct haq_tape *t)
{
    size_t i = 0;
    while (f->crew.tape[i] != t)
        i++;
    return i;
}

static void sample_gradient(void *arg, struct haq_tape *t,
                            const size_t *samples, size_t n, size_t first)
{
    struct finder *f = arg;
    size_t sums = t->net->sums, at = thread_of(f, t) * sums;
    float *sum = f->sum + at, *square = f->square + at;
    (void)samples;
    (void)n; /* one */
    haq_tape_clear(t);
    haq_tape_forward(t, 0, t->net->steps);
    haq_tape_reset(t, 0, t->net->steps);
    f->each[first] =
        haq_loss_sample(&f->loss, first, haq_tape_read(t, t->net->output),
                        haq_tape_gradient(t, t->net->output), 1);
    haq_tape_backward(t, 0, t->net->steps);
    for (size_t i = 0; i < sums; i++) {
        sum[i] += t->sums[i];
        square[i] += t->sums[i] * t->sums[i];
    }
}

/* What threads have, in the first one's place, as a mean. */
static void gather(const struct finder *f, float *of)
{
    size_t sums = f->net->sums;
    for (size_t t = 1; t < f->crew.threads; t++)
        for (size_t i = 0; i < sums; i++)
            of[i] += of[t * sums + i];
    for (size_t i = 0; i < sums; i++)
        of[i] /= (float)f->job->n;
}

/* Mean gradient and mean square in sum[0 .. sums) and square. */
static void run_samples(struct finder *f)
{
    size_t bytes = f->crew.threads * f->net->sums * sizeof *f->sum;
    memset(f->sum, 0, bytes);
    memset(f->square, 0, bytes);
    haq_crew_run(&f->crew, f->job->samples, f->job->n, true, sample_gradient,
                 f);
    gather(f, f->sum);
    gather(f, f->square);
    if (f->job->progress)
        f->job->progress(f->job->arg);
}

static haq_status keep_layers(struct finder *f, struct haq_diag *d)
{
    struct haq_saliency *out = f->out;
    for (size_t i = 0; i < out->n; i++) {
        const struct haq_train_layer *l = &f->net->layer[i];
        size_t count = l->n * l->k;
        struct haq_saliency_layer *to = &out->layer[i];
        *to = (struct haq_saliency_layer){
            .tensor = haq_arena_strdup(&out->arena, l->tensor),
            .count = count,
            .gradient = haq_arena_array(&out->arena, count + 1, sizeof(float)),
            .fisher = haq_arena_array(&out->arena, count + 1, sizeof(float)),
            .trace = NAN,
            .trace_error = NAN};
        if (!to->tensor || !to->gradient || !to->fisher)
            return haq_fail(d, HAQ_NOMEM, "layer %s", l->tensor);
        for (size_t k = 0; k < count; k++) {
            size_t at = l->order ? (size_t)l->order[k] : k;
            to->gradient[at] = f->sum[l->grad_at + k];
            to->fisher[at] = f->square[l->grad_at + k];
        }
    }
    for (size_t i = 0; i < f->job->n; i++)
        out->loss += f->each[i] / (double)f->job->n;
    return HAQ_OK;
}

/* ---- the trace ------------------------------------------------------------
 */

static double step_of(const struct finder *f, const struct haq_train_layer *l)
{
    double sum = 0;
    for (size_t i = 0; i < l->n * l->k; i++) {
        double w = (double)f->origin[l->grad_at + i];
        sum += w * w;
    }
    return sum > 0 ? STEP * sqrt(sum / (double)(l->n * l->k)) : STEP;
}

/* All weights at origin + by x step x sign. */
static void move(const struct finder *f, double by)
{
    for (size_t i = 0; i < f->net->layers; i++) {
        const struct haq_train_layer *l = &f->net->layer[i];
        double step = by * step_of(f, l);
        for (size_t k = 0; k < l->n * l->k; k++)
            l->w[k] = (float)((double)f->origin[l->grad_at + k] +
                              step * (double)f->sign[l->grad_at + k]);
    }
}

static void probe(struct finder *f, struct haq_rng *rng)
{
    const struct haq_net *net = f->net;
    for (size_t i = 0; i < net->sums; i++)
        f->sign[i] = haq_rng_next(rng) >> 63 ? 1.0f : -1.0f;
    move(f, 1);
    run_samples(f);
    memcpy(f->ahead, f->sum, net->sums * sizeof *f->ahead);
    move(f, -1);
    run_samples(f);
    for (size_t i = 0; i < net->layers; i++) {
        const struct haq_train_layer *l = &net->layer[i];
        double sum = 0;
        for (size_t k = l->grad_at; k < l->grad_at + l->n * l->k; k++)
            sum +=
                (double)f->sign[k] * ((double)f->ahead[k] - (double)f->sum[k]);
        sum /= 2 * step_of(f, l);
        f->trace[i].sum += sum;
        f->trace[i].squares += sum * sum;
    }
}

/* Mean and its standard error; true when that is small everywhere. */
static bool settle(struct finder *f, size_t probes)
{
    bool small = probes >= LEAST_PROBES;
    double m = (double)probes;
    for (size_t i = 0; i < f->net->layers; i++) {
        struct haq_saliency_layer *l = &f->out->layer[i];
        double mean = f->trace[i].sum / m;
        double spread = fmax(f->trace[i].squares / m - mean * mean, 0);
        l->trace = mean;
        l->trace_error = probes > 1 ? sqrt(spread / (m - 1)) : NAN;
        small = small && l->trace_error <= TOLERANCE * fabs(mean);
    }
    return small;
}

static void find_traces(struct finder *f)
{
    struct haq_rng rng;
    haq_rng_seed(&rng, PROBE_SEED);
    for (size_t i = 0; i < f->net->layers; i++) {
        const struct haq_train_layer *l = &f->net->layer[i];
        memcpy(f->origin + l->grad_at, l->w, l->n * l->k * sizeof *l->w);
    }
    bool settled = false;
    while (!settled && f->out->probes < f->job->probes) {
        probe(f, &rng);
        settled = settle(f, ++f->out->probes);
    }
}

/* ---- all of it ------------------------------------------------------------
 */

static haq_status open_finder(struct finder *f, struct haq_diag *d)
{
    const struct haq_saliency_job *j = f->job;
    haq_status s = haq_net_new(&f->net, j->graph, NULL, d);
    if (!s)
        s = haq_crew_open(&f->crew, f->net, j->data, j->pool, d);
    if (s)
        return s;
    size_t sums = f->net->sums + 1, threads = f->crew.threads;
    f->each = calloc(j->n, sizeof *f->each);
    f->sum = calloc(threads * sums, sizeof *f->sum);
    f->square = calloc(threads * sums, sizeof *f->square);
    f->origin = calloc(sums, sizeof *f->origin);
    f->sign = calloc(sums, sizeof *f->sign);
    f->ahead = calloc(sums, sizeof *f->ahead);
    f->trace = calloc(f->net->layers + 1, sizeof *f->trace);
    f->out->n = f->net->layers;
    f->out->layer =
        haq_arena_array(&f->out->arena, f->out->n + 1, sizeof *f->out->layer);
    if (!f->each || !f->sum || !f->square || !f->origin || !f->sign ||
        !f->ahead || !f->trace || !f->out->layer)
        return haq_fail(d, HAQ_NOMEM, "gradients of %zu layers", f->out->n);
    return make_loss(f, d);
}

static void close_finder(struct finder *f)
{
    haq_crew_close(&f->crew);
    haq_net_free(f->net);
    free(f->labels.y.data);
    free(f->teacher);
    free(f->each);
    free(f->sum);
    free(f->square);
    free(f->origin);
    free(f->sign);
    free(f->ahead);
    free(f->trace);
}

haq_status haq_saliency_find(struct haq_saliency *out,
                             const struct haq_saliency_job *job,
                             struct haq_diag *d)
{
    struct finder f = {.job = job, .out = out};
    *out = (struct haq_saliency){0};
    haq_arena_init(&out->arena);
    haq_status s = open_finder(&f, d);
    if (!s) {
        run_samples(&f);
        s = keep_layers(&f, d);
    }
    if (!s)
        find_traces(&f);
    close_finder(&f);
    if (s)
        haq_saliency_fini(out);
    return s;
}

void haq_saliency_fini(struct haq_saliency *s)
{
    haq_arena_fini(&s->arena);
    *s = (struct haq_saliency){0};
}

const struct haq_saliency_layer *
haq_saliency_layer(const struct haq_saliency *s, const char *tensor)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->layer[i].tensor, tensor))
            return &s->layer[i];
    return NULL;
}

struct haq_saliency_cost haq_saliency_cost(const struct haq_saliency_layer *l,
                                           const float *w, const float *q)
{
    double first = 0, fisher = 0, squares = 0;
    for (size_t i = 0; i < l->count; i++) {
        double dw = (double)q[i] - (double)w[i];
        first += (double)l->gradient[i] * dw;
        fisher += (double)l->fisher[i] * dw * dw;
        squares += dw * dw;
    }
    return (struct haq_saliency_cost){
        fabs(first), fisher / 2,
        l->count ? l->trace / (double)l->count * squares : 0};
}
