/* One-pass operations; binary ones broadcast as NumPy does, after collapsing
 * axes that run together in both operands. */
#include <string.h>

#include "runtime/ops.h"
#include "runtime/step_codes.h"
#include "runtime/walk.h"

enum { GRAIN = 4096, SMALL_WORK = 16384 };

/* ---- unary -------------------------------------------------------------- */

struct unary_step {
    haq_unary_fn *fn;
    float alpha, beta;
    size_t count;
};

static void unary_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct unary_step *u = p->s->data;
    const float *x = haq_exec_slot(p->e, p->s->in[0]);
    float *y = haq_exec_slot(p->e, p->s->out[0]);
    (void)worker;
    u->fn(y + begin, x + begin, end - begin, u->alpha, u->beta);
}

static void run_unary(const struct haq_exec *e, const struct haq_step *s)
{
    haq_exec_split(e, s, ((const struct unary_step *)s->data)->count, GRAIN,
                   unary_part);
}

haq_status haq_prepare_unary(struct haq_plan *p, int node, struct haq_diag *d)
{
    static const unsigned char kernel[HAQ_OP_COUNT] = {
        [HAQ_OP_RELU] = HAQ_UN_CLIP,
        [HAQ_OP_CLIP] = HAQ_UN_CLIP,
        [HAQ_OP_LEAKY_RELU] = HAQ_UN_LEAKY_RELU,
        [HAQ_OP_SIGMOID] = HAQ_UN_SIGMOID,
        [HAQ_OP_SILU] = HAQ_UN_SILU,
        [HAQ_OP_TANH] = HAQ_UN_TANH,
        [HAQ_OP_HARD_SIGMOID] = HAQ_UN_HARD_SIGMOID,
        [HAQ_OP_HARD_SWISH] = HAQ_UN_HARD_SWISH,
        [HAQ_OP_ERF] = HAQ_UN_ERF,
        [HAQ_OP_GELU] = HAQ_UN_GELU,
        [HAQ_OP_EXP] = HAQ_UN_EXP,
        [HAQ_OP_LOG] = HAQ_UN_LOG,
        [HAQ_OP_NEG] = HAQ_UN_NEG,
        [HAQ_OP_ABS] = HAQ_UN_ABS,
        [HAQ_OP_SQRT] = HAQ_UN_SQRT,
        [HAQ_OP_RECIPROCAL] = HAQ_UN_RECIPROCAL,
    };
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_value *x = haq_plan_value(p, n->in[0]);
    struct haq_step step = haq_plan_node_step(p, node);
    struct unary_step *u = haq_arena_alloc(&p->arena, sizeof *u);
    enum haq_unary id = (enum haq_unary)kernel[n->op->code];
    struct haq_form form = haq_plan_input_form(p, node, 0, 0, 0);
    int in, out;

    if (!u)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (x->dtype != HAQ_F32)
        return haq_plan_unsupported(p, node, "only float32", d);
    if (id == HAQ_UN_GELU && n->attr.mode && strcmp(n->attr.mode, "none"))
        return haq_plan_unsupported(p, node, "only the exact form", d);
    *u = (struct unary_step){p->ew->unary[id], n->attr.alpha, n->attr.beta,
                             x->count};
    if (id == HAQ_UN_CLIP) {
        u->alpha = n->clamp.lo;
        u->beta = n->clamp.hi;
    }
    haq_status s = haq_plan_write(p, n->out[0], &out, d);
    /* A clamp of codes is the code of the clamp: no format of its own. */
    if (!s && id == HAQ_UN_CLIP && form.kind == HAQ_FORM_PLAIN)
        form = p->slot[out].form;
    if (!s)
        s = haq_plan_read(p, n->in[0], &form, &in, d);
    if (s)
        return s;
    if (form.kind == HAQ_FORM_CODES)
        return haq_add_unary_codes(p, node, in, out, id, u->alpha, u->beta, d);
    step.kernel = "elementwise";
    step.run = run_unary;
    step.data = u;
    step.serial = x->count < SMALL_WORK;
    step.over = 1;
    return haq_plan_add(p, &step, &in, 1, &out, 1, d);
}

/* ---- binary ------------------------------------------------------------- */

struct binary_step {
    struct haq_walk walk; /* operands: a, b; an inner run is one call */
    size_t inner;         /* elements of a run */
    int sa, sb;
    haq_binary_fn *fn;
    float lo, hi;
};

static void binary_rows(const struct haq_part *p, size_t begin, size_t end)
{
    const struct binary_step *b = p->s->data;
    const float *x0 = haq_exec_slot(p->e, p->s->in[0]);
    const float *x1 = haq_exec_slot(p->e, p->s->in[1]);
    float *y = haq_exec_slot(p->e, p->s->out[0]);
    for (size_t i = begin; i < end; i++) {
        ptrdiff_t at[HAQ_WALK_OPERANDS];
        haq_walk_at(&b->walk, i, at);
        b->fn(y + i * b->inner, x0 + at[0], x1 + at[1], b->inner, b->sa, b->sb,
              b->lo, b->hi);
    }
}

/* One long row is split along itself. */
static void binary_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct binary_step *b = p->s->data;
    (void)worker;
    if (b->walk.outer > 1) {
        binary_rows(p, begin, end);
        return;
    }
    const float *x0 = haq_exec_slot(p->e, p->s->in[0]);
    const float *x1 = haq_exec_slot(p->e, p->s->in[1]);
    float *y = haq_exec_slot(p->e, p->s->out[0]);
    b->fn(y + begin, x0 + (b->sa ? begin : 0), x1 + (b->sb ? begin : 0),
          end - begin, b->sa, b->sb, b->lo, b->hi);
}

static void run_binary(const struct haq_exec *e, const struct haq_step *s)
{
    const struct binary_step *b = s->data;
    if (b->walk.outer > 1)
        haq_exec_split(e, s, b->walk.outer, 1 + GRAIN / (b->inner + 1),
                       binary_part);
    else
        haq_exec_split(e, s, b->inner, GRAIN, binary_part);
}

static haq_status read_operands(struct haq_plan *p, int node, int in[2],
                                int *out, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    haq_status s = HAQ_OK;
    for (int i = 0; !s && i < 2; i++) {
        struct haq_form f = haq_plan_input_form(p, node, i, 0, 0);
        s = haq_plan_read(p, n->in[i], &f, &in[i], d);
    }
    return s ? s : haq_plan_write(p, n->out[0], out, d);
}

/* x to the power of 2 is what normalization layers are exported with. */
static bool is_square(const struct haq_plan *p, const struct haq_node *n)
{
    const struct haq_value *b = haq_plan_value(p, n->in[1]);
    const float *exponent = b->data;
    return n->op->code == HAQ_OP_POW && exponent && b->count == 1 &&
           *exponent >= 2 && *exponent <= 2;
}

haq_status haq_prepare_binary(struct haq_plan *p, int node, struct haq_diag *d)
{
    static const unsigned char kernel[HAQ_OP_COUNT] = {
        [HAQ_OP_ADD] = HAQ_BIN_ADD, [HAQ_OP_SUB] = HAQ_BIN_SUB,
        [HAQ_OP_MUL] = HAQ_BIN_MUL, [HAQ_OP_DIV] = HAQ_BIN_DIV,
        [HAQ_OP_POW] = HAQ_BIN_POW, [HAQ_OP_MIN] = HAQ_BIN_MIN,
        [HAQ_OP_MAX] = HAQ_BIN_MAX,
    };
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_value *y = haq_plan_value(p, n->out[0]);
    enum haq_binary id = (enum haq_binary)kernel[n->op->code];
    struct haq_step step = haq_plan_node_step(p, node);
    struct binary_step *b = haq_arena_alloc(&p->arena, sizeof *b);
    ptrdiff_t stride[2][HAQ_MAX_RANK];
    int in[2], out;

    if (!b)
        return haq_fail(d, HAQ_NOMEM, "node %s", n->name);
    if (n->n_in != 2 || y->dtype != HAQ_F32)
        return haq_plan_unsupported(p, node, "only two float32 operands", d);
    haq_status s = read_operands(p, node, in, &out, d);
    if (s)
        return s;
    for (int i = 0; i < 2; i++)
        haq_walk_broadcast(stride[i], &haq_plan_value(p, n->in[i])->shape,
                           &y->shape);
    haq_walk_make(&b->walk, &y->shape, 2, stride);
    if (p->slot[in[0]].form.kind == HAQ_FORM_CODES)
        return haq_add_binary_codes(p, node, in, out, id, &b->walk, d);
    int last = b->walk.rank - 1;
    b->inner = b->walk.dims[last];
    b->sa = b->walk.stride[0][last] != 0;
    b->sb = b->walk.stride[1][last] != 0;
    if (is_square(p, n)) {
        id = HAQ_BIN_MUL;
        in[1] = in[0];
        b->sb = 1;
        b->walk.stride[1][last] = 1;
    }
    b->fn = p->ew->binary[id];
    b->lo = n->clamp.lo;
    b->hi = n->clamp.hi;
    step.kernel = "elementwise";
    step.run = run_binary;
    step.data = b;
    step.serial = y->count < SMALL_WORK;
    for (int i = 0; i < 2; i++)
        if (haq_plan_value(p, n->in[i])->count == y->count)
            step.over |= 1u << i;
    return haq_plan_add(p, &step, in, 2, &out, 1, d);
}
