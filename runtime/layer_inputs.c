#include "runtime/layer_inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "quant/layer_weight.h"
#include "runtime/window.h"

/* How rows are cut from the tensor that a layer reads. */
struct source {
    const char *layer;
    int value;    /* of the graph */
    size_t count; /* its elements */
    size_t rows;  /* of one batch */
    size_t parts, k;
    size_t channels; /* of one part, of a convolution */
    bool conv;
    struct haq_geometry geometry; /* of a convolution */
    const void **table[2];        /* [rows][taps] into tensor */
    float *tensor[2]; /* [count] in the latest runs: float model, quantized */
    bool seen[2];     /* in the latest run */
    uint64_t share;   /* of all rows that are taken, in 2^-32 */
};

struct job {
    struct source *from; /* [n] */
    size_t n;
    int sides; /* 1: there is the float model only */
    struct haq_exec *exec[2];
    float *row[2]; /* [HAQ_MOMENT_ROWS][longest k] */
    size_t *rows;  /* [most rows] numbers of those that are taken */
    size_t *index; /* of samples */
};

static haq_status source_init(struct source *s, const struct haq_graph *g,
                              int node, struct haq_diag *d)
{
    const struct haq_node *n = &g->nodes[node];
    const struct haq_value *in = &g->values[n->in[0]];
    size_t rows;
    haq_layer_weight_dims(g, n, &rows, &s->k);
    s->layer = n->layer;
    s->value = n->in[0];
    s->count = in->count;
    s->parts = 1;
    s->conv = n->op->code == HAQ_OP_CONV;
    s->rows = in->count / (s->k ? s->k : 1);
    if (!s->conv)
        return HAQ_OK;
    s->parts = (size_t)n->attr.window.group;
    if (!haq_geometry_make(&s->geometry, &n->attr.window, &in->shape,
                           &g->values[n->out[0]].shape))
        return haq_fail(d, HAQ_UNSUPPORTED, "layer %s: not 1-D or 2-D",
                        n->layer);
    s->geometry.elem = sizeof(float);
    s->geometry.tile = 1;
    s->channels = s->geometry.c / s->parts;
    s->rows = s->geometry.pixels;
    return HAQ_OK;
}

/* Room for what the layer reads in one network. */
static haq_status source_open(struct source *s, int side, struct haq_diag *d)
{
    s->tensor[side] = malloc((s->count + 1) * sizeof(float));
    if (s->conv)
        s->table[side] = calloc(haq_geometry_pointers(&s->geometry) + 1,
                                sizeof *s->table[side]);
    if (!s->tensor[side] || (s->conv && !s->table[side]))
        return haq_fail(d, HAQ_NOMEM, "inputs of layer %s", s->layer);
    if (s->conv)
        haq_geometry_bind(&s->geometry, s->table[side],
                          (const char *)s->tensor[side], NULL, 0);
    return HAQ_OK;
}

/* Row `row` of one part, in the order of the weight. */
static void take_row(float *to, const struct source *s, int side, size_t row,
                     size_t part)
{
    if (!s->conv) {
        memcpy(to, s->tensor[side] + row * s->k, s->k * sizeof *to);
        return;
    }
    size_t taps = s->geometry.taps;
    for (size_t t = 0; t < taps; t++) {
        const float *pixel = s->table[side][row * taps + t];
        for (size_t c = 0; c < s->channels; c++)
            to[c * taps + t] = pixel ? pixel[part * s->channels + c] : 0;
    }
}

/* An even choice that has no period in common with the pixels of an image. */
static bool chosen(const struct source *s, uint64_t row)
{
    return (uint64_t)(uint32_t)((row * UINT64_C(0x9e3779b97f4a7c15)) >> 32) <
           s->share;
}

/* Rows of this batch that are taken: their numbers; out is [rows]. */
static size_t choose_rows(const struct source *s, uint64_t first, size_t rows,
                          size_t *out)
{
    size_t n = 0;
    for (size_t r = 0; r < rows; r++)
        if (chosen(s, first + r))
            out[n++] = r;
    return n;
}

static void add_rows(struct haq_moments *m, const struct job *j,
                     const struct source *s, const size_t *rows, size_t n)
{
    for (size_t p = 0; p < s->parts; p++) {
        for (int i = 0; i < j->sides; i++)
            for (size_t r = 0; r < n; r++)
                take_row(j->row[i] + r * s->k, s, i, rows[r], p);
        haq_moments_add(m, p, j->row[0], j->row[j->sides - 1], n);
    }
}

/* ---- running --------------------------------------------------------------
 */

struct view {
    const struct job *job;
    int side;
    size_t left; /* layers whose input has not been seen in this run */
};

static bool look(void *arg, int value, const float *data, size_t count)
{
    struct view *v = arg;
    for (size_t i = 0; i < v->job->n; i++) {
        struct source *s = &v->job->from[i];
        if (value != s->value || count != s->count)
            continue;
        memcpy(s->tensor[v->side], data, count * sizeof *data);
        v->left -= !s->seen[v->side];
        s->seen[v->side] = true;
    }
    return v->left > 0;
}

static haq_status check(const struct source *s, int side, struct haq_diag *d)
{
    float sum = 0; /* NaN or infinite once one is */
    if (!s->seen[side])
        return haq_fail(d, HAQ_UNSUPPORTED,
                        "the inputs of layer %s cannot be observed", s->layer);
    for (size_t i = 0; i < s->count; i++)
        sum += s->tensor[side][i] * 0.0F;
    return sum == 0
               ? HAQ_OK
               : haq_fail(d, HAQ_INVALID,
                          "inputs of layer %s are NaN or infinite", s->layer);
}

static haq_status run_batch(struct job *j, const struct haq_graph *g,
                            const struct haq_dataset *data, size_t first,
                            size_t n, struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    for (int i = 0; i < j->sides; i++) {
        struct view v = {j, i, j->n};
        for (size_t k = 0; k < j->n; k++)
            j->from[k].seen[i] = false;
        haq_dataset_fetch(data, j->index + first, n,
                          g->values[g->inputs[0]].dtype,
                          haq_exec_input(j->exec[i], 0));
        haq_exec_run_watched(j->exec[i], look, &v);
        for (size_t k = 0; status == HAQ_OK && k < j->n; k++)
            status = check(&j->from[k], i, d);
    }
    return status;
}

static void add_batch(struct haq_moments *m, const struct job *j,
                      const struct source *s, size_t first, size_t n,
                      size_t batch)
{
    size_t each = s->rows / batch;
    size_t taken = choose_rows(s, (uint64_t)first * each, each * n, j->rows);
    for (size_t i = 0; i < taken; i += HAQ_MOMENT_ROWS)
        add_rows(m, j, s, j->rows + i,
                 taken - i < HAQ_MOMENT_ROWS ? taken - i : HAQ_MOMENT_ROWS);
}

static haq_status run_all(struct haq_moments *out, struct job *j,
                          const struct haq_graph *g,
                          const struct haq_dataset *data, size_t samples,
                          struct haq_diag *d)
{
    size_t batch = (size_t)g->batch;
    haq_status s = HAQ_OK;
    for (size_t at = 0; s == HAQ_OK && at < samples; at += batch) {
        size_t n = samples - at < batch ? samples - at : batch;
        s = run_batch(j, g, data, at, n, d);
        for (size_t i = 0; s == HAQ_OK && i < j->n; i++)
            add_batch(&out[i], j, &j->from[i], at, n, batch);
    }
    return s;
}

/* ---- the whole ------------------------------------------------------------
 */

/* Sources of all layers; the longest k and the most rows among them. */
static haq_status open_sources(struct job *j, const struct haq_graph *g,
                               const int *node, size_t samples, size_t *k,
                               size_t *rows, struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    for (size_t i = 0; status == HAQ_OK && i < j->n; i++) {
        struct source *s = &j->from[i];
        status = source_init(s, g, node[i], d);
        double all = (double)s->rows / (double)g->batch * (double)samples;
        s->share = all > HAQ_INPUT_ROWS
                       ? (uint64_t)(HAQ_INPUT_ROWS / all * 4294967296.0)
                       : UINT64_C(1) << 32;
        for (int side = 0; status == HAQ_OK && side < j->sides; side++)
            status = source_open(s, side, d);
        *k = s->k > *k ? s->k : *k;
        *rows = s->rows > *rows ? s->rows : *rows;
    }
    return status;
}

static haq_status job_init(struct job *j, const struct haq_plan *plan[2],
                           const int *node, size_t n, size_t samples,
                           struct haq_pool *pool, struct haq_diag *d)
{
    size_t k = 0, rows = 0;
    haq_status s;
    j->n = n;
    j->sides = plan[1] ? 2 : 1;
    j->from = calloc(n + 1, sizeof *j->from);
    j->index = malloc((samples + 1) * sizeof *j->index);
    if (!j->from || !j->index)
        return haq_fail(d, HAQ_NOMEM, "inputs of %zu layers", n);
    for (size_t i = 0; i < samples; i++)
        j->index[i] = i;
    s = open_sources(j, haq_plan_graph(plan[0]), node, samples, &k, &rows, d);
    j->rows = malloc((rows + 1) * sizeof *j->rows);
    bool ok = j->rows;
    for (int i = 0; s == HAQ_OK && i < j->sides; i++) {
        j->row[i] = malloc((HAQ_MOMENT_ROWS * k + 1) * sizeof(float));
        ok = ok && j->row[i];
        s = haq_exec_new(&j->exec[i], plan[i], pool, d);
    }
    return s != HAQ_OK || ok
               ? s
               : haq_fail(d, HAQ_NOMEM, "inputs of %zu layers", n);
}

static void job_fini(struct job *j)
{
    for (size_t i = 0; j->from && i < j->n; i++) {
        for (int side = 0; side < 2; side++) {
            free(j->from[i].table[side]);
            free(j->from[i].tensor[side]);
        }
    }
    for (int i = 0; i < 2; i++) {
        haq_exec_free(j->exec[i]);
        free(j->row[i]);
    }
    free(j->from);
    free(j->rows);
    free(j->index);
}

haq_status haq_layer_inputs(struct haq_moments *out,
                            const struct haq_plan *model,
                            const struct haq_plan *quantized, const int *node,
                            size_t n, const struct haq_dataset *data,
                            size_t samples, struct haq_pool *pool,
                            struct haq_diag *d)
{
    const struct haq_plan *plan[2] = {model, quantized};
    struct job j = {.n = 0};
    size_t ready = 0;
    samples = samples && samples < data->n ? samples : data->n;
    haq_status s = job_init(&j, plan, node, n, samples, pool, d);
    while (s == HAQ_OK && ready < n) {
        s = haq_moments_init(&out[ready], j.from[ready].parts, j.from[ready].k,
                             quantized != NULL, d);
        ready += s == HAQ_OK;
    }
    if (s == HAQ_OK)
        s = run_all(out, &j, haq_plan_graph(model), data, samples, d);
    for (size_t i = 0; i < ready; i++) {
        if (s == HAQ_OK)
            haq_moments_finish(&out[i]);
        else
            haq_moments_fini(&out[i]);
    }
    job_fini(&j);
    return s;
}
