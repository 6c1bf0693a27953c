/* The JSON of a recipe; docs/recipe.md is the schema. */
#include "quant/recipe.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "quant/calib_method.h"

enum { VERSION = 1, WHERE = 160, METHOD_NAME = 24 };

static const char HASH_PREFIX[] = "sha256:";

static haq_status no_memory(const char *name, struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "recipe %s", name);
}

/* Every key of `o` is in the list (ends with NULL) or starts with "x-". */
static haq_status known_keys(json_t *o, const char *where,
                             const char *const *keys, struct haq_diag *d)
{
    for (void *it = json_object_iter(o); it;
         it = json_object_iter_next(o, it)) {
        const char *key = json_object_iter_key(it);
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], key))
            i++;
        if (!keys[i] && strncmp(key, "x-", 2))
            return haq_fail(d, HAQ_FORMAT, "%s: unknown key \"%.60s\"", where,
                            key);
    }
    return HAQ_OK;
}

/* "sha256:" and 64 hex digits; the digits go to out. */
static haq_status get_hash(const json_t *o, const char *where, const char *key,
                           char out[HAQ_HASH_HEX], struct haq_diag *d)
{
    const char *text;
    size_t skip = sizeof HASH_PREFIX - 1;
    haq_status s = haq_json_get_str(o, where, key, &text, d);
    if (s)
        return s;
    if (strncmp(text, HASH_PREFIX, skip) ||
        strspn(text + skip, "0123456789abcdef") != HAQ_HASH_HEX - 1 ||
        strlen(text + skip) != HAQ_HASH_HEX - 1)
        return haq_fail(d, HAQ_FORMAT,
                        "%s.%s: not \"sha256:\" and 64 hex digits", where, key);
    memcpy(out, text + skip, HAQ_HASH_HEX);
    return HAQ_OK;
}

static haq_status parse_calibration(struct haq_recipe *r, json_t *o,
                                    const char *name, struct haq_diag *d)
{
    static const char *const keys[] = {"data", "method", NULL};
    const struct haq_calib_method *m;
    const char *text;
    double parameter;
    char where[WHERE];
    snprintf(where, sizeof where, "%s: calibration", name);
    haq_status s = known_keys(o, where, keys, d);
    if (!s)
        s = haq_json_get_str(o, where, "method", &text, d);
    if (s)
        return s;
    if (haq_calib_method_parse(&m, &parameter, text, d))
        return haq_fail_in(d, HAQ_FORMAT, where);
    if (json_object_get(o, "data"))
        s = get_hash(o, where, "data", r->calib_hash, d);
    r->calib_method = haq_arena_strdup(&r->arena, text);
    return r->calib_method || s ? s : no_memory(name, d);
}

/* The file must stand beside the recipe: whoever sends a recipe must not be
 * able to point elsewhere. */
static haq_status parse_params(struct haq_recipe *r, json_t *o,
                               const char *name, struct haq_diag *d)
{
    static const char *const keys[] = {"file", "sha256", NULL};
    const char *file, *hash;
    char where[WHERE];
    snprintf(where, sizeof where, "%s: params", name);
    haq_status s = known_keys(o, where, keys, d);
    if (!s)
        s = haq_json_get_str(o, where, "file", &file, d);
    if (!s)
        s = haq_json_get_str(o, where, "sha256", &hash, d);
    if (s)
        return s;
    if (!*file || strchr(file, '/') || !strcmp(file, ".."))
        return haq_fail(d, HAQ_FORMAT,
                        "%s.file: must be a file name without folders", where);
    if (strlen(hash) != HAQ_HASH_HEX - 1 ||
        strspn(hash, "0123456789abcdef") != HAQ_HASH_HEX - 1)
        return haq_fail(d, HAQ_FORMAT, "%s.sha256: not 64 hex digits", where);
    memcpy(r->params_hash, hash, HAQ_HASH_HEX);
    r->params_file = haq_arena_strdup(&r->arena, file);
    return r->params_file ? HAQ_OK : no_memory(name, d);
}

/* Whoever tunes knows the methods; whoever executes what they found need not.
 */
static bool is_method(const char *name)
{
    size_t len = strlen(name);
    return len && len <= METHOD_NAME &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static haq_status parse_methods(struct haq_recipe *r,
                                struct haq_recipe_layer *l, const json_t *o,
                                const char *where, struct haq_diag *d)
{
    json_t *list;
    haq_status s = haq_json_get_array(o, where, "methods", &list, d);
    if (s)
        return s;
    l->methods = "";
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *m = json_string_value(json_array_get(list, i));
        if (!m || !is_method(m))
            return haq_fail(d, HAQ_FORMAT,
                            "%s.methods[%zu]: '%.40s' is not a method", where,
                            i, m ? m : "(not a string)");
        l->methods =
            haq_arena_printf(&r->arena, "%s%s%s", l->methods, i ? "," : "", m);
        if (!l->methods)
            return no_memory(where, d);
    }
    return HAQ_OK;
}

static haq_status parse_layer(struct haq_recipe *r, struct haq_recipe_layer *l,
                              json_t *o, const char *where, struct haq_diag *d)
{
    static const char *const keys[] = {"activation", "methods", "tensor",
                                       "weight", NULL};
    const char *tensor, *weight, *act;
    if (!json_is_object(o))
        return haq_fail(d, HAQ_FORMAT, "%s: not an object", where);
    haq_status s = known_keys(o, where, keys, d);
    if (!s)
        s = haq_json_get_str(o, where, "tensor", &tensor, d);
    if (!s)
        s = haq_json_get_str(o, where, "weight", &weight, d);
    if (!s)
        s = haq_json_get_str(o, where, "activation", &act, d);
    if (!s)
        s = parse_methods(r, l, o, where, d);
    if (s)
        return s;
    if (haq_weight_spec_parse(&l->weight, weight, d) ||
        haq_act_spec_parse(&l->act, act, d))
        return haq_fail_in(d, HAQ_FORMAT, where);
    l->tensor = haq_arena_strdup(&r->arena, tensor);
    return l->tensor ? HAQ_OK : no_memory(where, d);
}

static haq_status parse_layers(struct haq_recipe *r, const json_t *list,
                               const char *name, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_map seen;
    size_t n = json_array_size(list);
    haq_map_init(&seen);
    r->layer = haq_arena_array(&r->arena, n, sizeof *r->layer);
    if (!r->layer)
        s = no_memory(name, d);
    for (size_t i = 0; !s && i < n; i++) {
        struct haq_recipe_layer *l = &r->layer[i];
        char where[WHERE];
        snprintf(where, sizeof where, "%s: layers[%zu]", name, i);
        s = parse_layer(r, l, json_array_get(list, i), where, d);
        if (!s && haq_map_has(&seen, l->tensor))
            s = haq_fail(d, HAQ_FORMAT, "%s: layer %.100s is listed twice",
                         where, l->tensor);
        if (!s && !haq_map_put(&seen, l->tensor, l))
            s = no_memory(name, d);
        r->n = i + 1;
    }
    haq_map_fini(&seen);
    return s;
}

static haq_status parse_head(struct haq_recipe *r, const json_t *j,
                             const char *name, json_t **layers,
                             struct haq_diag *d)
{
    static const char *const keys[] = {"calibration", "layers",     "model",
                                       "params",      "provenance", "recipe",
                                       "results",     NULL};
    int64_t version;
    if (!json_is_object(j))
        return haq_fail(d, HAQ_FORMAT, "%s: not a JSON object", name);
    haq_status s = haq_json_get_int(j, name, "recipe", &version, d);
    if (s)
        return s;
    if (version != VERSION)
        return haq_fail(d, HAQ_FORMAT,
                        "%s: recipe version %lld, this program reads %d", name,
                        (long long)version, VERSION);
    /* Jansson's iterators take no const object, though they change nothing. */
    s = known_keys((json_t *)(uintptr_t)j, name, keys, d);
    if (!s)
        s = get_hash(j, name, "model", r->model_hash, d);
    return s ? s : haq_json_get_array(j, name, "layers", layers, d);
}

static haq_status parse_optional(struct haq_recipe *r, const json_t *j,
                                 const char *name, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    json_t *o;
    if (json_object_get(j, "calibration")) {
        s = haq_json_get_object(j, name, "calibration", &o, d);
        if (!s)
            s = parse_calibration(r, o, name, d);
    }
    if (!s && json_object_get(j, "params")) {
        s = haq_json_get_object(j, name, "params", &o, d);
        if (!s)
            s = parse_params(r, o, name, d);
    }
    r->provenance = json_incref(json_object_get(j, "provenance"));
    r->results = json_incref(json_object_get(j, "results"));
    return s;
}

haq_status haq_recipe_from_json(struct haq_recipe *out, const json_t *j,
                                const char *name, struct haq_diag *d)
{
    struct haq_recipe r;
    json_t *layers = NULL;
    haq_recipe_init(&r);
    haq_status s = parse_head(&r, j, name, &layers, d);
    if (!s)
        s = parse_optional(&r, j, name, d);
    if (!s)
        s = parse_layers(&r, layers, name, d);
    if (s)
        haq_recipe_fini(&r);
    else
        *out = r;
    return s;
}

static json_t *prefixed(const char *hash)
{
    return json_sprintf("%s%s", HASH_PREFIX, hash);
}

static json_t *methods_to_json(const char *list)
{
    json_t *a = json_array();
    while (*list) {
        size_t n = strcspn(list, ",");
        json_array_append_new(a, json_stringn(list, n));
        list += n + (list[n] == ',');
    }
    return a;
}

static json_t *layer_to_json(const struct haq_recipe_layer *l)
{
    char weight[HAQ_SPEC_TEXT], act[HAQ_SPEC_TEXT];
    haq_weight_spec_text(weight, &l->weight);
    haq_act_spec_text(act, &l->act);
    return json_pack("{s:s, s:o, s:s, s:s}", "activation", act, "methods",
                     methods_to_json(l->methods), "tensor", l->tensor, "weight",
                     weight);
}

/* Jansson's setters take NULL as a failure and say so: the results add up. */
json_t *haq_recipe_to_json(const struct haq_recipe *r)
{
    json_t *j = json_object(), *layers = json_array(), *calib = NULL;
    int bad = 0;
    for (size_t i = 0; i < r->n; i++)
        bad |= json_array_append_new(layers, layer_to_json(&r->layer[i]));
    bad |= json_object_set_new(j, "recipe", json_integer(VERSION));
    bad |= json_object_set_new(j, "model", prefixed(r->model_hash));
    bad |= json_object_set_new(j, "layers", layers);
    if (r->calib_hash[0] || strcmp(r->calib_method, "minmax")) {
        calib = json_pack("{s:s}", "method", r->calib_method);
        if (r->calib_hash[0])
            bad |= json_object_set_new(calib, "data", prefixed(r->calib_hash));
        bad |= json_object_set_new(j, "calibration", calib);
    }
    if (r->params_file)
        bad |=
            json_object_set_new(j, "params",
                                json_pack("{s:s, s:s}", "file", r->params_file,
                                          "sha256", r->params_hash));
    if (r->provenance)
        bad |= json_object_set(j, "provenance", r->provenance);
    if (r->results)
        bad |= json_object_set(j, "results", r->results);
    if (bad) {
        json_decref(j);
        return NULL;
    }
    return j;
}
