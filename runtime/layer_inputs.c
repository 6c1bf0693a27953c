#include "runtime/layer_inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/op.h"
#include "quant/layer_weight.h"
#include "runtime/window.h"

/* How rows are cut from the tensor that the layer reads. */
struct source {
    int value;    /* of the graph */
    size_t count; /* its elements */
    size_t rows;  /* of one batch */
    size_t parts, k;
    size_t channels; /* of one part, of a convolution */
    bool conv;
    struct haq_geometry geometry; /* of a convolution */
    const void **table;           /* [rows][taps] */
};

/* One of the two networks, and the tensor as it was in the latest run. */
struct side {
    struct haq_exec *exec;
    float *tensor; /* [source.count] */
    bool seen;
};

struct job {
    struct source from;
    struct side side[2]; /* float model, quantized */
    float *row[2];       /* [HAQ_MOMENT_ROWS][k] */
    size_t *index;       /* of samples */
    uint64_t share;      /* of all rows that are taken, in 2^-32 */
};

static haq_status source_init(struct source *s, const struct haq_graph *g,
                              int node, struct haq_diag *d)
{
    const struct haq_node *n = &g->nodes[node];
    const struct haq_value *in = &g->values[n->in[0]];
    size_t rows;
    haq_layer_weight_dims(g, n, &rows, &s->k);
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
    s->table =
        calloc(haq_geometry_pointers(&s->geometry) + 1, sizeof *s->table);
    return s->table ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "layer %s", n->layer);
}

/* Row `row` of one part, in the order of the weight. */
static void take_row(float *to, const struct source *s, const float *tensor,
                     size_t row, size_t part)
{
    if (!s->conv) {
        memcpy(to, tensor + row * s->k, s->k * sizeof *to);
        return;
    }
    size_t taps = s->geometry.taps;
    for (size_t t = 0; t < taps; t++) {
        const float *pixel = s->table[row * taps + t];
        for (size_t c = 0; c < s->channels; c++)
            to[c * taps + t] = pixel ? pixel[part * s->channels + c] : 0;
    }
}

/* An even choice that has no period in common with the pixels of an image. */
static bool chosen(const struct job *j, uint64_t row)
{
    return (uint64_t)(uint32_t)((row * UINT64_C(0x9e3779b97f4a7c15)) >> 32) <
           j->share;
}

static void bind_table(const struct source *s, const float *tensor)
{
    if (s->conv)
        haq_geometry_bind(&s->geometry, s->table, (const char *)tensor, NULL,
                          0);
}

/* Rows of this batch that are taken: their numbers; out is [rows]. */
static size_t choose_rows(const struct job *j, uint64_t first, size_t rows,
                          size_t *out)
{
    size_t n = 0;
    for (size_t r = 0; r < rows; r++)
        if (chosen(j, first + r))
            out[n++] = r;
    return n;
}

static void add_rows(struct haq_moments *m, struct job *j, const size_t *rows,
                     size_t n)
{
    const struct source *s = &j->from;
    for (size_t p = 0; p < s->parts; p++) {
        for (int i = 0; i < 2; i++) {
            bind_table(s, j->side[i].tensor);
            for (size_t r = 0; r < n; r++)
                take_row(j->row[i] + r * s->k, s, j->side[i].tensor, rows[r],
                         p);
        }
        haq_moments_add(m, p, j->row[0], j->row[1], n);
    }
}

/* ---- running --------------------------------------------------------------
 */

struct view {
    const struct source *from;
    struct side *side;
};

static void look(void *arg, int value, const float *data, size_t count)
{
    struct view *v = arg;
    if (value != v->from->value || count != v->from->count)
        return;
    memcpy(v->side->tensor, data, count * sizeof *data);
    v->side->seen = true;
}

static haq_status run_batch(struct job *j, const struct haq_graph *g,
                            const struct haq_dataset *data, size_t first,
                            size_t n, const char *layer, struct haq_diag *d)
{
    for (int i = 0; i < 2; i++) {
        struct view v = {&j->from, &j->side[i]};
        haq_dataset_fetch(data, j->index + first, n,
                          g->values[g->inputs[0]].dtype,
                          haq_exec_input(j->side[i].exec, 0));
        haq_exec_run_watched(j->side[i].exec, look, &v);
        if (!j->side[i].seen)
            return haq_fail(d, HAQ_UNSUPPORTED,
                            "the inputs of layer %s cannot be observed", layer);
        float sum = 0; /* NaN or infinite once one is */
        for (size_t k = 0; k < j->from.count; k++)
            sum += j->side[i].tensor[k] * 0.0F;
        if (sum != 0)
            return haq_fail(d, HAQ_INVALID,
                            "inputs of layer %s are NaN or infinite", layer);
    }
    return HAQ_OK;
}

static haq_status run_all(struct haq_moments *m, struct job *j,
                          const struct haq_graph *g,
                          const struct haq_dataset *data, size_t samples,
                          const char *layer, struct haq_diag *d)
{
    size_t batch = (size_t)g->batch, per_batch = j->from.rows;
    size_t *rows = malloc((per_batch + 1) * sizeof *rows);
    haq_status s =
        rows ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "inputs of layer %s", layer);
    for (size_t at = 0; s == HAQ_OK && at < samples; at += batch) {
        size_t n = samples - at < batch ? samples - at : batch;
        s = run_batch(j, g, data, at, n, layer, d);
        if (s != HAQ_OK)
            break;
        size_t taken = choose_rows(j, (uint64_t)at * per_batch / batch,
                                   per_batch / batch * n, rows);
        for (size_t i = 0; i < taken; i += HAQ_MOMENT_ROWS)
            add_rows(m, j, rows + i,
                     taken - i < HAQ_MOMENT_ROWS ? taken - i : HAQ_MOMENT_ROWS);
    }
    free(rows);
    return s;
}

static haq_status job_init(struct job *j, const struct haq_plan *plan[2],
                           int node, size_t samples, struct haq_pool *pool,
                           struct haq_diag *d)
{
    const struct haq_graph *g = haq_plan_graph(plan[0]);
    haq_status s = source_init(&j->from, g, node, d);
    j->index = malloc((samples + 1) * sizeof *j->index);
    for (size_t i = 0; j->index && i < samples; i++)
        j->index[i] = i;
    bool ok = j->index;
    for (int i = 0; s == HAQ_OK && i < 2; i++) {
        j->row[i] = malloc((HAQ_MOMENT_ROWS * j->from.k + 1) * sizeof(float));
        j->side[i].tensor = malloc((j->from.count + 1) * sizeof(float));
        ok = ok && j->row[i] && j->side[i].tensor;
        s = haq_exec_new(&j->side[i].exec, plan[i], pool, d);
    }
    if (s == HAQ_OK && !ok)
        s = haq_fail(d, HAQ_NOMEM, "inputs of layer %s", g->nodes[node].layer);
    double all = (double)j->from.rows / (double)g->batch * (double)samples;
    j->share = all > HAQ_INPUT_ROWS
                   ? (uint64_t)(HAQ_INPUT_ROWS / all * 4294967296.0)
                   : UINT64_C(1) << 32;
    return s;
}

static void job_fini(struct job *j)
{
    for (int i = 0; i < 2; i++) {
        haq_exec_free(j->side[i].exec);
        free(j->side[i].tensor);
        free(j->row[i]);
    }
    free(j->index);
    free(j->from.table);
}

haq_status haq_layer_inputs(struct haq_moments *out,
                            const struct haq_plan *model,
                            const struct haq_plan *quantized, int node,
                            const struct haq_dataset *data, size_t samples,
                            struct haq_pool *pool, struct haq_diag *d)
{
    const struct haq_graph *g = haq_plan_graph(model);
    const struct haq_plan *plan[2] = {model, quantized};
    struct haq_moments m = {0};
    struct job j = {.share = 0};
    size_t n = samples && samples < data->n ? samples : data->n;
    haq_status s = job_init(&j, plan, node, n, pool, d);
    if (s == HAQ_OK)
        s = haq_moments_init(&m, j.from.parts, j.from.k, d);
    if (s == HAQ_OK)
        s = run_all(&m, &j, g, data, n, g->nodes[node].layer, d);
    if (s == HAQ_OK) {
        haq_moments_finish(&m);
        *out = m;
    } else {
        haq_moments_fini(&m);
    }
    job_fini(&j);
    return s;
}
