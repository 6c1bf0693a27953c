#include "runtime/storage.h"

#include <stdlib.h>

#include "runtime/ops.h"

enum wish { WISH_NONE, WISH_ONE, WISH_MIXED };

static const struct haq_form plain = {.kind = HAQ_FORM_PLAIN};

struct decision {
    const struct haq_plan *p;
    struct haq_form *stored;
    unsigned char *wish; /* enum wish, [n_values] */
};

static void add_wish(struct decision *d, int value, const struct haq_form *f)
{
    if (value == HAQ_NO_VALUE)
        return;
    if (d->wish[value] == WISH_NONE) {
        d->wish[value] = WISH_ONE;
        d->stored[value] = *f;
    } else if (!haq_form_equal(&d->stored[value], f)) {
        d->wish[value] = WISH_MIXED;
    }
}

static bool reads_codes(const struct haq_plan *p, int node)
{
    const struct haq_qnode *q = haq_plan_qnode(p, node);
    return q && q->in && p->g->nodes[node].n_in && q->in[0].quantized;
}

static bool can_write_codes(const struct haq_plan *p, int node)
{
    static const enum haq_code_output unless_quantized = HAQ_CODES_IF_QUANTIZED;
    enum haq_code_output c = haq_op_impl(p->g->nodes[node].op->code)->codes;
    if (p->simulate || c == HAQ_CODES_NEVER)
        return false;
    return c != unless_quantized || reads_codes(p, node);
}

/* All outputs in one form, or none as codes (Split). */
static struct haq_form decide_outputs(struct decision *d, int node)
{
    const struct haq_node *n = &d->p->g->nodes[node];
    bool codes = can_write_codes(d->p, node);

    for (int i = 0; i < n->n_out; i++) {
        const struct haq_form *f = &d->stored[n->out[i]];
        codes = codes && d->wish[n->out[i]] == WISH_ONE &&
                f->kind == HAQ_FORM_CODES &&
                haq_form_equal(f, &d->stored[n->out[0]]);
    }
    for (int i = 0; !codes && i < n->n_out; i++)
        d->stored[n->out[i]] = plain;
    return n->n_out ? d->stored[n->out[0]] : plain;
}

static void visit(struct decision *d, int node)
{
    const struct haq_node *n = &d->p->g->nodes[node];
    const struct haq_op_impl *impl = haq_op_impl(n->op->code);
    struct haq_form out = decide_outputs(d, node);
    bool pass = impl->codes == HAQ_CODES_PASS;

    for (int i = 0; i < n->n_in; i++) {
        struct haq_form f = haq_plan_input_form(d->p, node, i, 0, 0);
        bool data = !impl->data_inputs || i < impl->data_inputs;
        if (f.kind == HAQ_FORM_PLAIN && pass && data)
            f = out;
        add_wish(d, n->in[i], &f);
    }
}

haq_status haq_storage_decide(const struct haq_plan *p, struct haq_form *stored,
                              struct haq_diag *d)
{
    size_t n = (size_t)p->g->n_values;
    struct decision dec = {.p = p, .stored = stored};

    dec.wish = calloc(n + 1, 1);
    if (!dec.wish)
        return haq_fail(d, HAQ_NOMEM, "plan of %zu tensors", n);
    for (int i = 0; i < p->g->n_outputs; i++)
        add_wish(&dec, p->g->outputs[i], &plain);
    for (int i = p->g->n_nodes - 1; i >= 0; i--)
        visit(&dec, i);
    /* What nobody computes has the type it comes with. */
    for (size_t i = 0; i < n; i++)
        if (p->g->values[i].producer < 0)
            stored[i] = plain;
    free(dec.wish);
    return HAQ_OK;
}
