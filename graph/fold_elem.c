#include <math.h>
#include <string.h>

#include "graph/fold_priv.h"
#include "graph/strided.h"

bool haq_fold_arithmetic(enum haq_dtype t)
{
    return t == HAQ_F32 || t == HAQ_I32 || t == HAQ_I64 || t == HAQ_BOOL;
}

static void put_int(enum haq_dtype t, void *data, size_t i, int64_t v)
{
    if (t == HAQ_I64)
        ((int64_t *)data)[i] = v;
    else if (t == HAQ_I32)
        ((int32_t *)data)[i] = (int32_t)(uint32_t)(uint64_t)v;
    else if (t == HAQ_BOOL)
        ((uint8_t *)data)[i] = v != 0;
    else
        ((float *)data)[i] = (float)v;
}

/* One operator on reals and on integers (which wrap, as everywhere).  Doubles
 * round to the same float as float arithmetic would for these operations. */
struct binary {
    enum haq_opcode code;
    double (*real)(double, double);
    int64_t (*integer)(int64_t, int64_t);
};

static double add_real(double a, double b)
{
    return a + b;
}
static double sub_real(double a, double b)
{
    return a - b;
}
static double mul_real(double a, double b)
{
    return a * b;
}
static double div_real(double a, double b)
{
    return a / b;
}
static double min_real(double a, double b)
{
    return isnan(a) || a < b ? a : b;
}
static double max_real(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}
static double equal_real(double a, double b)
{
    return a == b;
}
static int64_t add_int(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}
static int64_t sub_int(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}
static int64_t mul_int(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}
/* The caller has refused b == 0; -1 apart because INT64_MIN / -1 traps. */
static int64_t div_int(int64_t a, int64_t b)
{
    return b == -1 ? sub_int(0, a) : a / b;
}
static int64_t min_int(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static int64_t max_int(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static int64_t equal_int(int64_t a, int64_t b)
{
    return a == b;
}

static const struct binary binaries[] = {
    {HAQ_OP_ADD, add_real, add_int},       {HAQ_OP_SUB, sub_real, sub_int},
    {HAQ_OP_MUL, mul_real, mul_int},       {HAQ_OP_DIV, div_real, div_int},
    {HAQ_OP_MIN, min_real, min_int},       {HAQ_OP_MAX, max_real, max_int},
    {HAQ_OP_EQUAL, equal_real, equal_int},
};

static const struct binary *find_binary(enum haq_opcode code)
{
    const struct binary *b = binaries;

    while (b->code != code)
        b++;
    return b;
}

static haq_status combine(const struct haq_node *n, const struct binary *op,
                          const struct haq_value *a, const void *a_data,
                          const struct haq_value *b, struct haq_value *y,
                          void *out, struct haq_diag *d)
{
    struct haq_strided w;

    haq_strided_init(&w, &y->shape);
    haq_strided_broadcast(&w, &a->shape);
    haq_strided_broadcast(&w, &b->shape);
    for (size_t i = 0; i < y->count; i++) {
        size_t ia = (size_t)w.offset[0], ib = (size_t)w.offset[1];
        if (a->dtype == HAQ_F32) {
            double v = op->real(haq_dtype_get(a->dtype, a_data, ia),
                                haq_dtype_get(b->dtype, b->data, ib));
            if (y->dtype == HAQ_F32)
                ((float *)out)[i] = (float)v;
            else
                put_int(y->dtype, out, i, v != 0);
        } else {
            int64_t va = haq_dtype_get_int(a->dtype, a_data, ia);
            int64_t vb = haq_dtype_get_int(b->dtype, b->data, ib);
            if (op->code == HAQ_OP_DIV && !vb)
                return haq_fail(d, HAQ_FORMAT,
                                "node '%.120s': integer division by zero",
                                n->name);
            put_int(y->dtype, out, i, op->integer(va, vb));
        }
        haq_strided_next(&w);
    }
    return HAQ_OK;
}

haq_status haq_fold_binary(struct haq_graph *g, const struct haq_node *n,
                           void **out, struct haq_diag *d)
{
    const struct binary *op = find_binary(n->op->code);
    struct haq_value *y = &g->values[n->out[0]];
    struct haq_value first = g->values[n->in[0]];
    haq_status s;

    if (n->n_in == 1)
        return haq_fold_copy(g, n, out, d);
    s = combine(n, op, &first, first.data, &g->values[n->in[1]], y, out[0], d);
    /* Min and Max of more: the partial result is the first operand. */
    for (int k = 2; k < n->n_in && !s; k++)
        s = combine(n, op, y, out[0], &g->values[n->in[k]], y, out[0], d);
    return s;
}

haq_status haq_fold_unary(struct haq_graph *g, const struct haq_node *n,
                          void **out, struct haq_diag *d)
{
    const struct haq_value *x = &g->values[n->in[0]];
    enum haq_opcode code = n->op->code;

    (void)d;
    for (size_t i = 0; i < x->count; i++) {
        if (x->dtype == HAQ_F32) {
            double v = haq_dtype_get(x->dtype, x->data, i);
            ((float *)out[0])[i] = (float)(code == HAQ_OP_NEG    ? -v
                                           : code == HAQ_OP_ABS  ? fabs(v)
                                           : code == HAQ_OP_SQRT ? sqrt(v)
                                                                 : 1 / v);
        } else {
            int64_t v = haq_dtype_get_int(x->dtype, x->data, i);
            put_int(x->dtype, out[0], i,
                    code == HAQ_OP_ABS && v >= 0 ? v : sub_int(0, v));
        }
    }
    return HAQ_OK;
}

haq_status haq_fold_where(struct haq_graph *g, const struct haq_node *n,
                          void **out, struct haq_diag *d)
{
    const struct haq_value *y = &g->values[n->out[0]];
    size_t size = haq_dtype_info(y->dtype)->bytes;
    struct haq_strided w;

    (void)d;
    haq_strided_init(&w, &y->shape);
    for (int k = 0; k < 3; k++)
        haq_strided_broadcast(&w, &g->values[n->in[k]].shape);
    for (size_t i = 0; i < y->count; i++) {
        const uint8_t *cond = g->values[n->in[0]].data;
        int pick = cond[w.offset[0]] ? 1 : 2;
        const char *src = g->values[n->in[pick]].data;
        memcpy((char *)out[0] + i * size, src + (size_t)w.offset[pick] * size,
               size);
        haq_strided_next(&w);
    }
    return HAQ_OK;
}

haq_status haq_fold_cast(struct haq_graph *g, const struct haq_node *n,
                         void **out, struct haq_diag *d)
{
    const struct haq_value *x = &g->values[n->in[0]];
    const struct haq_value *y = &g->values[n->out[0]];

    for (size_t i = 0; i < x->count; i++) {
        if (x->dtype != HAQ_F32) {
            put_int(y->dtype, out[0], i,
                    haq_dtype_get_int(x->dtype, x->data, i));
            continue;
        }
        float v = ((const float *)x->data)[i];
        if (y->dtype == HAQ_F32)
            ((float *)out[0])[i] = v;
        else if (y->dtype == HAQ_BOOL)
            put_int(y->dtype, out[0], i, v != 0);
        else if (v > -9e18f && v < 9e18f)
            put_int(y->dtype, out[0], i, (int64_t)v);
        else
            return haq_fail(d, HAQ_FORMAT,
                            "node '%.120s': element %zu does not fit an "
                            "integer",
                            n->name, i);
    }
    return HAQ_OK;
}
