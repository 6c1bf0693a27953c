#include "cli/search_params.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/recipe_file.h"
#include "graph/onnx_import.h"
#include "quant/params.h"
#include "worker/task.h"

/* finish: methods beside the recipe's own, or NULL. */
static haq_status save_one(struct haq_session *session, const char *path,
                           enum haq_tune_way way, const char *finish,
                           struct haq_diag *d)
{
    struct haq_recipe r;
    struct haq_params *params = NULL;
    haq_status s;

    haq_recipe_init(&r);
    s = haq_recipe_read(&r, path, d);
    if (s == HAQ_OK && finish)
        s = haq_session_methods_add(&r, finish, d);
    if (s == HAQ_OK)
        s = haq_session_params(session, &r, way, &params, d);
    if (s == HAQ_OK)
        s = haq_recipe_save(&r, params, path, d);
    haq_params_free(params);
    haq_recipe_fini(&r);
    return s;
}

/* The recipes of "points" or "uniform". */
static haq_status save_list(struct haq_session *session, const char *dir,
                            const json_t *list, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (size_t i = 0; s == HAQ_OK && i < json_array_size(list); i++) {
        const json_t *point = json_array_get(list, i);
        const json_t *id = json_object_get(point, "id");
        const json_t *refined = json_object_get(point, "refined");
        bool in_order = json_is_true(json_object_get(refined, "kept"));
        char path[4096 + 64];
        if (!json_is_string(id))
            continue;
        snprintf(path, sizeof path, "%s/recipes/%.40s.json", dir,
                 json_string_value(id));
        if (haq_file_exists(path))
            s = save_one(
                session, path, in_order ? HAQ_TUNE_IN_ORDER : HAQ_TUNE_ALONE,
                in_order ? json_string_value(json_object_get(refined, "finish"))
                         : NULL,
                d);
    }
    return s;
}

static void remove_stale(const char *dir, struct haq_arena *a)
{
    const char *folder = haq_arena_printf(a, "%s/recipes", dir);
    DIR *list = folder ? opendir(folder) : NULL;
    struct dirent *e;

    while (list && (e = readdir(list))) {
        const char *dot = strrchr(e->d_name, '.');
        const char *path = haq_arena_printf(a, "%s/%s", folder, e->d_name);
        if (!dot || strcmp(dot, ".safetensors") || !path)
            continue;
        const char *recipe = haq_beside(a, path, ".json");
        if (recipe && !haq_file_exists(recipe))
            unlink(path);
    }
    if (list)
        closedir(list);
}

static haq_status open_session(struct haq_session **out,
                               const struct haq_search_job *job,
                               struct haq_diag *d)
{
    struct haq_session_config config = {.model_path = job->model,
                                        .calib_path = job->calib,
                                        .dims = job->bound_dims,
                                        .n_dims = job->n_dims,
                                        .isa = job->isa,
                                        .threads = job->threads};
    return haq_session_open(out, &config, d);
}

haq_status haq_search_save_params(const struct haq_search_job *job,
                                  const char *dir, const json_t *front,
                                  struct haq_diag *d)
{
    struct haq_session *session = NULL;
    struct haq_arena arena = {0};
    haq_status s = open_session(&session, job, d);

    if (s == HAQ_OK)
        s = save_list(session, dir, json_object_get(front, "points"), d);
    if (s == HAQ_OK)
        s = save_list(session, dir, json_object_get(front, "uniform"), d);
    if (s == HAQ_OK)
        remove_stale(dir, &arena);
    haq_session_close(session);
    haq_arena_fini(&arena);
    return s;
}
