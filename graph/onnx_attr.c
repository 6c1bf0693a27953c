#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "graph/onnx_node_priv.h"

/* AttributeProto.AttributeType */
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_STRING = 3, TYPE_INTS = 7 };

const struct haq_value *haq_onnx_input(const struct haq_onnx_node *c, int k)
{
    const struct haq_node *n = haq_onnx_self(c);

    return k < n->n_in && n->in[k] != HAQ_NO_VALUE ? &c->g->values[n->in[k]]
                                                   : NULL;
}

void haq_onnx_refuse(struct haq_onnx_node *c, haq_status s, const char *fmt,
                     ...)
{
    const struct haq_node *n = haq_onnx_self(c);
    char reason[240];
    va_list ap;

    if (c->status)
        return;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    c->status = haq_fail(c->diag, s, "node '%.120s': %s %s", n->name,
                         n->op->name, reason);
}

const Onnx__AttributeProto *haq_onnx_attr(struct haq_onnx_node *c,
                                          const char *name)
{
    for (size_t i = 0; i < c->proto->n_attribute; i++) {
        const Onnx__AttributeProto *a = c->proto->attribute[i];
        if (!a->name || strcmp(a->name, name))
            continue;
        c->read |= (uint64_t)1 << (i & 63);
        return a;
    }
    return NULL;
}

/* The attribute if it has that type (type 0: very old files leave it out). */
static const Onnx__AttributeProto *typed(struct haq_onnx_node *c,
                                         const char *name, int type)
{
    const Onnx__AttributeProto *a = haq_onnx_attr(c, name);

    if (a && a->type && a->type != type) {
        haq_onnx_refuse(c, HAQ_FORMAT, "has attribute '%s' of a wrong type",
                        name);
        return NULL;
    }
    return a;
}

int64_t haq_onnx_int(struct haq_onnx_node *c, const char *name, int64_t def)
{
    const Onnx__AttributeProto *a = typed(c, name, TYPE_INT);

    return a ? a->i : def;
}

float haq_onnx_float(struct haq_onnx_node *c, const char *name, float def)
{
    const Onnx__AttributeProto *a = typed(c, name, TYPE_FLOAT);

    if (a && !isfinite(a->f))
        haq_onnx_refuse(c, HAQ_INVALID, "has attribute '%s' that is not finite",
                        name);
    return a ? a->f : def;
}

const char *haq_onnx_str(struct haq_onnx_node *c, const char *name,
                         const char *def)
{
    const Onnx__AttributeProto *a = typed(c, name, TYPE_STRING);

    if (!a)
        return def;
    const char *s =
        haq_arena_printf(&c->g->arena, "%.*s", (int)(a->s.len & 255),
                         a->s.data ? (const char *)a->s.data : "");
    if (!s)
        haq_onnx_refuse(c, HAQ_NOMEM, "cannot be read");
    return s ? s : def;
}

static void copy_ints(struct haq_onnx_node *c, const char *name,
                      const int64_t *v, size_t n, struct haq_onnx_ints *out)
{
    if (n > sizeof out->v / sizeof *out->v) {
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has %zu values in '%s'", n, name);
        return;
    }
    out->given = true;
    out->n = (int)n;
    for (size_t i = 0; i < n; i++)
        out->v[i] = v[i];
}

void haq_onnx_ints(struct haq_onnx_node *c, const char *name,
                   struct haq_onnx_ints *out)
{
    const Onnx__AttributeProto *a = typed(c, name, TYPE_INTS);

    memset(out, 0, sizeof *out);
    if (a)
        copy_ints(c, name, a->ints, a->n_ints, out);
}

/* Constant input k or NULL; one that is there but not constant is refused. */
static const struct haq_value *constant(struct haq_onnx_node *c,
                                        const char *name, int k)
{
    const struct haq_value *v = haq_onnx_input(c, k);

    if (v && !v->data) {
        haq_onnx_refuse(c, HAQ_UNSUPPORTED,
                        "has '%s' from '%.120s', which is not constant", name,
                        v->name);
        return NULL;
    }
    return v;
}

void haq_onnx_ints_or_input(struct haq_onnx_node *c, const char *name, int k,
                            struct haq_onnx_ints *out)
{
    const struct haq_value *v;

    haq_onnx_ints(c, name, out);
    if (out->given || !(v = constant(c, name, k)))
        return;
    if ((v->dtype != HAQ_I64 && v->dtype != HAQ_I32) || v->shape.rank > 1) {
        haq_onnx_refuse(c, HAQ_FORMAT, "has '%s' that is no list of integers",
                        name);
        return;
    }
    if (v->count > sizeof out->v / sizeof *out->v) {
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has %zu values in '%s'", v->count,
                        name);
        return;
    }
    out->given = true;
    out->n = (int)v->count;
    for (size_t i = 0; i < v->count; i++)
        out->v[i] = haq_dtype_get_int(v->dtype, v->data, i);
}

bool haq_onnx_real_or_input(struct haq_onnx_node *c, const char *name, int k,
                            float *out)
{
    const Onnx__AttributeProto *a = typed(c, name, TYPE_FLOAT);
    const struct haq_value *v = a ? NULL : constant(c, name, k);

    if (a) {
        *out = a->f;
    } else if (v && v->count == 1) {
        *out = (float)haq_dtype_get(v->dtype, v->data, 0);
    } else {
        if (v)
            haq_onnx_refuse(c, HAQ_FORMAT, "has '%s' that is not one number",
                            name);
        return false;
    }
    if (isnan(*out))
        haq_onnx_refuse(c, HAQ_INVALID, "has '%s' that is NaN", name);
    return true;
}

int64_t haq_onnx_axis(struct haq_onnx_node *c, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank)
        return axis < 0 ? axis + rank : axis;
    haq_onnx_refuse(c, HAQ_FORMAT, "has axis %lld of %d", (long long)axis,
                    rank);
    return 0;
}

void haq_onnx_set_axes(struct haq_onnx_node *c, const struct haq_onnx_ints *in,
                       int rank)
{
    struct haq_attrs *a = &haq_onnx_self(c)->attr;
    bool used[HAQ_MAX_RANK] = {false};

    for (int i = 0; i < in->n; i++) {
        int64_t axis = haq_onnx_axis(c, in->v[i], rank);
        if (c->status)
            return;
        if (used[axis])
            haq_onnx_refuse(c, HAQ_FORMAT, "names axis %lld twice",
                            (long long)axis);
        used[axis] = true;
    }
    a->n_axes = 0;
    for (int i = 0; i < rank; i++)
        if (used[i])
            a->axes[a->n_axes++] = i;
}

void haq_onnx_check_read(struct haq_onnx_node *c)
{
    if (c->proto->n_attribute > 64)
        haq_onnx_refuse(c, HAQ_UNSUPPORTED, "has %zu attributes",
                        c->proto->n_attribute);
    for (size_t i = 0; i < c->proto->n_attribute && i < 64; i++) {
        const char *name = c->proto->attribute[i]->name;
        if (!(c->read >> i & 1))
            haq_onnx_refuse(c, HAQ_UNSUPPORTED,
                            "has attribute '%.60s', which is not supported",
                            name ? name : "");
    }
}
