#include "cli/recipe_file.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "quant/params.h"

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

haq_status haq_recipe_open(struct haq_recipe *out, const char *path,
                           const struct haq_layers *layers, struct haq_diag *d)
{
    haq_status s = haq_recipe_read(out, path, d);
    if (s != HAQ_OK)
        return s;
    if (layers)
        s = haq_recipe_check(out, path, layers, d);
    if (s == HAQ_OK && out->params_file && out->params_file[0] != '/') {
        out->params_file = haq_arena_printf(&out->arena, "%.*s%s",
                                            (int)(file_name(path) - path), path,
                                            out->params_file);
        if (!out->params_file)
            s = haq_fail(d, HAQ_NOMEM, "reading %s", path);
    }
    if (s != HAQ_OK)
        haq_recipe_fini(out);
    return s;
}

const char *haq_beside(struct haq_arena *a, const char *path,
                       const char *extension)
{
    const char *name = file_name(path), *dot = strrchr(name, '.');
    size_t stem = dot && dot != name ? (size_t)(dot - path) : strlen(path);
    return haq_arena_printf(a, "%.*s%s", (int)stem, path, extension);
}

haq_status haq_recipe_save(struct haq_recipe *r,
                           const struct haq_params *params, const char *path,
                           struct haq_diag *d)
{
    const char *beside = haq_beside(&r->arena, path, ".safetensors");
    haq_status s;

    if (!beside)
        return haq_fail(d, HAQ_NOMEM, "writing %s", path);
    s = haq_params_write(params, beside, r->params_hash, d);
    if (s != HAQ_OK)
        return s;
    r->params_file = file_name(beside);
    return haq_recipe_write(r, path, d);
}

/* ---- points of a front ----------------------------------------------------
 */

static double number_at(const json_t *point, const char *key, const char *sub)
{
    const json_t *v = json_object_get(point, key);
    if (sub && json_is_object(v))
        v = json_object_get(v, sub);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

/* Words that stand for the point with the extreme value of one key. */
static const struct {
    const char *word, *key, *sub;
    int sign; /* +1: the largest */
} extremes[] = {{"fastest", "latency_ms", "median", -1},
                {"smallest", "size_bytes", NULL, -1},
                {"best", "accuracy", "value", +1}};

static const json_t *extreme_point(const json_t *points, size_t row, int sign)
{
    const json_t *found = NULL;
    double best = -INFINITY;
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *p = json_array_get(points, i);
        double v = sign * number_at(p, extremes[row].key, extremes[row].sub);
        if (v > best) {
            best = v;
            found = p;
        }
    }
    return found;
}

/* The point with this id or label ("int8"). */
static const json_t *named(const json_t *points, const char *id)
{
    static const char *const keys[] = {"id", "label"};
    for (size_t i = 0; id && i < 2 * json_array_size(points); i++) {
        const json_t *p = json_array_get(points, i / 2);
        const char *have = json_string_value(json_object_get(p, keys[i % 2]));
        if (have && !strcmp(have, id))
            return p;
    }
    return NULL;
}

static const json_t *find_point(const json_t *front, const char *point)
{
    const json_t *points = json_object_get(front, "points");
    const char *id = point;

    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++)
        if (!strcmp(point, extremes[i].word)) {
            const json_t *m = json_object_get(front, "metric_higher_is_better");
            int flip = !extremes[i].sub || strcmp(extremes[i].sub, "value")
                           ? 1
                           : (json_is_false(m) ? -1 : 1);
            return extreme_point(points, i, extremes[i].sign * flip);
        }
    if (!strcmp(point, "knee"))
        id = json_string_value(json_object_get(front, "knee"));
    const json_t *p = named(points, id);
    return p ? p : named(json_object_get(front, "uniform"), id);
}

haq_status haq_front_point(struct haq_arena *a, const char *dir,
                           const char *point, const char **recipe_path,
                           const char **model_path, struct haq_diag *d)
{
    json_t *front = NULL;
    const char *path = haq_arena_printf(a, "%s/front.json", dir);
    haq_status s = path ? haq_json_read(path, &front, d)
                        : haq_fail(d, HAQ_NOMEM, "reading %s", dir);

    if (s != HAQ_OK)
        return s;
    const json_t *p = find_point(front, point);
    const char *recipe = json_string_value(json_object_get(p, "recipe"));
    const char *model = json_string_value(json_object_get(front, "model_path"));
    if (!p)
        s = haq_fail(d, HAQ_INVALID, "%s: no point \"%s\"", path, point);
    else if (!recipe)
        s = haq_fail(d, HAQ_INVALID,
                     "%s: point \"%s\" has no recipe (it is "
                     "the float model)",
                     path, point);
    else {
        *recipe_path = haq_arena_printf(a, "%s/%s", dir, recipe);
        *model_path = model ? haq_arena_strdup(a, model) : NULL;
        if (!*recipe_path || (model && !*model_path))
            s = haq_fail(d, HAQ_NOMEM, "reading %s", path);
    }
    json_decref(front);
    return s;
}
