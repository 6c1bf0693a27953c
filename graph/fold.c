#include "graph/fold.h"

#include <string.h>

#include "graph/fold_priv.h"

/* All constants that folding may make in one graph, in bytes. */
#define FOLDED_MAX ((size_t)1 << 30)
/* Elements that arithmetic may make in one node. */
#define ARITHMETIC_MAX ((size_t)1 << 20)

struct row {
    haq_fold_fn *eval;
    bool arithmetic;
};

static const struct row rows[HAQ_OP_COUNT] = {
    [HAQ_OP_IDENTITY] = {haq_fold_copy, false},
    [HAQ_OP_DROPOUT] = {haq_fold_copy, false},
    [HAQ_OP_RESHAPE] = {haq_fold_copy, false},
    [HAQ_OP_FLATTEN] = {haq_fold_copy, false},
    [HAQ_OP_SQUEEZE] = {haq_fold_copy, false},
    [HAQ_OP_UNSQUEEZE] = {haq_fold_copy, false},
    [HAQ_OP_TRANSPOSE] = {haq_fold_transpose, false},
    [HAQ_OP_CONCAT] = {haq_fold_concat, false},
    [HAQ_OP_SPLIT] = {haq_fold_split, false},
    [HAQ_OP_SLICE] = {haq_fold_slice, false},
    [HAQ_OP_PAD] = {haq_fold_pad, true},
    [HAQ_OP_GATHER] = {haq_fold_gather, false},
    [HAQ_OP_EXPAND] = {haq_fold_expand, false},
    [HAQ_OP_CAST] = {haq_fold_cast, true},
    [HAQ_OP_NEG] = {haq_fold_unary, true},
    [HAQ_OP_ABS] = {haq_fold_unary, true},
    [HAQ_OP_SQRT] = {haq_fold_unary, true},
    [HAQ_OP_RECIPROCAL] = {haq_fold_unary, true},
    [HAQ_OP_ADD] = {haq_fold_binary, true},
    [HAQ_OP_SUB] = {haq_fold_binary, true},
    [HAQ_OP_MUL] = {haq_fold_binary, true},
    [HAQ_OP_DIV] = {haq_fold_binary, true},
    [HAQ_OP_MIN] = {haq_fold_binary, true},
    [HAQ_OP_MAX] = {haq_fold_binary, true},
    [HAQ_OP_EQUAL] = {haq_fold_binary, true},
    [HAQ_OP_WHERE] = {haq_fold_where, true},
};

static bool all_constant(const struct haq_graph *g, const struct haq_node *n)
{
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k] == HAQ_NO_VALUE || !g->values[n->in[k]].data)
            return false;
    return true;
}

static bool covered(const struct haq_graph *g, const struct haq_node *n,
                    const struct row *row)
{
    if (!row->arithmetic)
        return true;
    for (int k = 0; k < n->n_in; k++)
        if (!haq_fold_arithmetic(g->values[n->in[k]].dtype))
            return false;
    for (int k = 0; k < n->n_out; k++)
        if (!haq_fold_arithmetic(g->values[n->out[k]].dtype) ||
            g->values[n->out[k]].count > ARITHMETIC_MAX)
            return false;
    return true;
}

/* Memory for the constant that output k becomes; NULL when it is too much. */
static void *output_room(struct haq_graph *g, int v)
{
    const struct haq_value *x = &g->values[v];
    size_t bytes = x->count * haq_dtype_info(x->dtype)->bytes;

    if (bytes > FOLDED_MAX - g->folded_bytes)
        return NULL;
    g->folded_bytes += bytes;
    return haq_arena_alloc(&g->arena, bytes);
}

static haq_status too_large(const struct haq_node *n, struct haq_diag *d)
{
    return haq_fail(d, HAQ_UNSUPPORTED,
                    "node '%.120s': %s makes a constant that is too large",
                    n->name, n->op->name);
}

static haq_status fold_shape(struct haq_graph *g, struct haq_node *n,
                             struct haq_diag *d)
{
    const struct haq_shape x = g->values[n->in[0]].shape;
    struct haq_value *out = &g->values[n->out[0]];
    int64_t begin = n->attr.ints[0][0], end = n->attr.ints[1][0];

    begin = begin < 0 ? begin + x.rank : begin;
    end = end < 0 ? end + x.rank : end;
    begin = begin < 0 ? 0 : begin;
    end = end > x.rank ? x.rank : end;
    out->dtype = HAQ_I64;
    out->shape = (struct haq_shape){1, {end > begin ? end - begin : 0}};
    out->count = (size_t)out->shape.dims[0];
    out->data = haq_arena_copy(&g->arena, x.dims + (out->count ? begin : 0),
                               out->count * sizeof *x.dims);
    return out->data ? HAQ_OK : too_large(n, d);
}

static haq_status fold_constant_of_shape(struct haq_graph *g,
                                         struct haq_node *n, struct haq_diag *d)
{
    const struct haq_value *in = &g->values[n->in[0]];
    struct haq_value *out = &g->values[n->out[0]];

    if (in->dtype != HAQ_I64 || in->shape.rank != 1 || in->count > HAQ_MAX_RANK)
        return haq_fail(d, HAQ_FORMAT,
                        "node '%.120s': %s wants a vector of at most 8 sizes",
                        n->name, n->op->name);
    out->shape.rank = (int)in->count;
    if (in->count)
        memcpy(out->shape.dims, in->data, in->count * sizeof(int64_t));
    out->dtype = (enum haq_dtype)n->attr.to;
    if (!haq_shape_count(&out->shape, &out->count))
        return too_large(n, d);
    unsigned char *p = output_room(g, n->out[0]);
    if (!p)
        return too_large(n, d);
    size_t bytes = haq_dtype_info(out->dtype)->bytes;
    for (size_t i = 0; i < out->count; i++)
        memcpy(p + i * bytes, n->attr.ints[0], bytes);
    out->data = p;
    return HAQ_OK;
}

static haq_status fold_range(struct haq_graph *g, struct haq_node *n,
                             struct haq_diag *d)
{
    struct haq_value *out = &g->values[n->out[0]];
    int64_t at[3];

    for (int k = 0; k < 3; k++) {
        const struct haq_value *in = &g->values[n->in[k]];
        if ((in->dtype != HAQ_I64 && in->dtype != HAQ_I32) || in->count != 1 ||
            in->dtype != g->values[n->in[0]].dtype)
            return haq_fail(d, HAQ_UNSUPPORTED,
                            "node '%.120s': Range on other than integers",
                            n->name);
        at[k] = haq_dtype_get_int(in->dtype, in->data, 0);
        if (at[k] > INT32_MAX || at[k] < INT32_MIN)
            return too_large(n, d);
    }
    if (!at[2])
        return haq_fail(d, HAQ_FORMAT, "node '%.120s': Range with step 0",
                        n->name);
    int64_t span = at[1] - at[0], count = span / at[2] + (span % at[2] != 0);
    count = (span < 0) == (at[2] < 0) && span ? count : 0;
    if (count > (int64_t)ARITHMETIC_MAX)
        return too_large(n, d);
    out->dtype = g->values[n->in[0]].dtype;
    out->shape = (struct haq_shape){1, {count}};
    out->count = (size_t)count;
    void *p = output_room(g, n->out[0]);
    if (!p)
        return too_large(n, d);
    for (int64_t i = 0; i < count; i++)
        if (out->dtype == HAQ_I64)
            ((int64_t *)p)[i] = at[0] + i * at[2];
        else
            ((int32_t *)p)[i] = (int32_t)(at[0] + i * at[2]);
    out->data = p;
    return HAQ_OK;
}

/* Operators whose output shape is made of numbers, not of shapes. */
static haq_status fold_special(struct haq_graph *g, struct haq_node *n,
                               bool *folded, struct haq_diag *d)
{
    static const struct {
        enum haq_opcode code;
        bool any_input;
        haq_status (*fold)(struct haq_graph *, struct haq_node *,
                           struct haq_diag *);
    } special[] = {
        {HAQ_OP_SHAPE, true, fold_shape},
        {HAQ_OP_CONSTANT_OF_SHAPE, false, fold_constant_of_shape},
        {HAQ_OP_RANGE, false, fold_range},
    };

    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (n->op->code == special[i].code &&
            (special[i].any_input || all_constant(g, n))) {
            *folded = true;
            return special[i].fold(g, n, d);
        }
    return HAQ_OK;
}

static haq_status fold_covered(struct haq_graph *g, struct haq_node *n,
                               const struct row *row, bool *folded,
                               struct haq_diag *d)
{
    void **out;
    haq_status s = n->op->infer(g, n, d);

    if (s || !covered(g, n, row))
        return s;
    out = haq_arena_array(&g->arena, (size_t)n->n_out, sizeof *out);
    if (!out)
        return haq_fail(d, HAQ_NOMEM, "folding '%.120s'", n->name);
    for (int k = 0; k < n->n_out; k++)
        if (!(out[k] = output_room(g, n->out[k])))
            return too_large(n, d);
    s = row->eval(g, n, out, d);
    for (int k = 0; k < n->n_out && !s; k++)
        g->values[n->out[k]].data = out[k];
    *folded = !s;
    return s;
}

haq_status haq_fold_node(struct haq_graph *g, int i, bool *folded,
                         struct haq_diag *d)
{
    struct haq_node *n = &g->nodes[i];
    const struct row *row = &rows[n->op->code];
    haq_status s;

    *folded = false;
    s = fold_special(g, n, folded, d);
    if (!s && !*folded && row->eval && all_constant(g, n))
        s = fold_covered(g, n, row, folded, d);
    if (s)
        *folded = false;
    if (*folded) {
        n->op = NULL;
        for (int k = 0; k < n->n_out; k++)
            g->values[n->out[k]].producer = -1;
    }
    return s;
}
