#include "report/report.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/map.h"

enum { ID_MIN = 8, ID_MAX = 64 };

/* DIR/NAME, malloc'ed; NULL: no memory. */
static char *join(const char *dir, const char *name)
{
    struct haq_buf b;
    haq_buf_init(&b);
    haq_buf_printf(&b, "%s/%s", dir, name);
    return haq_buf_take(&b);
}

/* Ids become file names: hex digits only. */
static bool usable_id(const char *id, size_t len)
{
    return len >= ID_MIN && len <= ID_MAX &&
           strspn(id, "0123456789abcdef") >= len;
}

/* The recipe of one point into its file; the point then names the file. */
static haq_status write_recipe(const char *dir, json_t *point,
                               struct haq_map *used, struct haq_diag *d)
{
    const json_t *recipe = json_object_get(point, "recipe_json");
    const char *id = json_string_value(json_object_get(point, "id"));
    char name[ID_MAX + 20];
    haq_status s = HAQ_OK;
    size_t len = 0;
    if (!id || !usable_id(id, strlen(id)))
        return haq_fail(d, HAQ_FORMAT, "a point of the front has no usable id");
    if (!json_is_object(recipe))
        return HAQ_OK;
    snprintf(name, sizeof name, "recipes/%s.json", id);
    char *path = join(dir, name);
    char *text = haq_json_canonical(recipe, &len);
    if (!path || !text || !haq_map_put(used, id, point) ||
        json_object_set_new(point, "recipe", json_string(name))) {
        s = haq_fail(d, HAQ_NOMEM, "recipe %s", id);
        goto done;
    }
    text[len] = '\n'; /* in place of the NUL: the length is given */
    s = haq_file_write(path, text, len + 1, d);
    if (!s)
        json_object_del(point, "recipe_json");
done:
    free(path);
    free(text);
    return s;
}

static haq_status write_recipes(const char *dir, json_t *list,
                                struct haq_map *used, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (size_t i = 0; i < json_array_size(list) && !s; i++)
        s = write_recipe(dir, json_array_get(list, i), used, d);
    return s;
}

/* Recipes of a front that is gone would be taken for its points.  What is not
 * named like a recipe of ours stays. */
static void remove_stale(const char *recipes, const struct haq_map *used)
{
    DIR *dir = opendir(recipes);
    if (!dir)
        return;
    for (struct dirent *e; (e = readdir(dir));) {
        char id[ID_MAX + 1];
        size_t n = strcspn(e->d_name, ".");
        if (strcmp(e->d_name + n, ".json") || !usable_id(e->d_name, n))
            continue;
        memcpy(id, e->d_name, n);
        id[n] = 0;
        char *path = haq_map_has(used, id) ? NULL : join(recipes, e->d_name);
        if (path)
            unlink(path);
        free(path);
    }
    closedir(dir);
}

static haq_status write_page(const char *dir, const json_t *front,
                             const json_t *layers, struct haq_diag *d)
{
    char *page = NULL, *path = join(dir, "report.html");
    size_t len = 0;
    haq_status s = path ? haq_report_html(front, layers, &page, &len, d)
                        : haq_fail(d, HAQ_NOMEM, "report.html");
    if (!s)
        s = haq_file_write(path, page, len, d);
    free(page);
    free(path);
    return s;
}

static haq_status write_front(const char *dir, const json_t *front,
                              struct haq_diag *d)
{
    char *path = join(dir, "front.json");
    haq_status s = path ? haq_json_write(path, front, d)
                        : haq_fail(d, HAQ_NOMEM, "front.json");
    free(path);
    return s;
}

/* The references have their recipe in uniform[], or are float. */
static void drop_recipe(json_t *front, const char *key)
{
    json_t *o = json_object_get(front, key);
    if (json_is_object(o))
        json_object_del(o, "recipe_json");
}

haq_status haq_report_write(const char *dir, const json_t *front,
                            const json_t *layers, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_map used;
    json_t *copy = json_deep_copy(front);
    char *recipes = join(dir, "recipes");
    haq_map_init(&used);
    if (!copy || !recipes) {
        s = haq_fail(d, HAQ_NOMEM, "report in %s", dir);
        goto done;
    }
    s = haq_dir_make(recipes, d);
    if (!s)
        s = write_recipes(dir, json_object_get(copy, "points"), &used, d);
    if (!s)
        s = write_recipes(dir, json_object_get(copy, "uniform"), &used, d);
    if (s)
        goto done;
    drop_recipe(copy, "baseline");
    drop_recipe(copy, "uniform_int8");
    s = write_page(dir, copy, layers, d);
    if (!s)
        s = write_front(dir, copy, d);
    if (!s)
        remove_stale(recipes, &used);
done:
    haq_map_fini(&used);
    json_decref(copy);
    free(recipes);
    return s;
}
