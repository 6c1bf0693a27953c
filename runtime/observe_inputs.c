#include "runtime/observe_inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double FAR_SIGMA = 6, BIG = 6;

struct sums {
    double *sum, *square; /* [channels] */
};

struct watch {
    const struct haq_graph *g;
    const struct haq_dataset *data;
    struct haq_inputs *out;
    int *value;        /* [layers] what each reads */
    struct sums *sums; /* [layers] first pass */
    size_t *index;     /* [samples] 0, 1, 2, ... */
    size_t samples;    /* real ones in this batch */
    bool second;
};

static void first_look(struct haq_input_stats *s, struct sums *sums,
                       const float *x, size_t rows)
{
    for (size_t r = 0; r < rows; r++, x += s->channels)
        for (size_t c = 0; c < s->channels; c++) {
            struct haq_channel_stats *to = &s->channel[c];
            double v = (double)x[c];
            to->min = fminf(to->min, x[c]);
            to->max = fmaxf(to->max, x[c]);
            sums->sum[c] += v;
            sums->square[c] += v * v;
        }
    s->count += rows * s->channels;
}

static void second_look(struct haq_input_stats *s, const float *x, size_t rows)
{
    double far = FAR_SIGMA * s->std;
    for (size_t r = 0; r < rows; r++, x += s->channels)
        for (size_t c = 0; c < s->channels; c++) {
            double v = (double)x[c];
            s->channel[c].far += fabs(v - s->mean) > far;
            s->channel[c].big += fabs(v) > BIG;
        }
}

static bool look(void *arg, int value, const float *data, size_t count)
{
    struct watch *w = arg;
    for (size_t i = 0; i < w->out->n; i++) {
        struct haq_input_stats *s = &w->out->input[i];
        if (value != w->value[i] || !s->channels)
            continue;
        size_t rows = count / (size_t)w->g->batch * w->samples / s->channels;
        if (w->second)
            second_look(s, data, rows);
        else
            first_look(s, &w->sums[i], data, rows);
    }
    return true;
}

static haq_status finish_first(struct watch *w, struct haq_diag *d)
{
    for (size_t i = 0; i < w->out->n; i++) {
        struct haq_input_stats *s = &w->out->input[i];
        double n = (double)s->count / (double)s->channels;
        if (!s->count)
            return haq_fail(d, HAQ_UNSUPPORTED,
                            "the inputs of layer %s cannot be observed",
                            s->layer);
        for (size_t c = 0; c < s->channels; c++) {
            double mean = w->sums[i].sum[c] / n;
            double var = w->sums[i].square[c] / n - mean * mean;
            if (!isfinite(var))
                return haq_fail(d, HAQ_INVALID,
                                "inputs of layer %s are NaN or infinite",
                                s->layer);
            s->channel[c].mean = mean;
            s->channel[c].std = sqrt(fmax(var, 0));
        }
        haq_input_stats_spread(s);
    }
    return HAQ_OK;
}

static void run_all(struct watch *w, struct haq_exec *e)
{
    size_t batch = (size_t)w->g->batch;
    for (size_t at = 0; at < w->data->n; at += batch) {
        w->samples = w->data->n - at < batch ? w->data->n - at : batch;
        haq_dataset_fetch(w->data, w->index + at, w->samples,
                          w->g->values[w->g->inputs[0]].dtype,
                          haq_exec_input(e, 0));
        haq_exec_run_watched(e, look, w);
    }
}

/* The node's row in the result; channels lie last in every input. */
static bool add_layer(struct watch *w, const struct haq_node *node)
{
    struct haq_inputs *out = w->out;
    size_t i = out->n++;
    struct haq_input_stats *s = &out->input[i];
    const struct haq_value *in = &w->g->values[node->in[0]];
    size_t n = (size_t)in->shape.dims[in->shape.rank - 1];
    w->value[i] = node->in[0];
    *s = (struct haq_input_stats){
        .layer = haq_arena_strdup(&out->arena, node->layer),
        .tensor = haq_arena_strdup(&out->arena, in->source),
        .channel = haq_arena_array(&out->arena, n, sizeof *s->channel),
        .channels = n};
    w->sums[i].sum = haq_arena_array(&out->arena, n, sizeof(double));
    w->sums[i].square = haq_arena_array(&out->arena, n, sizeof(double));
    if (!s->layer || !s->tensor || !s->channel || !w->sums[i].sum ||
        !w->sums[i].square)
        return false;
    for (size_t c = 0; c < n; c++) {
        s->channel[c].min = INFINITY;
        s->channel[c].max = -INFINITY;
    }
    return true;
}

static haq_status watch_init(struct watch *w, struct haq_diag *d)
{
    struct haq_arena *a = &w->out->arena;
    size_t layers = 0;
    for (int i = 0; i < w->g->n_nodes; i++)
        layers += w->g->nodes[i].layer != NULL;
    w->value = haq_arena_array(a, layers, sizeof *w->value);
    w->sums = haq_arena_array(a, layers, sizeof *w->sums);
    w->index = haq_arena_array(a, w->data->n, sizeof *w->index);
    w->out->input = haq_arena_array(a, layers, sizeof *w->out->input);
    bool ok = w->value && w->sums && w->index && w->out->input;
    for (size_t i = 0; ok && i < w->data->n; i++)
        w->index[i] = i;
    for (int i = 0; ok && i < w->g->n_nodes; i++)
        if (w->g->nodes[i].layer)
            ok = add_layer(w, &w->g->nodes[i]);
    return ok ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "inputs of %zu layers", layers);
}

haq_status haq_observe_inputs(struct haq_inputs *out, const struct haq_graph *g,
                              const struct haq_dataset *data, unsigned isa,
                              struct haq_pool *pool, struct haq_diag *d)
{
    struct haq_plan_options opt = {.isa = isa};
    struct haq_plan *plan = NULL;
    struct haq_exec *e = NULL;
    struct watch w = {.g = g, .data = data, .out = out};
    *out = (struct haq_inputs){.samples = data->n};
    haq_arena_init(&out->arena);
    haq_status s = watch_init(&w, d);
    if (s == HAQ_OK)
        s = haq_plan_new(&plan, g, NULL, &opt, d);
    if (s == HAQ_OK)
        s = haq_exec_new(&e, plan, pool, d);
    if (s == HAQ_OK) {
        run_all(&w, e);
        s = finish_first(&w, d);
    }
    if (s == HAQ_OK) {
        w.second = true;
        run_all(&w, e);
    }
    for (size_t i = 0; s == HAQ_OK && i < out->n; i++)
        s = haq_input_stats_sum(&out->input[i], d);
    haq_exec_free(e);
    haq_plan_free(plan);
    if (s != HAQ_OK)
        haq_inputs_fini(out);
    return s;
}
