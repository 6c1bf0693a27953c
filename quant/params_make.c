/* haq_params_make: what executing a recipe needs, from weights and statistics.
 */
#include "quant/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "quant/apply.h"
#include "quant/range.h"

static haq_status put(struct haq_params *p, struct haq_buf *name,
                      const struct haq_array *a, struct haq_diag *d)
{
    haq_status s = name->failed ? haq_fail(d, HAQ_NOMEM, "name of a parameter")
                                : haq_params_put(p, name->data, a, d);
    haq_buf_fini(name);
    return s;
}

static struct haq_array matrix(enum haq_dtype dtype, size_t n, size_t groups)
{
    return (struct haq_array){.dtype = dtype,
                              .rank = 2,
                              .dims = {(int64_t)n, (int64_t)groups},
                              .count = n * groups};
}

/* a->count numbers as fp16. */
static haq_status put_f16(struct haq_params *p, struct haq_buf *name,
                          struct haq_array a, const float *from,
                          struct haq_diag *d)
{
    uint16_t *half = calloc(a.count + 1, sizeof *half);
    if (!half) {
        haq_buf_fini(name);
        return haq_fail(d, HAQ_NOMEM, "%zu scales", a.count);
    }
    for (size_t i = 0; i < a.count; i++)
        half[i] = haq_f32_to_f16(from[i]);
    a.data = half;
    haq_status s = put(p, name, &a, d);
    free(half);
    return s;
}

/* Scales or levels, as the spec stores them. */
static haq_status put_reals(struct haq_params *p, const char *layer,
                            const char *what, const struct haq_weight_spec *sp,
                            struct haq_array a, float *from, struct haq_diag *d)
{
    struct haq_buf name;
    haq_buf_init(&name);
    haq_buf_printf(&name, "weight/%s/%s", layer, what);
    a.dtype = haq_qweight_scale_type(sp);
    a.data = from;
    return a.dtype == HAQ_F16 ? put_f16(p, &name, a, from, d)
                              : put(p, &name, &a, d);
}

haq_status haq_params_put_weight(struct haq_params *p, const char *layer,
                                 const struct haq_qweight *w,
                                 struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_buf name;
    struct haq_array a = matrix(HAQ_F32, w->n, w->groups);
    struct haq_array book =
        matrix(HAQ_F32, haq_qweight_runs(w), haq_qweight_levels(&w->spec));
    a.rank = w->spec.granularity == HAQ_PER_GROUP ? 2 : 1;
    if (haq_qweight_has_scales(&w->spec))
        s = put_reals(p, layer, "scale", &w->spec, a, w->scale, d);
    if (!s && w->book)
        s = put_reals(p, layer, "codebook", &w->spec, book, w->book, d);
    if (s || !w->zero)
        return s;
    struct haq_array z = matrix(HAQ_I8, w->n, w->groups);
    z.data = w->zero;
    haq_buf_init(&name);
    haq_buf_printf(&name, "weight/%s/zero", layer);
    return put(p, &name, &z, d);
}

haq_status haq_params_put_codes(struct haq_params *p, const char *layer,
                                const struct haq_qweight *w, struct haq_diag *d)
{
    struct haq_buf name;
    struct haq_array a = matrix(HAQ_I8, w->n, w->k);
    a.data = w->codes;
    haq_buf_init(&name);
    haq_buf_printf(&name, "weight/%s/codes", layer);
    return put(p, &name, &a, d);
}

haq_status haq_params_put_bias(struct haq_params *p, const char *layer,
                               const float *bias, size_t n, struct haq_diag *d)
{
    struct haq_buf name;
    struct haq_array a = matrix(HAQ_F32, n, 1);
    float *copy = malloc((n + 1) * sizeof *copy);
    if (!copy)
        return haq_fail(d, HAQ_NOMEM, "bias of %s", layer);
    memcpy(copy, bias, n * sizeof *copy);
    a.rank = 1;
    a.data = copy;
    haq_buf_init(&name);
    haq_buf_printf(&name, "bias/%s", layer);
    haq_status s = put(p, &name, &a, d);
    free(copy);
    return s;
}

/* One entry serves all formats of a tensor while their ranges agree (they need
 * not under "mse"); a range of its own gets the format in its name. */
static haq_status put_range(struct haq_params *p, const char *tensor,
                            const struct haq_act_spec *spec,
                            const struct haq_recipe *r,
                            const struct haq_calib *calib, struct haq_diag *d)
{
    float range[2];
    struct haq_buf name;
    struct haq_array a = {
        .dtype = HAQ_F32, .rank = 1, .dims = {2}, .count = 2, .data = range};
    haq_status s = haq_range_find(range, tensor, spec, r, calib, NULL, d);
    if (s)
        return s;
    haq_buf_init(&name);
    haq_buf_printf(&name, "act/%s", tensor);
    const struct haq_array *old =
        name.failed ? NULL : haq_params_get(p, name.data);
    if (old) {
        const float *was = old->data;
        if (was[0] == range[0] && was[1] == range[1]) {
            haq_buf_fini(&name);
            return HAQ_OK;
        }
        haq_buf_printf(&name, ":%s", spec->format->name);
    }
    return put(p, &name, &a, d);
}

static haq_status put_node(struct haq_params *p, const struct haq_qgraph *q,
                           int node, const struct haq_recipe *r,
                           const struct haq_calib *calib, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    const struct haq_node *n = &q->graph->nodes[node];
    const struct haq_qnode *qn = &q->node[node];
    if (qn->weight)
        s = haq_params_put_weight(p, n->layer, qn->weight, d);
    for (int i = 0; !s && i < n->n_in; i++)
        if (qn->in[i].quantized && !qn->in[i].dynamic)
            s = put_range(p, q->graph->values[n->in[i]].source, &qn->in[i].spec,
                          r, calib, d);
    return s;
}

haq_status haq_params_make(struct haq_params **out, const struct haq_graph *g,
                           const struct haq_recipe *r,
                           const struct haq_calib *calib, struct haq_diag *d)
{
    struct haq_qgraph q = {0};
    struct haq_params *p = haq_params_new();
    struct haq_qweight_cache *cache = haq_qweight_cache_new();
    haq_status s = p && cache ? haq_apply(&q, g, r, calib, NULL, cache, d)
                              : haq_fail(d, HAQ_NOMEM, "parameters");
    for (int i = 0; !s && i < g->n_nodes; i++)
        s = put_node(p, &q, i, r, calib, d);
    if (!s) {
        *out = p;
        p = NULL;
    }
    haq_qgraph_fini(&q);
    haq_qweight_cache_free(cache);
    haq_params_free(p);
    return s;
}
