/* Operators that move elements without looking at them: they work on bytes, so
 * codes pass through as well as floats and indices.
 */
#include <math.h>
#include <string.h>

#include "runtime/copy.h"
#include "runtime/ops.h"
#include "runtime/walk.h"

/* One copy from a strided source to a strided place in the output. */
struct copy_step {
    struct haq_walk walk; /* operands: x, y */
    ptrdiff_t x_at, y_at; /* first elements */
    size_t size;          /* bytes of an element */
    bool same_bytes;      /* all bytes of `value` are the same */
    bool fill;            /* Pad: set the whole output to `value` first */
    unsigned char value[8];
    size_t y_count;
};

static haq_status no_memory(const struct haq_plan *p, int node,
                            struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "step %s", haq_plan_node(p, node)->name);
}

/* Bytes of an element of a slot. */
static size_t slot_size(const struct haq_plan *p, int slot)
{
    const struct haq_slot *s = &p->slot[slot];
    return s->form.kind == HAQ_FORM_CODES
               ? 1
               : haq_dtype_info(haq_plan_value(p, s->value)->dtype)->bytes;
}

/* ---- strided copies ----------------------------------------------------- */

/* One axis: the units are its elements. */
static struct haq_copy line(const struct copy_step *c, size_t count)
{
    const struct haq_walk *w = &c->walk;
    return (struct haq_copy){.rows = 1,
                             .cols = count,
                             .y_col = w->stride[1][0],
                             .x_col = w->stride[0][0],
                             .size = c->size};
}

/* Rows of the last two axes. */
static struct haq_copy rows_of(const struct copy_step *c, size_t rows)
{
    const struct haq_walk *w = &c->walk;
    int last = w->rank - 1;
    return (struct haq_copy){.rows = rows,
                             .cols = w->dims[last],
                             .y_row = w->stride[1][last - 1],
                             .y_col = w->stride[1][last],
                             .x_row = w->stride[0][last - 1],
                             .x_col = w->stride[0][last],
                             .size = c->size};
}

static void copy_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct copy_step *c = part->s->data;
    const struct haq_walk *w = &c->walk;
    ptrdiff_t z = (ptrdiff_t)c->size;
    const char *x = haq_exec_slot(part->e, part->s->in[0]);
    char *y = haq_exec_slot(part->e, part->s->out[0]);
    (void)worker;

    x += c->x_at * z, y += c->y_at * z;
    if (w->rank == 1) {
        struct haq_copy all = line(c, end - begin);
        haq_copy_run(y + (ptrdiff_t)begin * all.y_col * z,
                     x + (ptrdiff_t)begin * all.x_col * z, &all);
        return;
    }
    size_t rows = w->dims[w->rank - 2];
    while (begin < end) {
        ptrdiff_t at[HAQ_WALK_OPERANDS];
        struct haq_copy some =
            rows_of(c, haq_min_size(end - begin, rows - begin % rows));
        haq_walk_at(w, begin, at);
        haq_copy_run(y + at[1] * z, x + at[0] * z, &some);
        begin += some.rows;
    }
}

static void fill_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct copy_step *c = part->s->data;
    char *y = haq_exec_slot(part->e, part->s->out[0]);
    (void)worker;
    if (c->same_bytes)
        memset(y + begin * c->size, c->value[0], (end - begin) * c->size);
    else
        for (size_t i = begin; i < end; i++)
            memcpy(y + i * c->size, c->value, c->size);
}

static void run_copy(const struct haq_exec *e, const struct haq_step *s)
{
    const struct copy_step *c = s->data;
    if (c->fill)
        haq_exec_split(e, s, c->y_count, 16384, fill_part);
    haq_exec_split(e, s, haq_walk_units(&c->walk), haq_walk_grain(&c->walk),
                   copy_part);
}

/* Add the step that copies input 0 to output o with these strides over
 * `shape`; *c is ready but for its walk and size. */
static haq_status add_copy(struct haq_plan *p, int node, int o,
                           const struct copy_step *c,
                           const struct haq_shape *shape,
                           ptrdiff_t stride[2][HAQ_MAX_RANK],
                           struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    struct haq_step step = haq_plan_node_step(p, node);
    struct copy_step *own = haq_arena_copy(&p->arena, c, sizeof *c);
    int in, out;
    haq_status s =
        own ? haq_plan_read(p, n->in[0], &p->stored[n->out[o]], &in, d)
            : no_memory(p, node, d);
    if (!s)
        s = haq_plan_write(p, n->out[o], &out, d);
    if (s)
        return s;
    own->y_count = haq_plan_value(p, n->out[o])->count;
    if (!own->y_count)
        return haq_plan_unsupported(p, node, "makes an empty tensor", d);
    haq_walk_make(&own->walk, shape, 2, stride);
    haq_walk_pair(&own->walk);
    own->size = slot_size(p, out);
    own->same_bytes =
        own->size == 1 || !memcmp(own->value, own->value + 1, own->size - 1);
    step.run = run_copy;
    step.kernel = "copy";
    step.data = own;
    step.serial = own->y_count <= 4096;
    return haq_plan_add(p, &step, &in, 1, &out, 1, d);
}

/* Strides of Transpose, Slice and Expand along the output's axes. */
static void source_strides(ptrdiff_t stride[HAQ_MAX_RANK], ptrdiff_t *at,
                           const struct haq_node *n, const struct haq_shape *in,
                           const struct haq_shape *out)
{
    ptrdiff_t own[HAQ_MAX_RANK];
    const int64_t(*ints)[HAQ_MAX_RANK] = n->attr.ints;

    haq_walk_strides(own, in);
    *at = 0;
    if (n->op->code == HAQ_OP_EXPAND) {
        haq_walk_broadcast(stride, in, out);
        return;
    }
    for (int i = 0; i < out->rank; i++) {
        bool slice = n->op->code == HAQ_OP_SLICE;
        stride[i] = slice ? own[i] * (ptrdiff_t)ints[2][i] : own[ints[0][i]];
        *at += slice ? own[i] * (ptrdiff_t)ints[0][i] : 0;
    }
}

haq_status haq_prepare_copy(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_shape *in = &haq_plan_value(p, n->in[0])->shape;
    const struct haq_shape *out = &haq_plan_value(p, n->out[0])->shape;
    ptrdiff_t stride[2][HAQ_MAX_RANK];
    struct copy_step c = {0};

    source_strides(stride[0], &c.x_at, n, in, out);
    haq_walk_strides(stride[1], out);
    return add_copy(p, node, 0, &c, out, stride, d);
}

haq_status haq_prepare_split(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_shape in = haq_plan_value(p, n->in[0])->shape;
    ptrdiff_t stride[2][HAQ_MAX_RANK];
    struct copy_step c = {0};
    haq_status s = HAQ_OK;

    haq_walk_strides(stride[0], &in);
    for (int i = 0; !s && i < n->n_out; i++) {
        const struct haq_shape out = haq_plan_value(p, n->out[i])->shape;
        haq_walk_strides(stride[1], &out);
        s = add_copy(p, node, i, &c, &out, stride, d);
        c.x_at += stride[0][n->attr.axis] * (ptrdiff_t)out.dims[n->attr.axis];
    }
    return s;
}

/* The padding value as it is stored. */
static void fill_value(struct copy_step *c, const struct haq_plan *p,
                       const struct haq_node *n)
{
    const struct haq_form *f = &p->stored[n->out[0]];
    const struct haq_act_params *a = &f->params;

    c->fill = true;
    if (f->kind == HAQ_FORM_CODES) {
        float q = rintf(n->attr.alpha / a->scale) + (float)a->zero;
        q = fminf(fmaxf(q, (float)a->qlo), (float)a->qhi);
        c->value[0] = (unsigned char)q;
    } else if (haq_plan_value(p, n->out[0])->dtype == HAQ_F32) {
        memcpy(c->value, &n->attr.alpha, sizeof n->attr.alpha);
    }
}

haq_status haq_prepare_pad(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_value *in = haq_plan_value(p, n->in[0]);
    const struct haq_value *out = haq_plan_value(p, n->out[0]);
    struct haq_shape shape = in->shape; /* what is left after cropping */
    ptrdiff_t stride[2][HAQ_MAX_RANK];
    struct copy_step c = {0};

    if (n->attr.mode)
        return haq_plan_unsupported(p, node, "pads by edge or reflection", d);
    if (in->dtype != HAQ_F32 && n->attr.alpha != 0)
        return haq_plan_unsupported(p, node, "pads integers with a value", d);
    haq_walk_strides(stride[0], &in->shape);
    haq_walk_strides(stride[1], &out->shape);
    for (int i = 0; i < shape.rank; i++) {
        int64_t before = n->attr.ints[0][i], behind = n->attr.ints[1][i];
        c.x_at += stride[0][i] * (ptrdiff_t)(before < 0 ? -before : 0);
        c.y_at += stride[1][i] * (ptrdiff_t)(before > 0 ? before : 0);
        shape.dims[i] += (before < 0 ? before : 0) + (behind < 0 ? behind : 0);
        if (shape.dims[i] <= 0)
            return haq_plan_unsupported(p, node, "crops everything", d);
    }
    fill_value(&c, p, n);
    return add_copy(p, node, 0, &c, &shape, stride, d);
}

haq_status haq_prepare_view(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    int slot;
    haq_status s = haq_plan_read(p, n->in[0], &p->stored[n->out[0]], &slot, d);
    return s ? s : haq_plan_view(p, n->out[0], slot, d);
}

/* ---- Concat ------------------------------------------------------------- */

struct concat_input {
    enum { CONCAT_COPY, CONCAT_REQUANTIZE, CONCAT_DEQUANTIZE } how;
    struct haq_affine from;
    size_t chunk; /* elements of one outer index */
    size_t at;    /* where it lies in the output's chunk */
};

struct concat_step {
    const struct haq_elementwise *ew;
    struct concat_input *in; /* [n_in] */
    size_t outer, chunk;     /* of the output */
    size_t size;             /* bytes of an output element */
    struct haq_affine to;
    int32_t qlo, qhi;
};

/* Chunks begin..end of an input that changes its form. */
static void concat_convert(const struct concat_step *c,
                           const struct concat_input *in, char *y,
                           const char *x, size_t begin, size_t end)
{
    for (size_t o = begin; o < end; o++) {
        char *to = y + (o * c->chunk + in->at) * c->size;
        const void *from = x + o * in->chunk; /* codes */
        if (in->how == CONCAT_REQUANTIZE)
            c->ew->requantize((void *)to, from, in->chunk, in->from, c->to,
                              c->qlo, c->qhi);
        else
            c->ew->dequantize((void *)to, from, in->chunk, in->from);
    }
}

static void concat_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct concat_step *c = part->s->data;
    char *y = haq_exec_slot(part->e, part->s->out[0]);
    (void)worker;

    for (int i = 0; i < part->s->n_in; i++) {
        const struct concat_input *in = &c->in[i];
        const char *x = haq_exec_slot(part->e, part->s->in[i]);
        struct haq_copy chunks = {.rows = end - begin,
                                  .cols = in->chunk,
                                  .y_row = (ptrdiff_t)c->chunk,
                                  .y_col = 1,
                                  .x_row = (ptrdiff_t)in->chunk,
                                  .x_col = 1,
                                  .size = c->size};
        if (in->how == CONCAT_COPY)
            haq_copy_run(y + (begin * c->chunk + in->at) * c->size,
                         x + begin * in->chunk * c->size, &chunks);
        else
            concat_convert(c, in, y, x, begin, end);
    }
}

static void run_concat(const struct haq_exec *e, const struct haq_step *s)
{
    const struct concat_step *c = s->data;
    size_t grain = c->chunk >= 4096 ? 1 : 4096 / (c->chunk + 1) + 1;
    haq_exec_split(e, s, c->outer, grain, concat_part);
}

static size_t product(const struct haq_shape *s, int64_t begin, int64_t end)
{
    size_t n = 1;
    for (int64_t i = begin; i < end; i++)
        n *= (size_t)s->dims[i];
    return n;
}

/* In what form input i comes, and what is to be done with it. */
static haq_status concat_input(struct haq_plan *p, int node, int i,
                               struct concat_step *c, int *slot,
                               struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_form *out = &p->stored[n->out[0]];
    const struct haq_shape *shape = &haq_plan_value(p, n->in[i])->shape;
    struct haq_form form = haq_plan_input_form(p, node, i, 0, 0);
    struct concat_input *in = &c->in[i];

    if (form.kind == HAQ_FORM_PLAIN)
        form = *out;
    else if (form.kind == HAQ_FORM_CODES && out->kind != HAQ_FORM_CODES)
        in->how = CONCAT_DEQUANTIZE;
    else if (form.kind == HAQ_FORM_CODES && !haq_form_equal(&form, out))
        in->how = CONCAT_REQUANTIZE;
    in->from = (struct haq_affine){form.params.scale, form.params.zero};
    in->chunk = product(shape, n->attr.axis, shape->rank);
    in->at = i ? c->in[i - 1].at + c->in[i - 1].chunk : 0;
    return haq_plan_read(p, n->in[i], &form, slot, d);
}

haq_status haq_prepare_concat(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_value *y = haq_plan_value(p, n->out[0]);
    struct haq_step step = haq_plan_node_step(p, node);
    struct concat_step *c = haq_arena_alloc(&p->arena, sizeof *c);
    size_t count = (size_t)n->n_in;
    int *in = haq_arena_array(&p->arena, count, sizeof *in), out;
    haq_status s = HAQ_OK;

    if (c)
        c->in = haq_arena_array(&p->arena, count, sizeof *c->in);
    if (!c || !in || !c->in)
        return no_memory(p, node, d);
    for (int i = 0; !s && i < n->n_in; i++)
        s = concat_input(p, node, i, c, &in[i], d);
    if (!s)
        s = haq_plan_write(p, n->out[0], &out, d);
    if (s)
        return s;
    const struct haq_act_params *a = &p->slot[out].form.params;
    c->ew = p->ew;
    c->outer = product(&y->shape, 0, n->attr.axis);
    c->chunk = product(&y->shape, n->attr.axis, y->shape.rank);
    c->size = slot_size(p, out);
    c->to = (struct haq_affine){a->scale, a->zero};
    c->qlo = a->qlo, c->qhi = a->qhi;
    step.run = run_concat;
    step.kernel = "copy";
    step.data = c;
    step.serial = y->count <= 4096;
    return haq_plan_add(p, &step, in, n->n_in, &out, 1, d);
}
