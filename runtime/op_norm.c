/* Softmax, LogSoftmax, LayerNormalization, BatchNormalization: rows of floats.
 */
#include <math.h>

#include "runtime/ops.h"

/* x is [outer][n][inner]; the operation runs over n. */
struct rows_step {
    haq_softmax_fn *softmax;
    const float *scale, *bias; /* [n] (layer norm) or NULL */
    size_t outer, n, inner;
    float epsilon;
};

static haq_status add_step(struct haq_plan *p, int node, struct rows_step *r,
                           haq_step_run_fn *run, const char *kernel,
                           size_t scratch, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    struct haq_step step = haq_plan_node_step(p, node);
    int in, out;
    haq_status s = haq_plan_read_plain(p, n->in[0], &in, d);

    if (!s)
        s = haq_plan_write(p, n->out[0], &out, d);
    if (s)
        return s;
    step.run = run;
    step.kernel = kernel;
    step.data = r;
    step.scratch = scratch;
    step.serial = r->outer * r->n * r->inner <= 1024;
    step.over = 1; /* rows are read before they are written */
    return haq_plan_add(p, &step, &in, 1, &out, 1, d);
}

static struct rows_step *new_rows(struct haq_plan *p, int node,
                                  struct haq_diag *d)
{
    struct rows_step *r = haq_arena_alloc(&p->arena, sizeof *r);
    if (!r)
        haq_fail(d, HAQ_NOMEM, "step %s", haq_plan_node(p, node)->name);
    return r;
}

static size_t product(const struct haq_shape *s, int64_t begin, int64_t end)
{
    size_t n = 1;
    for (int64_t i = begin; i < end; i++)
        n *= (size_t)s->dims[i];
    return n;
}

/* ---- softmax ------------------------------------------------------------ */

/* A column of a tensor whose softmax axis is not the last. */
static void softmax_column(const struct rows_step *r, const float *x, float *y,
                           float *room)
{
    float *in = room, *out = room + r->n;
    for (size_t i = 0; i < r->n; i++)
        in[i] = x[i * r->inner];
    r->softmax(out, in, 1, r->n);
    for (size_t i = 0; i < r->n; i++)
        y[i * r->inner] = out[i];
}

static void softmax_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct rows_step *r = part->s->data;
    const float *x = haq_exec_slot(part->e, part->s->in[0]);
    float *y = haq_exec_slot(part->e, part->s->out[0]);

    if (r->inner == 1) {
        r->softmax(y + begin * r->n, x + begin * r->n, end - begin, r->n);
        return;
    }
    for (size_t i = begin; i < end; i++) {
        size_t at = i / r->inner * r->n * r->inner + i % r->inner;
        softmax_column(r, x + at, y + at, haq_exec_scratch(part->e, worker));
    }
}

static void run_softmax(const struct haq_exec *e, const struct haq_step *s)
{
    const struct rows_step *r = s->data;
    haq_exec_split(e, s, r->outer * r->inner, 1, softmax_part);
}

haq_status haq_prepare_softmax(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_shape *shape = &haq_plan_value(p, n->in[0])->shape;
    struct rows_step *r = new_rows(p, node, d);
    int64_t axis = n->attr.axis;

    if (!r)
        return HAQ_NOMEM;
    if (shape->rank < 1 || axis < 0 || axis >= shape->rank)
        return haq_plan_unsupported(p, node, "has no such axis", d);
    r->softmax =
        n->op->code == HAQ_OP_SOFTMAX ? p->ew->softmax : p->ew->log_softmax;
    r->outer = product(shape, 0, axis);
    r->n = (size_t)shape->dims[axis];
    r->inner = product(shape, axis + 1, shape->rank);
    return add_step(p, node, r, run_softmax, p->ew->name,
                    r->inner == 1 ? 0 : 2 * r->n * sizeof(float), d);
}

/* ---- layer normalization ------------------------------------------------ */

static void normalize_row(const struct rows_step *r, float *y, const float *x)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < r->n; i++)
        sum += (double)x[i];
    float mean = (float)(sum / (double)r->n);
    for (size_t i = 0; i < r->n; i++)
        squares += (double)(x[i] - mean) * (double)(x[i] - mean);
    float scale = 1 / sqrtf((float)(squares / (double)r->n) + r->epsilon);
    for (size_t i = 0; i < r->n; i++)
        y[i] = (x[i] - mean) * scale * r->scale[i] + (r->bias ? r->bias[i] : 0);
}

static void layer_norm_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct rows_step *r = part->s->data;
    const float *x = haq_exec_slot(part->e, part->s->in[0]);
    float *y = haq_exec_slot(part->e, part->s->out[0]);
    (void)worker;
    for (size_t i = begin; i < end; i++)
        normalize_row(r, y + i * r->n, x + i * r->n);
}

static void run_layer_norm(const struct haq_exec *e, const struct haq_step *s)
{
    const struct rows_step *r = s->data;
    haq_exec_split(e, s, r->outer, 1, layer_norm_part);
}

/* In the order of the operations that it is usually spelled as. */
static void rms_row(const struct rows_step *r, float *y, const float *x)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++)
        sum += (double)(x[i] * x[i]);
    float mean = (float)sum * (1 / (float)r->n);
    float scale = 1 / sqrtf(mean + r->epsilon);
    for (size_t i = 0; i < r->n; i++)
        y[i] = x[i] * scale * r->scale[i];
}

static void rms_norm_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct rows_step *r = part->s->data;
    const float *x = haq_exec_slot(part->e, part->s->in[0]);
    float *y = haq_exec_slot(part->e, part->s->out[0]);
    (void)worker;
    for (size_t i = begin; i < end; i++)
        rms_row(r, y + i * r->n, x + i * r->n);
}

static void run_rms_norm(const struct haq_exec *e, const struct haq_step *s)
{
    const struct rows_step *r = s->data;
    haq_exec_split(e, s, r->outer, 1, rms_norm_part);
}

/* The constant input i of the node if it has `count` floats. */
static const float *constant(const struct haq_plan *p, int node, int i,
                             size_t count)
{
    const struct haq_node *n = haq_plan_node(p, node);
    if (i >= n->n_in || n->in[i] == HAQ_NO_VALUE)
        return NULL;
    const struct haq_value *v = haq_plan_value(p, n->in[i]);
    return v->dtype == HAQ_F32 && v->count == count ? v->data : NULL;
}

/* Layer and RMS normalization: rows over the axes from `axis` on. */
static haq_status prepare_rows(struct haq_plan *p, int node,
                               haq_step_run_fn *run, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_shape *shape = &haq_plan_value(p, n->in[0])->shape;
    struct rows_step *r = new_rows(p, node, d);

    if (!r)
        return HAQ_NOMEM;
    r->outer = product(shape, 0, n->attr.axis);
    r->n = product(shape, n->attr.axis, shape->rank);
    r->inner = 1;
    r->epsilon = n->attr.epsilon;
    r->scale = constant(p, node, 1, r->n);
    r->bias = constant(p, node, 2, r->n);
    if (!r->scale || (n->n_in > 2 && n->in[2] != HAQ_NO_VALUE && !r->bias))
        return haq_plan_unsupported(p, node, "wants constant scale and bias",
                                    d);
    return add_step(p, node, r, run, "generic", 0, d);
}

haq_status haq_prepare_layer_norm(struct haq_plan *p, int node,
                                  struct haq_diag *d)
{
    return prepare_rows(p, node, run_layer_norm, d);
}

haq_status haq_prepare_rms_norm(struct haq_plan *p, int node,
                                struct haq_diag *d)
{
    return prepare_rows(p, node, run_rms_norm, d);
}

/* ---- batch normalization that no layer took in -------------------------- */

static void batch_norm_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct rows_step *r = part->s->data;
    const float *x = haq_exec_slot(part->e, part->s->in[0]);
    float *y = haq_exec_slot(part->e, part->s->out[0]);
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        size_t c = r->inner == 1 ? 0 : i % r->n;
        size_t at = i * r->inner;
        if (r->inner == 1) /* channels last: a row is all channels */
            for (size_t k = 0; k < r->n; k++)
                y[i * r->n + k] = x[i * r->n + k] * r->scale[k] + r->bias[k];
        else
            for (size_t k = 0; k < r->inner; k++)
                y[at + k] = x[at + k] * r->scale[c] + r->bias[c];
    }
}

static void run_batch_norm(const struct haq_exec *e, const struct haq_step *s)
{
    const struct rows_step *r = s->data;
    size_t units = r->inner == 1 ? r->outer : r->outer * r->n;
    haq_exec_split(e, s, units, 1, batch_norm_part);
}

haq_status haq_prepare_batch_norm(struct haq_plan *p, int node,
                                  struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_shape *shape = &haq_plan_value(p, n->in[0])->shape;
    struct rows_step *r = new_rows(p, node, d);
    int axis = p->g->nhwc ? shape->rank - 1 : 1;
    const float *in[5];

    if (!r)
        return HAQ_NOMEM;
    if (shape->rank < 2)
        return haq_plan_unsupported(p, node, "needs a channel axis", d);
    r->outer = product(shape, 0, axis);
    r->n = (size_t)shape->dims[axis];
    r->inner = product(shape, axis + 1, shape->rank);
    for (int i = 1; i < 5; i++)
        if (!(in[i] = constant(p, node, i, r->n)))
            return haq_plan_unsupported(p, node, "wants constant parameters",
                                        d);
    float *scale = haq_arena_array(&p->arena, r->n, sizeof *scale);
    float *bias = haq_arena_array(&p->arena, r->n, sizeof *bias);
    if (!scale || !bias)
        return haq_fail(d, HAQ_NOMEM, "step %s", n->name);
    for (size_t c = 0; c < r->n; c++) {
        double f =
            (double)in[1][c] / sqrt((double)in[4][c] + (double)n->attr.epsilon);
        scale[c] = (float)f;
        bias[c] = (float)((double)in[2][c] - (double)in[3][c] * f);
    }
    r->scale = scale;
    r->bias = bias;
    return add_step(p, node, r, run_batch_norm, "generic", 0, d);
}
