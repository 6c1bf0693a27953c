#include "runtime/step_codes.h"

#include <string.h>

#include "base/cpu.h"
#include "kernels/codewise.h"
#include "runtime/finish.h"

enum { GRAIN = 4096, SMALL_WORK = 65536, CODES = 256, REPEATED = 512 };

static struct haq_affine affine(const struct haq_form *f)
{
    return (struct haq_affine){f->params.scale, f->params.zero};
}

/* ---- one operand: a table ------------------------------------------------ */

struct table_step {
    haq_lookup_fn *lookup;
    size_t count;
    float real[CODES];
    uint8_t code[CODES];
};

static void codes_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct table_step *t = p->s->data;
    const uint8_t *x = haq_exec_slot(p->e, p->s->in[0]);
    uint8_t *y = haq_exec_slot(p->e, p->s->out[0]);
    (void)worker;
    t->lookup(y + begin, x + begin, end - begin, t->code);
}

static void floats_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct table_step *t = p->s->data;
    const uint8_t *x = haq_exec_slot(p->e, p->s->in[0]);
    float *y = haq_exec_slot(p->e, p->s->out[0]);
    (void)worker;
    for (size_t i = begin; i < end; i++)
        y[i] = t->real[x[i]];
}

static void run_codes(const struct haq_exec *e, const struct haq_step *s)
{
    haq_exec_split(e, s, ((const struct table_step *)s->data)->count, GRAIN,
                   codes_part);
}

static void run_floats(const struct haq_exec *e, const struct haq_step *s)
{
    haq_exec_split(e, s, ((const struct table_step *)s->data)->count, GRAIN,
                   floats_part);
}

/* By the scalar rows, so that every ISA gives the same codes. */
static void fill(struct table_step *t, const struct haq_form *in,
                 const struct haq_form *out, enum haq_unary op, float alpha,
                 float beta)
{
    const struct haq_elementwise *ref = haq_elementwise_select(HAQ_ISA_NONE);
    uint8_t all[CODES];

    for (size_t i = 0; i < CODES; i++)
        all[i] = (uint8_t)i;
    ref->dequantize(t->real, all, CODES, affine(in));
    ref->unary[op](t->real, t->real, CODES, alpha, beta);
    if (out->kind == HAQ_FORM_CODES)
        ref->quantize(t->code, t->real, CODES, affine(out), out->params.qlo,
                      out->params.qhi);
}

haq_status haq_add_unary_codes(struct haq_plan *p, int node, int in, int out,
                               enum haq_unary op, float alpha, float beta,
                               struct haq_diag *d)
{
    const struct haq_form *to = &p->slot[out].form;
    struct haq_step step = haq_plan_node_step(p, node);
    struct table_step *t = haq_arena_alloc(&p->arena, sizeof *t);

    if (!t)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    t->lookup = haq_codewise_select(p->isa)->lookup;
    t->count = p->slot[in].count;
    fill(t, &p->slot[in].form, to, op, alpha, beta);
    step.kernel = "lookup_u8";
    step.run = to->kind == HAQ_FORM_CODES ? run_codes : run_floats;
    step.data = t;
    step.serial = t->count < 2 * SMALL_WORK;
    step.over = to->kind == HAQ_FORM_CODES;
    return haq_plan_add(p, &step, &in, 1, &out, 1, d);
}

/* ---- two operands -------------------------------------------------------- */

struct pair_step {
    struct haq_walk walk; /* operands: a, b; an inner run is one call */
    size_t inner, out_elem;
    int shared; /* operand that is_shared, or -1 */
    haq_codewise_fn *fn;
    struct haq_codewise_args args;
};

static void rows_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct pair_step *b = p->s->data;
    const uint8_t *x0 = haq_exec_slot(p->e, p->s->in[0]);
    const uint8_t *x1 = haq_exec_slot(p->e, p->s->in[1]);
    char *y = haq_exec_slot(p->e, p->s->out[0]);
    (void)worker;

    for (size_t i = begin; i < end; i++) {
        ptrdiff_t at[HAQ_WALK_OPERANDS];
        haq_walk_at(&b->walk, i, at);
        b->fn(y + i * b->inner * b->out_elem, x0 + at[0], x1 + at[1], b->inner,
              &b->args);
    }
}

/* A short vector that all rows of a group share, as the gains of channels, is
 * repeated, so that kernels get runs worth their start. */
static void repeated_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct pair_step *b = p->s->data;
    const uint8_t *x[2] = {haq_exec_slot(p->e, p->s->in[0]),
                           haq_exec_slot(p->e, p->s->in[1])};
    char *y = haq_exec_slot(p->e, p->s->out[0]);
    size_t group = b->walk.dims[b->walk.rank - 2], many = REPEATED / b->inner;
    uint8_t vector[REPEATED];
    (void)worker;

    for (size_t i = begin; i < end;) {
        ptrdiff_t at[HAQ_WALK_OPERANDS];
        size_t rows = haq_min_size(end - i, group - i % group);
        haq_walk_at(&b->walk, i, at);
        for (size_t k = 0; k < haq_min_size(many, rows); k++)
            memcpy(vector + k * b->inner, x[b->shared] + at[b->shared],
                   b->inner);
        const uint8_t *from = x[!b->shared] + at[!b->shared];
        for (size_t k; rows; rows -= k, i += k, from += k * b->inner) {
            k = haq_min_size(many, rows);
            b->fn(y + i * b->inner * b->out_elem, b->shared ? from : vector,
                  b->shared ? vector : from, k * b->inner, &b->args);
        }
    }
}

/* Is operand k the same for all rows of the axis before the last, while the
 * other one goes on? */
static bool is_shared(const struct pair_step *b, int k)
{
    const struct haq_walk *w = &b->walk;
    int last = w->rank - 1;
    return w->rank > 1 && 2 * b->inner <= REPEATED && w->stride[k][last] == 1 &&
           w->stride[!k][last] == 1 && w->stride[k][last - 1] == 0 &&
           w->stride[!k][last - 1] == (ptrdiff_t)b->inner;
}

/* One long row is split along itself. */
static void run_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *p = arg;
    const struct pair_step *b = p->s->data;
    const uint8_t *x0 = haq_exec_slot(p->e, p->s->in[0]);
    const uint8_t *x1 = haq_exec_slot(p->e, p->s->in[1]);
    char *y = haq_exec_slot(p->e, p->s->out[0]);
    (void)worker;
    b->fn(y + begin * b->out_elem, x0 + (b->args.sa ? begin : 0),
          x1 + (b->args.sb ? begin : 0), end - begin, &b->args);
}

static void run_pair(const struct haq_exec *e, const struct haq_step *s)
{
    const struct pair_step *b = s->data;
    if (b->walk.outer > 1)
        haq_exec_split(e, s, b->walk.outer, 1 + GRAIN / (b->inner + 1),
                       b->shared < 0 ? rows_part : repeated_part);
    else
        haq_exec_split(e, s, b->inner, GRAIN, run_part);
}

haq_status haq_add_binary_codes(struct haq_plan *p, int node, const int in[2],
                                int out, enum haq_binary op,
                                const struct haq_walk *walk, struct haq_diag *d)
{
    static const char *const names[HAQ_BIN_COUNT] = {
        [HAQ_BIN_ADD] = "add_u8", [HAQ_BIN_SUB] = "sub_u8",
        [HAQ_BIN_MUL] = "mul_u8", [HAQ_BIN_MIN] = "min_u8",
        [HAQ_BIN_MAX] = "max_u8",
    };
    const struct haq_codewise *set = haq_codewise_select(p->isa);
    const struct haq_form *to = &p->slot[out].form;
    const struct haq_clamp clamp = haq_plan_node(p, node)->clamp;
    struct haq_step step = haq_plan_node_step(p, node);
    struct pair_step *b = haq_arena_alloc(&p->arena, sizeof *b);
    bool codes = to->kind == HAQ_FORM_CODES;
    int last = walk->rank - 1;

    if (!b)
        return haq_fail(d, HAQ_NOMEM, "node %s", step.name);
    if (!set->to_u8[op])
        return haq_plan_unsupported(p, node, "not on codes", d);
    *b = (struct pair_step){
        .walk = *walk,
        .inner = walk->dims[last],
        .out_elem = codes ? 1 : sizeof(float),
        .fn = codes ? set->to_u8[op] : set->to_f32[op],
        .args = {.a = affine(&p->slot[in[0]].form),
                 .b = affine(&p->slot[in[1]].form),
                 .to = affine(to),
                 .lo = clamp.lo,
                 .hi = clamp.hi,
                 .sa = walk->stride[0][last] != 0,
                 .sb = walk->stride[1][last] != 0},
    };
    if (codes)
        haq_clamp_codes(&to->params, clamp, &b->args.qlo, &b->args.qhi);
    b->shared = is_shared(b, 0) ? 0 : is_shared(b, 1) ? 1 : -1;
    step.kernel = names[op];
    step.run = run_pair;
    step.data = b;
    step.serial = p->slot[out].count < SMALL_WORK;
    for (int i = 0; codes && i < 2; i++)
        if (p->slot[in[i]].count == p->slot[out].count)
            step.over |= 1u << i;
    return haq_plan_add(p, &step, in, 2, &out, 1, d);
}
