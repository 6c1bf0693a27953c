#include "quant/qweight_cache.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"
#include "quant/apply.h"
#include "quant/layer_weight.h"
#include "quant/params.h"

struct entry {
    struct haq_qweight weight;
    char *key;
};

struct haq_qweight_cache {
    struct haq_map map; /* key -> struct entry, owned */
};

struct haq_qweight_cache *haq_qweight_cache_new(void)
{
    struct haq_qweight_cache *c = calloc(1, sizeof *c);
    if (c)
        haq_map_init(&c->map);
    return c;
}

static void entry_free(struct entry *e)
{
    if (e) {
        haq_qweight_fini(&e->weight);
        free(e->key);
        free(e);
    }
}

void haq_qweight_cache_free(struct haq_qweight_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->map.len; i++)
        entry_free(c->map.entries[i].value);
    haq_map_fini(&c->map);
    free(c);
}

static char *make_key(const struct haq_graph *g, const char *layer,
                      const struct haq_weight_spec *spec,
                      const struct haq_params_layer *given)
{
    struct haq_buf b;
    char text[HAQ_SPEC_TEXT], hash[HAQ_HASH_HEX];
    haq_weight_spec_text(text, spec);
    haq_buf_init(&b);
    haq_buf_printf(&b, "%.64s/%s/%s", g->model_hash, layer, text);
    const struct haq_array *part[] = {given->scale, given->zero, given->codes,
                                      given->book};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        if (!part[i])
            continue;
        haq_hash(hash, part[i]->data,
                 part[i]->count * haq_dtype_info(part[i]->dtype)->bytes);
        haq_buf_printf(&b, "/%s", hash);
    }
    char *key = haq_buf_take(&b);
    haq_buf_fini(&b);
    return key;
}

/* Put the given scales in place of the ones from the weights. */
static haq_status use_scales(struct haq_qweight *q, const struct haq_array *a,
                             const char *layer, struct haq_diag *d)
{
    enum haq_dtype want = haq_qweight_scale_type(&q->spec);
    if (!haq_qweight_has_scales(&q->spec))
        return haq_fail(d, HAQ_INVALID,
                        "parameter weight/%s/scale: the recipe's %s has no "
                        "scales",
                        layer, q->spec.format->name);
    if (a->dtype != want || a->count != q->n * q->groups)
        return haq_fail(d, HAQ_INVALID,
                        "parameter weight/%s/scale has %zu %s, the recipe "
                        "needs %zu %s",
                        layer, a->count, haq_dtype_info(a->dtype)->name,
                        q->n * q->groups, haq_dtype_info(want)->name);
    for (size_t i = 0; i < a->count; i++) {
        q->scale[i] = (float)haq_dtype_get(a->dtype, a->data, i);
        if (!(q->scale[i] > 0) || !isfinite(q->scale[i]))
            return haq_fail(d, HAQ_INVALID,
                            "parameter weight/%s/scale[%zu] is not a positive "
                            "number",
                            layer, i);
        int e;
        if (haq_qweight_pow2_scales(&q->spec) &&
            frexpf(q->scale[i], &e) != 0.5f)
            return haq_fail(d, HAQ_INVALID,
                            "parameter weight/%s/scale[%zu] is no power of two",
                            layer, i);
    }
    return HAQ_OK;
}

static haq_status use_zeros(struct haq_qweight *q, const struct haq_array *a,
                            const char *layer, struct haq_diag *d)
{
    int half = 1 << (q->spec.format->bits - 1);
    if (!q->zero || a->dtype != HAQ_I8 || a->count != q->n * q->groups)
        return haq_fail(d, HAQ_INVALID,
                        "parameter weight/%s/zero does not fit the recipe's "
                        "%s",
                        layer, q->spec.format->name);
    memcpy(q->zero, a->data, a->count);
    for (size_t i = 0; i < a->count; i++)
        if (q->zero[i] < -half || q->zero[i] >= half)
            return haq_fail(d, HAQ_INVALID,
                            "parameter weight/%s/zero[%zu] is no code of %s",
                            layer, i, q->spec.format->name);
    return HAQ_OK;
}

static haq_status use_codes(struct haq_qweight *q, const struct haq_array *a,
                            const char *layer, struct haq_diag *d)
{
    if (!q->spec.format->integer)
        return haq_fail(d, HAQ_INVALID,
                        "parameter weight/%s/codes: %s has none of its own",
                        layer, q->spec.format->name);
    if (a->dtype != HAQ_I8 || a->count != q->n * q->k)
        return haq_fail(d, HAQ_INVALID,
                        "parameter weight/%s/codes has %zu %s, the layer has "
                        "%zu weights",
                        layer, a->count, haq_dtype_info(a->dtype)->name,
                        q->n * q->k);
    q->codes = malloc(a->count + 1);
    if (!q->codes)
        return haq_fail(d, HAQ_NOMEM, "%zu weight codes", a->count);
    memcpy(q->codes, a->data, a->count);
    for (size_t i = 0; i < a->count; i++)
        if (!haq_qweight_is_code(&q->spec, q->codes[i]))
            return haq_fail(d, HAQ_INVALID,
                            "parameter weight/%s/codes[%zu] is no code of %s",
                            layer, i, q->spec.format->name);
    return HAQ_OK;
}

static haq_status use_book(struct haq_qweight *q, const struct haq_array *a,
                           const char *layer, struct haq_diag *d)
{
    size_t levels = haq_qweight_levels(&q->spec);
    if (!levels || a->dtype != haq_qweight_scale_type(&q->spec) ||
        a->count != haq_qweight_runs(q) * levels)
        return haq_fail(d, HAQ_INVALID,
                        "parameter weight/%s/codebook does not fit the "
                        "recipe's %s",
                        layer, q->spec.format->name);
    for (size_t i = 0; i < a->count; i++) {
        q->book[i] = (float)haq_dtype_get(a->dtype, a->data, i);
        if (!isfinite(q->book[i]) ||
            (i % levels && q->book[i] < q->book[i - 1]))
            return haq_fail(d, HAQ_INVALID,
                            "parameter weight/%s/codebook[%zu] is not finite "
                            "or smaller than the level before it",
                            layer, i);
    }
    return HAQ_OK;
}

static haq_status quantize(struct haq_qweight *q, const struct haq_graph *g,
                           const struct haq_node *layer,
                           const struct haq_weight_spec *spec,
                           const struct haq_params_layer *given,
                           struct haq_diag *d)
{
    struct haq_layer_weight m;
    haq_status s = haq_layer_weight_get(&m, g, layer, d);
    if (s)
        return s;
    if (given->book) /* nothing is learned again */
        s = haq_qweight_alloc(q, m.n, m.k, spec, d);
    else
        s = haq_qweight_scales(q, m.w, m.n, m.k, spec, d);
    if (!s && given->book)
        s = use_book(q, given->book, layer->layer, d);
    if (!s && given->scale)
        s = use_scales(q, given->scale, layer->layer, d);
    if (!s && given->zero)
        s = use_zeros(q, given->zero, layer->layer, d);
    if (!s && given->codes)
        s = use_codes(q, given->codes, layer->layer, d);
    else if (!s)
        s = haq_qweight_round(q, m.w, d);
    haq_layer_weight_fini(&m);
    return s;
}

haq_status haq_qweight_cache_get(const struct haq_qweight **out,
                                 const char **key, struct haq_qweight_cache *c,
                                 const struct haq_graph *g,
                                 const struct haq_node *layer,
                                 const struct haq_weight_spec *spec,
                                 const struct haq_params *params,
                                 struct haq_diag *d)
{
    struct haq_params_layer given;
    struct entry *fresh = NULL, *e;
    haq_status s = haq_params_layer(&given, params, layer->layer, d);
    if (s)
        return s;
    char *text = make_key(g, layer->layer, spec, &given);
    if (!text)
        return haq_fail(d, HAQ_NOMEM, "weight of %s", layer->layer);
    e = haq_map_get(&c->map, text);
    if (!e) {
        fresh = calloc(1, sizeof *fresh);
        s = fresh ? quantize(&fresh->weight, g, layer, spec, &given, d)
                  : haq_fail(d, HAQ_NOMEM, "weight of %s", layer->layer);
        if (s)
            goto done;
        fresh->key = text;
        text = NULL;
        if (!haq_map_put(&c->map, fresh->key, fresh)) {
            s = haq_fail(d, HAQ_NOMEM, "weight of %s", layer->layer);
            goto done;
        }
        e = fresh;
        fresh = NULL;
    }
    *out = &e->weight;
    *key = e->key;
done:
    entry_free(fresh);
    free(text);
    return s;
}
