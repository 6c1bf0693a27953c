#include "runtime/plan.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memplan.h"
#include "runtime/ops.h"
#include "runtime/step_quantize.h"
#include "runtime/storage.h"

bool haq_form_equal(const struct haq_form *a, const struct haq_form *b)
{
    const struct haq_act_params *x = &a->params, *y = &b->params;
    if (a->kind != b->kind)
        return false;
    if (a->kind == HAQ_FORM_PLAIN)
        return true;
    if (a->kind != HAQ_FORM_ROWS && a->kind != HAQ_FORM_CENTERED_ROWS)
        return !memcmp(&x->scale, &y->scale, sizeof x->scale) &&
               x->zero == y->zero && x->qlo == y->qlo && x->qhi == y->qhi;
    return a->format == b->format && a->row == b->row && a->pad == b->pad;
}

struct haq_form haq_plan_input_form(const struct haq_plan *p, int node, int i,
                                    size_t row, size_t pad)
{
    const struct haq_qnode *q = haq_plan_qnode(p, node);
    struct haq_form f = {.kind = HAQ_FORM_PLAIN};

    if (!q || !q->in || !q->in[i].quantized)
        return f;
    const struct haq_qinput *in = &q->in[i];
    if (in->dynamic) {
        f.kind = p->simulate ? HAQ_FORM_CENTERED_ROWS : HAQ_FORM_ROWS;
        f.format = in->spec.format;
        f.row = row;
        f.pad = p->simulate ? 0 : pad;
    } else {
        f.kind = p->simulate ? HAQ_FORM_FAKE : HAQ_FORM_CODES;
        f.params = in->params;
    }
    return f;
}

haq_status haq_plan_unsupported(const struct haq_plan *p, int node,
                                const char *why, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    return haq_fail(d, HAQ_UNSUPPORTED, "%s %s: %s", n->op->name, n->name, why);
}

/* ---- slots -------------------------------------------------------------- */

static size_t element_bytes(const struct haq_plan *p, const struct haq_slot *s)
{
    if (s->form.kind == HAQ_FORM_CODES || s->form.kind == HAQ_FORM_ROWS)
        return 1;
    return haq_dtype_info(haq_plan_value(p, s->value)->dtype)->bytes;
}

/* Rows: codes, then scales, zero points and padding rows. */
static haq_status size_slot(const struct haq_plan *p, struct haq_slot *s,
                            struct haq_diag *d)
{
    size_t bytes, slack = HAQ_SLOT_SLACK;
    if (__builtin_mul_overflow(s->count, element_bytes(p, s), &bytes) ||
        bytes > PTRDIFF_MAX / 4)
        return haq_fail(d, HAQ_INVALID, "tensor %s is too large",
                        haq_plan_value(p, s->value)->name);
    bytes = haq_round_up(bytes, slack) + slack;
    if (s->form.kind == HAQ_FORM_ROWS ||
        s->form.kind == HAQ_FORM_CENTERED_ROWS) {
        size_t four = sizeof(float);
        s->rows = s->form.row ? s->count / s->form.row : 0;
        s->scale_at = bytes;
        s->zero_at = s->scale_at + haq_round_up(s->rows * four, slack);
        s->pad_at = s->zero_at + haq_round_up(s->rows * four, slack);
        s->pad_stride =
            s->form.pad ? haq_round_up(s->form.pad, slack) + slack : 0;
        bytes = s->pad_at + s->rows * s->pad_stride;
    }
    s->bytes = bytes;
    return HAQ_OK;
}

static haq_status grow(void **array, int n, int *cap, size_t size,
                       struct haq_diag *d)
{
    if (n < *cap)
        return HAQ_OK;
    int room = *cap ? 2 * *cap : 64;
    void *grown = realloc(*array, (size_t)room * size);
    if (!grown)
        return haq_fail(d, HAQ_NOMEM, "plan of %d parts", room);
    *array = grown;
    *cap = room;
    return HAQ_OK;
}

/* Linked behind the value's first slot, so that the producer's stays first. */
static haq_status add_slot(struct haq_plan *p, int value,
                           const struct haq_form *form, int *out,
                           struct haq_diag *d)
{
    void *array = p->slot;
    haq_status s = grow(&array, p->n_slots, &p->cap_slots, sizeof *p->slot, d);
    p->slot = array;
    if (s)
        return s;
    struct haq_slot slot = {.value = value,
                            .form = *form,
                            .next = -1,
                            .of = -1,
                            .count = haq_plan_value(p, value)->count,
                            .first = INT32_MAX,
                            .last = -1};
    s = size_slot(p, &slot, d);
    if (s)
        return s;
    int *head = &p->first_slot[value];
    if (*head < 0) {
        *head = p->n_slots;
    } else {
        slot.next = p->slot[*head].next;
        p->slot[*head].next = p->n_slots;
    }
    *out = p->n_slots;
    p->slot[p->n_slots++] = slot;
    return HAQ_OK;
}

static haq_status add_constant(struct haq_plan *p, int value,
                               struct haq_diag *d)
{
    static const struct haq_form plain = {.kind = HAQ_FORM_PLAIN};
    int slot;
    haq_status s = add_slot(p, value, &plain, &slot, d);
    if (!s)
        p->slot[slot].data = haq_plan_value(p, value)->data;
    return s;
}

static haq_status convert(struct haq_plan *p, int from,
                          const struct haq_form *form, int *slot,
                          struct haq_diag *d)
{
    int value = p->slot[from].value;
    assert(p->slot[from].form.kind == HAQ_FORM_PLAIN);
    haq_status s = add_slot(p, value, form, slot, d);
    if (s)
        return s;
    if (p->slot[from].data)
        return haq_quantize_constant(p, from, *slot, d);
    return haq_add_quantize(p, from, *slot, d);
}

haq_status haq_plan_read(struct haq_plan *p, int value,
                         const struct haq_form *form, int *slot,
                         struct haq_diag *d)
{
    if (p->first_slot[value] < 0) {
        assert(haq_plan_value(p, value)->data);
        haq_status s = add_constant(p, value, d);
        if (s)
            return s;
    }
    for (int i = p->first_slot[value]; i >= 0; i = p->slot[i].next)
        if (haq_form_equal(&p->slot[i].form, form)) {
            *slot = i;
            return HAQ_OK;
        }
    return convert(p, p->first_slot[value], form, slot, d);
}

haq_status haq_plan_read_plain(struct haq_plan *p, int value, int *slot,
                               struct haq_diag *d)
{
    static const struct haq_form plain = {.kind = HAQ_FORM_PLAIN};
    if (value == HAQ_NO_VALUE) {
        *slot = HAQ_NO_VALUE;
        return HAQ_OK;
    }
    return haq_plan_read(p, value, &plain, slot, d);
}

haq_status haq_plan_write(struct haq_plan *p, int value, int *slot,
                          struct haq_diag *d)
{
    assert(p->first_slot[value] < 0);
    return add_slot(p, value, &p->stored[value], slot, d);
}

haq_status haq_plan_view(struct haq_plan *p, int value, int slot,
                         struct haq_diag *d)
{
    int view;
    struct haq_form form = p->slot[slot].form;
    haq_status s = add_slot(p, value, &form, &view, d);
    if (s)
        return s;
    p->slot[view].of = slot;
    p->slot[view].data = p->slot[slot].data;
    return HAQ_OK;
}

/* ---- steps -------------------------------------------------------------- */

struct haq_step haq_plan_node_step(const struct haq_plan *p, int node)
{
    const struct haq_node *n = haq_plan_node(p, node);
    return (struct haq_step){.name = n->name, .layer = n->layer, .node = node};
}

haq_status haq_plan_add(struct haq_plan *p, const struct haq_step *step,
                        const int *in, int n_in, const int *out, int n_out,
                        struct haq_diag *d)
{
    void *array = p->step;
    haq_status s = grow(&array, p->n_steps, &p->cap_steps, sizeof *p->step, d);
    p->step = array;
    if (s)
        return s;
    struct haq_step *to = &p->step[p->n_steps];
    *to = *step;
    to->n_in = n_in;
    to->n_out = n_out;
    to->in = haq_arena_copy(&p->arena, in, (size_t)n_in * sizeof *in);
    to->out = haq_arena_copy(&p->arena, out, (size_t)n_out * sizeof *out);
    if (!to->in || !to->out)
        return haq_fail(d, HAQ_NOMEM, "step %s", step->name);
    to->weight_bytes = p->weight_bytes - p->owned_bytes;
    p->owned_bytes = p->weight_bytes;
    to->table = p->pointers;
    p->pointers += step->pointers;
    if (step->scratch > p->scratch_bytes)
        p->scratch_bytes = step->scratch;
    p->n_steps++;
    return HAQ_OK;
}

/* ---- the arena ---------------------------------------------------------- */

static struct haq_slot *root(struct haq_plan *p, int slot)
{
    while (p->slot[slot].of >= 0)
        slot = p->slot[slot].of;
    return &p->slot[slot];
}

static void live(struct haq_plan *p, int slot, int step)
{
    struct haq_slot *s = root(p, slot);
    if (step < s->first)
        s->first = step;
    if (step > s->last)
        s->last = step;
}

/* Inputs are written before the first step and may be used by many runs;
 * outputs are read after the last. */
static void find_lifetimes(struct haq_plan *p)
{
    for (int i = 0; i < p->n_steps; i++) {
        const struct haq_step *s = &p->step[i];
        for (int k = 0; k < s->n_in; k++)
            if (s->in[k] >= 0)
                live(p, s->in[k], i);
        for (int k = 0; k < s->n_out; k++)
            live(p, s->out[k], i);
    }
    for (int i = 0; i < p->g->n_inputs; i++) {
        live(p, p->first_slot[p->g->inputs[i]], -1);
        live(p, p->first_slot[p->g->inputs[i]], p->n_steps);
    }
    for (int i = 0; i < p->g->n_outputs; i++)
        live(p, p->first_slot[p->g->outputs[i]], p->n_steps);
}

/* May the output of step i lie over its input k?  The input must die here, and
 * the step must not read it in another way as well. */
static bool dies_here(struct haq_plan *p, int i, int k)
{
    const struct haq_step *s = &p->step[i];
    const struct haq_slot *in = root(p, s->in[k]);
    for (int j = 0; j < s->n_in; j++)
        if (!(s->over >> j & 1) && s->in[j] >= 0 && root(p, s->in[j]) == in)
            return false;
    return !in->data && in->last == i;
}

/* Outputs that may be written over an input that dies: what elementwise steps
 * touch stays in caches longer. */
static void write_over(struct haq_plan *p)
{
    for (int i = 0; i < p->n_steps; i++) {
        const struct haq_step *s = &p->step[i];
        for (int k = 0; k < s->n_in && s->over >> k; k++) {
            struct haq_slot *out = &p->slot[s->out[0]];
            if (!(s->over >> k & 1) || out->of >= 0 || !dies_here(p, i, k))
                continue;
            struct haq_slot *in = root(p, s->in[k]);
            if (in->bytes < out->bytes || in >= out)
                continue;
            out->of = (int)(in - p->slot);
            out->over = true;
            in->last = out->last;
        }
    }
}

static bool in_arena(const struct haq_slot *s)
{
    return s->of < 0 && !s->data && s->first != INT32_MAX;
}

static haq_status place(struct haq_plan *p, struct haq_diag *d)
{
    size_t n = 0;
    struct haq_block *block = calloc((size_t)p->n_slots + 1, sizeof *block);
    if (!block)
        return haq_fail(d, HAQ_NOMEM, "memory plan");
    for (int i = 0; i < p->n_slots; i++)
        if (in_arena(&p->slot[i]))
            block[n++] = (struct haq_block){.bytes = p->slot[i].bytes,
                                            .first = p->slot[i].first,
                                            .last = p->slot[i].last};
    haq_status s = haq_memplan(block, n, &p->arena_bytes, d);
    n = 0;
    for (int i = 0; !s && i < p->n_slots; i++)
        if (in_arena(&p->slot[i]))
            p->slot[i].offset = block[n++].offset;
    free(block);
    return s;
}

/* ---- the plan ----------------------------------------------------------- */

static haq_status start(struct haq_plan *p, struct haq_diag *d)
{
    size_t n = (size_t)p->g->n_values;
    struct haq_form *stored = haq_arena_array(&p->arena, n, sizeof *stored);
    p->stored = stored;
    p->first_slot = haq_arena_array(&p->arena, n, sizeof *p->first_slot);
    if (!stored || !p->first_slot)
        return haq_fail(d, HAQ_NOMEM, "plan of %zu tensors", n);
    for (size_t i = 0; i < n; i++)
        p->first_slot[i] = -1;
    haq_status s = haq_storage_decide(p, stored, d);
    for (int i = 0; !s && i < p->g->n_inputs; i++) {
        int slot;
        s = haq_plan_write(p, p->g->inputs[i], &slot, d);
    }
    return s;
}

static haq_status prepare_nodes(struct haq_plan *p, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (int i = 0; !s && i < p->g->n_nodes; i++) {
        const struct haq_op_impl *impl = haq_op_impl(p->g->nodes[i].op->code);
        if (!impl->prepare)
            return haq_plan_unsupported(p, i, "not executed here", d);
        s = impl->prepare(p, i, d);
    }
    return s;
}

static haq_status check_outputs(struct haq_plan *p, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (int i = 0; !s && i < p->g->n_outputs; i++) {
        int slot, value = p->g->outputs[i];
        const struct haq_value *v = haq_plan_value(p, value);
        if (v->dtype != HAQ_F32)
            return haq_fail(d, HAQ_UNSUPPORTED, "output %s is %s, not float32",
                            v->name, haq_dtype_info(v->dtype)->name);
        s = haq_plan_read_plain(p, value, &slot, d);
    }
    return s;
}

haq_status haq_plan_new(struct haq_plan **out, const struct haq_graph *g,
                        const struct haq_qgraph *q,
                        const struct haq_plan_options *opt, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_plan *p = calloc(1, sizeof *p);
    if (!p)
        return haq_fail(d, HAQ_NOMEM, "plan");
    haq_arena_init(&p->arena);
    p->g = g, p->q = q;
    p->isa = opt->isa, p->simulate = opt->simulate;
    p->ew = haq_elementwise_select(opt->isa);
    p->cache = opt->cache;
    if (!p->cache)
        p->cache = p->own_cache = haq_pack_cache_new();
    if (!p->cache) {
        s = haq_fail(d, HAQ_NOMEM, "plan");
        goto done;
    }
    s = start(p, d);
    if (!s)
        s = prepare_nodes(p, d);
    if (!s)
        s = check_outputs(p, d);
    if (s)
        goto done;
    find_lifetimes(p);
    write_over(p);
    s = place(p, d);
    if (s)
        goto done;
    *out = p;
    p = NULL;
done:
    haq_plan_free(p);
    return s;
}

void haq_plan_free(struct haq_plan *p)
{
    if (!p)
        return;
    haq_pack_cache_free(p->own_cache);
    haq_arena_fini(&p->arena);
    free(p->slot);
    free(p->step);
    free(p);
}

const struct haq_graph *haq_plan_graph(const struct haq_plan *p)
{
    return p->g;
}

size_t haq_plan_arena_bytes(const struct haq_plan *p)
{
    return p->arena_bytes;
}

size_t haq_plan_weight_bytes(const struct haq_plan *p)
{
    return p->weight_bytes;
}

size_t haq_plan_steps(const struct haq_plan *p)
{
    return (size_t)p->n_steps;
}

struct haq_step_info haq_plan_step(const struct haq_plan *p, size_t i)
{
    const struct haq_step *s = &p->step[i];
    bool transpose =
        s->node >= 0 && haq_plan_node(p, s->node)->op->code == HAQ_OP_TRANSPOSE;
    return (struct haq_step_info){s->name, s->layer, s->kernel, s->weight_bytes,
                                  transpose};
}
