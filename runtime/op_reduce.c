/* ReduceMean, ReduceSum, ReduceMax over any axes. */
#include <math.h>

#include "runtime/ops.h"
#include "runtime/walk.h"

struct reduce_step {
    struct haq_walk walk; /* operands: x, y (stride 0 where reduced) */
    bool max;
    float factor;   /* 1 / elements for a mean, else 1 */
    size_t blocks;  /* of the first axis when it is kept, else 1 */
    size_t runs;    /* inner runs of a block */
    size_t y_count; /* outputs of a block */
};

/* Sums that do not wait for each other. */
enum { SUMS = 8 };

static float run_sum(const float *x, size_t n, ptrdiff_t stride)
{
    double part[SUMS] = {0}, sum = 0;
    size_t whole = stride == 1 ? n / SUMS * SUMS : 0;
    for (size_t i = 0; i < whole; i += SUMS)
        for (size_t k = 0; k < SUMS; k++)
            part[k] += (double)x[i + k];
    for (size_t i = whole; i < n; i++)
        sum += (double)x[(ptrdiff_t)i * stride];
    for (size_t k = 0; k < SUMS; k++)
        sum += part[k];
    return (float)sum;
}

static float run_max(const float *x, size_t n, ptrdiff_t stride)
{
    float max = x[0];
    for (size_t i = 1; i < n; i++)
        max = fmaxf(max, x[(ptrdiff_t)i * stride]);
    return max;
}

/* An inner run of x into y: one element of y, or as many as the run has. */
static void take_run(const struct reduce_step *r, float *y, const float *x)
{
    int last = r->walk.rank - 1;
    size_t n = r->walk.dims[last];
    ptrdiff_t sx = r->walk.stride[0][last], sy = r->walk.stride[1][last];

    if (!sy && r->max)
        *y = fmaxf(*y, run_max(x, n, sx));
    else if (!sy)
        *y += run_sum(x, n, sx);
    else if (r->max)
        for (size_t i = 0; i < n; i++)
            y[(ptrdiff_t)i * sy] =
                fmaxf(y[(ptrdiff_t)i * sy], x[(ptrdiff_t)i * sx]);
    else
        for (size_t i = 0; i < n; i++)
            y[(ptrdiff_t)i * sy] += x[(ptrdiff_t)i * sx];
}

static void reduce_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct reduce_step *r = part->s->data;
    const float *x = haq_exec_slot(part->e, part->s->in[0]);
    float *y = haq_exec_slot(part->e, part->s->out[0]);
    (void)worker;

    for (size_t i = begin * r->y_count; i < end * r->y_count; i++)
        y[i] = r->max ? -INFINITY : 0;
    for (size_t i = begin * r->runs; i < end * r->runs; i++) {
        ptrdiff_t at[HAQ_WALK_OPERANDS];
        haq_walk_at(&r->walk, i, at);
        take_run(r, y + at[1], x + at[0]);
    }
    for (size_t i = begin * r->y_count; r->factor != 1 && i < end * r->y_count;
         i++)
        y[i] *= r->factor;
}

static void run_reduce(const struct haq_exec *e, const struct haq_step *s)
{
    const struct reduce_step *r = s->data;
    haq_exec_split(e, s, r->blocks, 1, reduce_part);
}

/* Strides of the output along the axes of the input. */
static void output_strides(ptrdiff_t stride[HAQ_MAX_RANK],
                           const struct haq_shape *in, const struct haq_node *n)
{
    bool reduced[HAQ_MAX_RANK] = {false};
    ptrdiff_t step = 1;
    for (int i = 0; i < n->attr.n_axes; i++)
        reduced[n->attr.axes[i]] = true;
    for (int i = in->rank - 1; i >= 0; i--) {
        stride[i] = reduced[i] ? 0 : step;
        step *= reduced[i] ? 1 : (ptrdiff_t)in->dims[i];
    }
}

haq_status haq_prepare_reduce(struct haq_plan *p, int node, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_value *x = haq_plan_value(p, n->in[0]);
    size_t count = haq_plan_value(p, n->out[0])->count;
    struct haq_step step = haq_plan_node_step(p, node);
    struct reduce_step *r = haq_arena_alloc(&p->arena, sizeof *r);
    ptrdiff_t stride[2][HAQ_MAX_RANK];
    int in, out;
    haq_status s = r ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "step %s", n->name);

    if (!s && (x->dtype != HAQ_F32 || !x->count))
        s = haq_plan_unsupported(p, node, "works on float32 only", d);
    if (!s)
        s = haq_plan_read_plain(p, n->in[0], &in, d);
    if (!s)
        s = haq_plan_write(p, n->out[0], &out, d);
    if (s)
        return s;
    haq_walk_strides(stride[0], &x->shape);
    output_strides(stride[1], &x->shape, n);
    haq_walk_make(&r->walk, &x->shape, 2, stride);
    r->max = n->op->code == HAQ_OP_REDUCE_MAX;
    r->factor =
        n->op->code == HAQ_OP_REDUCE_MEAN ? (float)count / (float)x->count : 1;
    bool kept = r->walk.rank > 1 && r->walk.stride[1][0];
    r->blocks = kept ? r->walk.dims[0] : 1;
    r->runs = r->walk.outer / r->blocks;
    r->y_count = count / r->blocks;
    step.run = run_reduce;
    step.kernel = "generic";
    step.data = r;
    step.serial = x->count <= 4096;
    return haq_plan_add(p, &step, &in, 1, &out, 1, d);
}
