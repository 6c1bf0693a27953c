/* Activation functions that a file spells as several nodes become one: sigmoid
 * gates, the hard ones, GELU by erf.  A mean over height and width becomes
 * GlobalAveragePool. */
#include <math.h>
#include <string.h>

#include "graph/pass_priv.h"

struct haq_node *haq_pass_made_by(struct haq_graph *g, int v,
                                  enum haq_opcode code)
{
    struct haq_node *p = haq_pass_sole_producer(g, v);
    return p && p->op->code == code ? p : NULL;
}

bool haq_pass_is_number(const struct haq_graph *g, int v, double number)
{
    const struct haq_value *x = v == HAQ_NO_VALUE ? NULL : &g->values[v];
    if (!x || !x->data || x->dtype != HAQ_F32 || x->count != 1)
        return false;
    double is = (double)*(const float *)x->data;
    return fabs(is - number) <= 1e-6 * fabs(number);
}

int haq_pass_beside(const struct haq_graph *g, const struct haq_node *n,
                    double number)
{
    for (int k = 0; n && k < 2 && n->n_in == 2; k++)
        if (haq_pass_is_number(g, n->in[!k], number))
            return n->in[k];
    return HAQ_NO_VALUE;
}

void haq_pass_drop(struct haq_graph *g, struct haq_node *n)
{
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k] != HAQ_NO_VALUE)
            g->values[n->in[k]].uses--;
    for (int k = 0; k < n->n_out; k++)
        g->values[n->out[k]].producer = -1;
    n->op = NULL;
}

void haq_pass_become(struct haq_graph *g, struct haq_node *n,
                     enum haq_opcode code, int x)
{
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k] != HAQ_NO_VALUE)
            g->values[n->in[k]].uses--;
    memset(&n->attr, 0, sizeof n->attr);
    n->op = haq_op(code);
    n->in[0] = x;
    n->n_in = 1;
    g->values[x].uses++;
}

static bool is_clamp(const struct haq_node *n, float lo, float hi)
{
    return n && n->clamp.lo >= lo && n->clamp.lo <= lo && n->clamp.hi >= hi &&
           n->clamp.hi <= hi;
}

/* v = Clip(x + 3, 0, 6); HAQ_NO_VALUE when it is not.  *steps: its nodes. */
static int hard_step(struct haq_graph *g, int v, struct haq_node *steps[2])
{
    steps[0] = haq_pass_made_by(g, v, HAQ_OP_CLIP);
    if (!is_clamp(steps[0], 0, 6))
        return HAQ_NO_VALUE;
    steps[1] = haq_pass_made_by(g, steps[0]->in[0], HAQ_OP_ADD);
    return haq_pass_beside(g, steps[1], 3);
}

/* The input that n divides by 6 (as Div or as Mul), or HAQ_NO_VALUE. */
static int sixth_of(const struct haq_graph *g, const struct haq_node *n)
{
    if (n->op->code == HAQ_OP_DIV)
        return haq_pass_is_number(g, n->in[1], 6) ? n->in[0] : HAQ_NO_VALUE;
    return n->op->code == HAQ_OP_MUL ? haq_pass_beside(g, n, 1.0 / 6)
                                     : HAQ_NO_VALUE;
}

static void drop_steps(struct haq_graph *g, struct haq_node *steps[2])
{
    haq_pass_drop(g, steps[0]);
    haq_pass_drop(g, steps[1]);
}

/* Clip(x + 3, 0, 6) / 6, and x Clip(x + 3, 0, 6) / 6 */
static bool fuse_sixth(struct haq_graph *g, struct haq_node *n)
{
    struct haq_node *steps[2];
    int v = sixth_of(g, n), x;

    if (v == HAQ_NO_VALUE)
        return false;
    x = hard_step(g, v, steps);
    if (x != HAQ_NO_VALUE) {
        drop_steps(g, steps);
        haq_pass_become(g, n, HAQ_OP_HARD_SIGMOID, x);
        n->attr.alpha = 1.0f / 6;
        n->attr.beta = 0.5f;
        return true;
    }
    struct haq_node *product = haq_pass_made_by(g, v, HAQ_OP_MUL);
    for (int k = 0; product && k < 2; k++) {
        x = product->in[!k];
        if (hard_step(g, product->in[k], steps) != x)
            continue;
        drop_steps(g, steps);
        haq_pass_drop(g, product);
        haq_pass_become(g, n, HAQ_OP_HARD_SWISH, x);
        return true;
    }
    return false;
}

static bool is_hard_gate(const struct haq_node *n)
{
    return fabsf(n->attr.alpha - 1.0f / 6) < 1e-6f &&
           fabsf(n->attr.beta - 0.5f) < 1e-6f;
}

/* x times a gate of x: SiLU, hard-swish */
static bool fuse_gate(struct haq_graph *g, struct haq_node *n)
{
    for (int k = 0; k < 2; k++) {
        int x = n->in[!k];
        struct haq_node *soft = haq_pass_made_by(g, n->in[k], HAQ_OP_SIGMOID);
        struct haq_node *hard =
            haq_pass_made_by(g, n->in[k], HAQ_OP_HARD_SIGMOID);
        struct haq_node *gate = soft ? soft : hard;
        if (!gate || gate->in[0] != x || (hard && !is_hard_gate(hard)))
            continue;
        haq_pass_drop(g, gate);
        haq_pass_become(g, n, soft ? HAQ_OP_SILU : HAQ_OP_HARD_SWISH, x);
        return true;
    }
    return false;
}

/* v = 1 + erf(x / sqrt 2); HAQ_NO_VALUE when it is not. */
static int erf_step(struct haq_graph *g, int v, struct haq_node *steps[3])
{
    steps[0] = haq_pass_made_by(g, v, HAQ_OP_ADD);
    int e = haq_pass_beside(g, steps[0], 1);
    steps[1] = haq_pass_made_by(g, e, HAQ_OP_ERF);
    if (!steps[1])
        return HAQ_NO_VALUE;
    steps[2] = haq_pass_made_by(g, steps[1]->in[0], HAQ_OP_DIV);
    if (steps[2])
        return haq_pass_is_number(g, steps[2]->in[1], M_SQRT2) ? steps[2]->in[0]
                                                               : HAQ_NO_VALUE;
    steps[2] = haq_pass_made_by(g, steps[1]->in[0], HAQ_OP_MUL);
    return haq_pass_beside(g, steps[2], M_SQRT1_2);
}

/* The three factors of a product of a product; other: the inner product. */
static struct haq_node *factors(struct haq_graph *g, const struct haq_node *n,
                                int k, int out[3])
{
    struct haq_node *other = haq_pass_made_by(g, n->in[k], HAQ_OP_MUL);
    if (!other)
        return NULL;
    out[0] = n->in[!k];
    out[1] = other->in[0];
    out[2] = other->in[1];
    return other;
}

/* x, 1/2 and 1 + erf(x / sqrt 2) in any order */
static bool fuse_gelu(struct haq_graph *g, struct haq_node *n)
{
    struct haq_node *steps[3];
    int f[3];

    for (int k = 0; k < 2; k++) {
        struct haq_node *other = factors(g, n, k, f);
        for (int i = 0; other && i < 3; i++) {
            int x = erf_step(g, f[i], steps), a = f[(i + 1) % 3],
                b = f[(i + 2) % 3];
            if (x == HAQ_NO_VALUE ||
                !((a == x && haq_pass_is_number(g, b, 0.5)) ||
                  (b == x && haq_pass_is_number(g, a, 0.5))))
                continue;
            for (int s = 0; s < 3; s++)
                haq_pass_drop(g, steps[s]);
            haq_pass_drop(g, other);
            haq_pass_become(g, n, HAQ_OP_GELU, x);
            return true;
        }
    }
    return false;
}

/* Over height and width, both kept as 1. */
static void fuse_mean(struct haq_graph *g, struct haq_node *n)
{
    const struct haq_attrs *a = &n->attr;
    if (a->keepdims && g->values[n->in[0]].shape.rank == 4 && a->n_axes == 2 &&
        a->axes[0] == 2 && a->axes[1] == 3)
        haq_pass_become(g, n, HAQ_OP_GLOBAL_AVERAGE_POOL, n->in[0]);
}

haq_status haq_pass_compose(struct haq_graph *g, struct haq_diag *d)
{
    for (int i = 0; i < g->n_nodes; i++) {
        struct haq_node *n = &g->nodes[i];
        if (!n->op || g->values[n->out[0]].dtype != HAQ_F32)
            continue;
        if (n->op->code == HAQ_OP_REDUCE_MEAN)
            fuse_mean(g, n);
        if (fuse_sixth(g, n) || n->op->code != HAQ_OP_MUL)
            continue;
        if (!fuse_gate(g, n))
            fuse_gelu(g, n);
    }
    return haq_graph_rebuild(g, d);
}
