/* Products: layers [rows][k] by [n][k], and two activations, batch by batch. */
#include "train/ops.h"

struct product {
    size_t batches, m, n, k;
    size_t next_a, next_b; /* numbers from one batch to the next */
    bool ta, tb;
    size_t lda, ldb;
};

static void layer_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct product *p = s->data;
    const struct haq_train_layer *l = &t->net->layer[s->layer];
    float *y = haq_tape_value(t, s->out[0]);
    haq_train_gemm(t->net, false, true, p->m, p->n, p->k,
                   haq_tape_read(t, s->in[0]), p->k, l->w, p->k, 0, y, p->n);
    for (size_t r = 0; l->bias && r < p->m; r++)
        for (size_t i = 0; i < p->n; i++)
            y[r * p->n + i] += l->bias[i];
}

static void layer_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct product *p = s->data;
    const struct haq_train_layer *l = &t->net->layer[s->layer];
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *dx = haq_tape_gradient(t, s->in[0]), *db = t->sums + l->bias_at;
    for (size_t r = 0; r < p->m; r++)
        for (size_t i = 0; i < p->n; i++)
            db[i] += dy[r * p->n + i];
    haq_train_gemm(t->net, true, false, p->n, p->k, p->m, dy, p->n,
                   haq_tape_read(t, s->in[0]), p->k, 1, t->sums + l->grad_at,
                   p->k);
    if (dx)
        haq_train_gemm(t->net, false, false, p->m, p->k, p->n, dy, p->n, l->w,
                       p->k, 1, dx, p->k);
}

static void both_forward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct product *p = s->data;
    const float *a = haq_tape_read(t, s->in[0]),
                *b = haq_tape_read(t, s->in[1]);
    float *y = haq_tape_value(t, s->out[0]);
    for (size_t i = 0; i < p->batches; i++)
        haq_train_gemm(t->net, p->ta, p->tb, p->m, p->n, p->k,
                       a + i * p->next_a, p->lda, b + i * p->next_b, p->ldb, 0,
                       y + i * p->m * p->n, p->n);
}

/* With op(A) [m][k], op(B) [k][n]: d op(A) = dY op(B)', d op(B) = op(A)' dY,
 * and the transpose of either where op transposes. */
static void both_backward(const struct haq_train_step *s, struct haq_tape *t)
{
    const struct product *p = s->data;
    const float *a = haq_tape_read(t, s->in[0]),
                *b = haq_tape_read(t, s->in[1]);
    const float *dy = haq_tape_gradient(t, s->out[0]);
    float *da = haq_tape_gradient(t, s->in[0]);
    float *db = haq_tape_gradient(t, s->in[1]);
    for (size_t i = 0; i < p->batches; i++, dy += p->m * p->n) {
        const float *ai = a + i * p->next_a, *bi = b + i * p->next_b;
        if (da && p->ta)
            haq_train_gemm(t->net, p->tb, true, p->k, p->m, p->n, bi, p->ldb,
                           dy, p->n, 1, da + i * p->next_a, p->lda);
        else if (da)
            haq_train_gemm(t->net, false, !p->tb, p->m, p->k, p->n, dy, p->n,
                           bi, p->ldb, 1, da + i * p->next_a, p->lda);
        if (db && p->tb)
            haq_train_gemm(t->net, true, p->ta, p->n, p->k, p->m, dy, p->n, ai,
                           p->lda, 1, db + i * p->next_b, p->ldb);
        else if (db)
            haq_train_gemm(t->net, !p->ta, false, p->k, p->n, p->m, ai, p->lda,
                           dy, p->n, 1, db + i * p->next_b, p->ldb);
    }
}

static size_t matrices(const struct haq_shape *s)
{
    size_t n = 1;
    for (int i = 0; i < s->rank - 2; i++)
        n *= (size_t)s->dims[i];
    return n;
}

static size_t last(const struct haq_shape *s, int from_end)
{
    return (size_t)s->dims[s->rank - from_end];
}

static haq_status prepare_layer(struct haq_net *net, struct haq_train_step *s,
                                struct product *p, struct haq_diag *d)
{
    const struct haq_train_layer *l = &net->layer[s->layer];
    if (haq_train_node(net, s)->attr.trans_a)
        return haq_train_refuse(net, s, "with a transposed input", d);
    p->n = l->n;
    p->k = l->k;
    p->m = p->k ? haq_train_in(net, s, 0)->count / p->k : 0;
    s->forward = layer_forward;
    s->backward = layer_backward;
    return HAQ_OK;
}

static haq_status prepare_both(struct haq_net *net, struct haq_train_step *s,
                               struct product *p, struct haq_diag *d)
{
    const struct haq_node *n = haq_train_node(net, s);
    const struct haq_shape *a = &haq_train_in(net, s, 0)->shape;
    const struct haq_shape *b = &haq_train_in(net, s, 1)->shape;
    if (a->rank < 2 || b->rank < 2 || s->n_in > 2)
        return haq_train_refuse(net, s, "only two matrices", d);
    size_t na = matrices(a), nb = matrices(b);
    p->batches = na > nb ? na : nb;
    if (na != nb && nb != 1)
        return haq_train_refuse(net, s, "matrices that broadcast", d);
    p->ta = n->attr.trans_a;
    p->tb = n->attr.trans_b;
    p->lda = last(a, 1);
    p->ldb = last(b, 1);
    p->m = last(a, p->ta ? 1 : 2);
    p->k = last(a, p->ta ? 2 : 1);
    p->n = last(b, p->tb ? 2 : 1);
    p->next_a = p->m * p->k;
    p->next_b = nb == 1 ? 0 : p->k * p->n;
    s->forward = both_forward;
    s->backward = both_backward;
    return HAQ_OK;
}

haq_status haq_train_matmul(struct haq_net *net, struct haq_train_step *s,
                            struct haq_diag *d)
{
    struct product *p = haq_arena_alloc(&net->arena, sizeof *p);
    if (!p)
        return haq_fail(d, HAQ_NOMEM, "node %s", haq_train_node(net, s)->name);
    s->data = p;
    return s->layer >= 0 ? prepare_layer(net, s, p, d)
                         : prepare_both(net, s, p, d);
}
