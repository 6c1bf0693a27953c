#include "quant/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include "graph/layers.h"
#include "quant/qweight.h"

void haq_recipe_init(struct haq_recipe *r)
{
    *r = (struct haq_recipe){.calib_method = "minmax"};
    haq_arena_init(&r->arena);
}

void haq_recipe_fini(struct haq_recipe *r)
{
    json_decref(r->provenance);
    json_decref(r->results);
    haq_arena_fini(&r->arena);
    *r = (struct haq_recipe){0};
}

haq_status haq_recipe_read(struct haq_recipe *out, const char *path,
                           struct haq_diag *d)
{
    json_t *j = NULL;
    haq_status s = haq_json_read(path, &j, d);
    if (!s)
        s = haq_recipe_from_json(out, j, path, d);
    json_decref(j);
    return s;
}

haq_status haq_recipe_write(const struct haq_recipe *r, const char *path,
                            struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    char *text = NULL;
    size_t len = 0;
    json_t *j = haq_recipe_to_json(r);
    if (j)
        text = haq_json_canonical(j, &len);
    if (!text) {
        s = haq_fail(d, HAQ_NOMEM, "recipe %s", path);
        goto done;
    }
    text[len] = '\n'; /* in place of the NUL: the length is given */
    s = haq_file_write(path, text, len + 1, d);
done:
    free(text);
    json_decref(j);
    return s;
}

/* A layer that stays float is the same candidate as one that is not listed. */
static void drop_float_layers(json_t *j)
{
    json_t *layers = json_object_get(j, "layers");
    for (size_t i = json_array_size(layers); i-- > 0;) {
        json_t *l = json_array_get(layers, i);
        const char *w = json_string_value(json_object_get(l, "weight"));
        const char *a = json_string_value(json_object_get(l, "activation"));
        if (!strcmp(w, "float") && !strcmp(a, "float"))
            json_array_remove(layers, i);
    }
}

/* SHA-256 of the members of the recipe that are its identity. */
static haq_status hash_recipe(const struct haq_recipe *r, bool with_params,
                              char out[HAQ_HASH_HEX], struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    char *text = NULL;
    size_t len = 0;
    json_t *j = haq_recipe_to_json(r);
    if (!j)
        goto memory;
    json_object_del(j, "recipe");
    json_object_del(j, "provenance");
    json_object_del(j, "results");
    json_object_del(j, "params");
    drop_float_layers(j);
    if (with_params && r->params_hash[0] &&
        json_object_set_new(j, "params",
                            json_sprintf("sha256:%s", r->params_hash)))
        goto memory;
    text = haq_json_canonical(j, &len);
    if (!text)
        goto memory;
    haq_hash(out, text, len);
    goto done;
memory:
    s = haq_fail(d, HAQ_NOMEM, "hash of a recipe");
done:
    free(text);
    json_decref(j);
    return s;
}

haq_status haq_recipe_assignment_id(const struct haq_recipe *r,
                                    char out[HAQ_HASH_HEX], struct haq_diag *d)
{
    return hash_recipe(r, false, out, d);
}

haq_status haq_recipe_id(const struct haq_recipe *r, char out[HAQ_HASH_HEX],
                         struct haq_diag *d)
{
    return hash_recipe(r, true, out, d);
}

static haq_status check_layer(const struct haq_recipe *r, const char *name,
                              const struct haq_recipe_layer *l,
                              struct haq_diag *d)
{
    char words[HAQ_SPEC_TEXT];
    bool act_int = l->act.format->integer;
    haq_weight_spec_text(words, &l->weight);
    if (!l->weight.format->integer && act_int)
        return haq_fail(d, HAQ_INVALID,
                        "%s: layer %s: %s weights need float activations", name,
                        l->tensor, words);
    if (act_int && !l->act.dynamic && !r->calib_hash[0] && !r->params_hash[0])
        return haq_fail(d, HAQ_INVALID,
                        "%s: layer %s has static activations, but the recipe "
                        "names neither calibration data nor a params file",
                        name, l->tensor);
    return HAQ_OK;
}

haq_status haq_recipe_check(const struct haq_recipe *r, const char *name,
                            const struct haq_layers *l, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_map known;
    haq_map_init(&known);
    if (strcmp(r->model_hash, l->model_hash)) {
        s = haq_fail(d, HAQ_INVALID,
                     "%s: recipe is for model sha256:%s, this is sha256:%s",
                     name, r->model_hash, l->model_hash);
        goto done;
    }
    for (size_t i = 0; i < l->n; i++)
        if (!haq_map_put(&known, l->layer[i].tensor, &l->layer[i])) {
            s = haq_fail(d, HAQ_NOMEM, "layers of %s", name);
            goto done;
        }
    for (size_t i = 0; !s && i < r->n; i++) {
        if (!haq_map_has(&known, r->layer[i].tensor))
            s = haq_fail(d, HAQ_INVALID, "%s: the model has no layer %s", name,
                         r->layer[i].tensor);
        else
            s = check_layer(r, name, &r->layer[i], d);
    }
done:
    haq_map_fini(&known);
    return s;
}

bool haq_recipe_tunes(const struct haq_recipe_layer *l)
{
    return l->methods[0] && strcmp(l->methods, "rtn");
}

bool haq_recipe_tunes_any(const struct haq_recipe *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (haq_recipe_tunes(&r->layer[i]))
            return true;
    return false;
}

haq_status haq_recipe_uniform(struct haq_recipe *out,
                              const struct haq_layers *l,
                              const struct haq_weight_spec *w,
                              const struct haq_act_spec *a, struct haq_diag *d)
{
    struct haq_recipe r;
    haq_recipe_init(&r);
    memcpy(r.model_hash, l->model_hash, sizeof r.model_hash);
    r.layer = haq_arena_array(&r.arena, l->n, sizeof *r.layer);
    r.n = r.layer ? l->n : 0;
    bool failed = !r.layer;
    for (size_t i = 0; i < r.n; i++) {
        r.layer[i] = (struct haq_recipe_layer){
            .tensor = haq_arena_strdup(&r.arena, l->layer[i].tensor),
            .weight = *w,
            .act = *a,
            .methods = "rtn",
        };
        failed = failed || !r.layer[i].tensor;
    }
    if (failed) {
        haq_recipe_fini(&r);
        return haq_fail(d, HAQ_NOMEM, "recipe of %zu layers", l->n);
    }
    *out = r;
    return HAQ_OK;
}

static const struct haq_recipe_layer *find_layer(const struct haq_recipe *r,
                                                 const char *tensor)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (!strcmp(r->layer[i].tensor, tensor))
            return &r->layer[i];
    return NULL;
}

size_t haq_recipe_size_bytes(const struct haq_recipe *r,
                             const struct haq_layers *l)
{
    size_t bytes = (size_t)l->other_bytes;
    for (size_t i = 0; i < l->n; i++) {
        const struct haq_layer *m = &l->layer[i];
        size_t n = (size_t)m->channels, k = (size_t)m->reduction;
        const struct haq_recipe_layer *q = find_layer(r, m->tensor);
        bytes +=
            q ? haq_qweight_bytes(&q->weight, n, k) : n * k * sizeof(float);
        if (m->bias)
            bytes += n * sizeof(float);
    }
    return bytes;
}
