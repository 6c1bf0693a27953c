#include "quant/constants.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"

static const char prefix[] = "constant/";
enum { PREFIX = sizeof prefix - 1 };

static bool is_constant(const char *name)
{
    return !strncmp(name, prefix, PREFIX);
}

bool haq_constants_present(const struct haq_params *p)
{
    const char *name;
    for (size_t i = 0; p && (name = haq_params_name(p, i)); i++)
        if (is_constant(name))
            return true;
    return false;
}

haq_status haq_constants_put(struct haq_params *p, const struct haq_graph *g,
                             int value, struct haq_diag *d)
{
    const struct haq_value *v = &g->values[value];
    struct haq_array a = {
        .dtype = v->dtype, .rank = v->shape.rank, .count = v->count};
    struct haq_buf name;
    memcpy(a.dims, v->shape.dims, sizeof a.dims);
    memcpy(&a.data, &v->data, sizeof a.data); /* read only */
    haq_buf_init(&name);
    haq_buf_printf(&name, "%s%s", prefix, v->name);
    haq_status s = name.failed ? haq_fail(d, HAQ_NOMEM, "constant %s", v->name)
                               : haq_params_put(p, name.data, &a, d);
    haq_buf_fini(&name);
    return s;
}

static bool same_shape(const struct haq_value *v, const struct haq_array *a)
{
    bool same = v->shape.rank == a->rank;
    for (int i = 0; same && i < a->rank; i++)
        same = v->shape.dims[i] == a->dims[i];
    return same;
}

static haq_status apply(struct haq_graph *g, const char *name,
                        const struct haq_array *a, struct haq_diag *d)
{
    int at = haq_graph_find_value(g, name + PREFIX);
    struct haq_value *v = at < 0 ? NULL : &g->values[at];
    const float *from = a->data;
    if (!v || !v->data)
        return haq_fail(d, HAQ_INVALID,
                        "parameter %s: the model has no such constant", name);
    if (v->dtype != HAQ_F32 || a->dtype != HAQ_F32 || !same_shape(v, a))
        return haq_fail(d, HAQ_INVALID,
                        "parameter %s: the model's has another type or shape",
                        name);
    float *own = haq_arena_array(&g->arena, a->count + 1, sizeof *own);
    if (!own)
        return haq_fail(d, HAQ_NOMEM, "parameter %s", name);
    for (size_t i = 0; i < a->count; i++) {
        if (!isfinite(from[i]))
            return haq_fail(d, HAQ_INVALID, "parameter %s[%zu] is not a number",
                            name, i);
        own[i] = from[i];
    }
    v->data = own;
    return HAQ_OK;
}

haq_status haq_constants_apply(struct haq_graph *g, const struct haq_params *p,
                               struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    const char *name;
    for (size_t i = 0; !s && p && (name = haq_params_name(p, i)); i++)
        if (is_constant(name))
            s = apply(g, name, haq_params_get(p, name), d);
    return s;
}
