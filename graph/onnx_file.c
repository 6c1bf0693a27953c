#include "graph/onnx_file_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* Protocol buffers end at 2 GiB; larger weights are in external files. */
#define MODEL_BYTES_MAX ((size_t)INT32_MAX)
#define EXTERNAL_BYTES_MAX ((size_t)64 << 30)
enum { EXTERNAL_FILES_MAX = 4096 };

/* Two bytes of file can ask for a struct of more than a hundred: parsing gets
 * a budget in proportion to the file. */
static void *budget_alloc(void *arg, size_t size)
{
    struct haq_onnx_file *f = arg;

    if (size > f->budget)
        return NULL;
    f->budget -= size;
    return malloc(size ? size : 1);
}

static void budget_free(void *arg, void *p)
{
    (void)arg;
    free(p);
}

static haq_status parse(struct haq_onnx_file *f, const void *data, size_t len,
                        struct haq_diag *d)
{
    memset(f, 0, sizeof *f);
    f->allocator = (ProtobufCAllocator){budget_alloc, budget_free, (void *)f};
    f->budget = 8 * len + ((size_t)64 << 20);
    f->model = onnx__model_proto__unpack(&f->allocator, len, data);
    if (!f->model)
        return haq_fail(d, HAQ_FORMAT, "not an ONNX file, or truncated");
    if (!f->model->graph)
        return haq_fail(d, HAQ_FORMAT, "not an ONNX file: it has no graph");
    return HAQ_OK;
}

/* The string behind `key` of a tensor's external data, or NULL. */
static const char *external_key(const Onnx__TensorProto *t, const char *key)
{
    for (size_t i = 0; i < t->n_external_data; i++) {
        const Onnx__StringStringEntryProto *e = t->external_data[i];
        if (e->key && e->value && !strcmp(e->key, key))
            return e->value;
    }
    return NULL;
}

static const struct haq_onnx_external *
find_external(const struct haq_onnx_file *f, const char *location)
{
    for (size_t i = 0; i < f->n_external; i++)
        if (!strcmp(f->external[i].location, location))
            return &f->external[i];
    return NULL;
}

/* Relative, and never up; symbolic links are judged after resolving them. */
static bool location_ok(const char *location)
{
    if (!*location || *location == '/' || strchr(location, '\\'))
        return false;
    for (const char *p = location; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (!strncmp(p, "..", 2) && (p[2] == '/' || !p[2]))
            return false;
    }
    return true;
}

/* Real path of `location` in `folder`, malloc'ed; HAQ_INVALID when missing,
 * HAQ_FORMAT when it leads out of the folder. */
static haq_status resolve(const char *folder, const char *location, char **out,
                          struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    char *home = realpath(folder, NULL), *joined = NULL, *real = NULL;
    size_t room = strlen(folder) + strlen(location) + 2, n;

    if (!location_ok(location)) {
        s = haq_fail(d, HAQ_FORMAT,
                     "external data '%.120s' is not a path inside the model's "
                     "folder",
                     location);
        goto done;
    }
    joined = malloc(room);
    if (!home || !joined) {
        s = haq_fail(d, HAQ_IO, "folder %.120s: %s", folder, strerror(errno));
        goto done;
    }
    snprintf(joined, room, "%s/%s", folder, location);
    real = realpath(joined, NULL);
    if (!real) {
        s = haq_fail(d, HAQ_INVALID, "external data '%.120s': %s", location,
                     strerror(errno));
        goto done;
    }
    n = strlen(home);
    n -= n && home[n - 1] == '/';
    if (strncmp(real, home, n) || real[n] != '/') {
        s = haq_fail(d, HAQ_FORMAT,
                     "external data '%.120s' leads out of the model's folder",
                     location);
        goto done;
    }
    *out = real;
    real = NULL;
done:
    free(home);
    free(joined);
    free(real);
    return s;
}

static haq_status add_external(struct haq_onnx_file *f, const char *folder,
                               const Onnx__TensorProto *t, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    const char *location = external_key(t, "location");
    struct haq_onnx_external e = {.location = location}, *grown;
    char *path = NULL;

    if (!location)
        return haq_fail(d, HAQ_FORMAT,
                        "tensor '%.120s': external data without a location",
                        t->name ? t->name : "");
    if (find_external(f, location))
        return HAQ_OK;
    if (!folder)
        return haq_fail(d, HAQ_FORMAT,
                        "tensor '%.120s': external data in a model that is no "
                        "file",
                        t->name ? t->name : "");
    if (f->n_external == EXTERNAL_FILES_MAX)
        return haq_fail(d, HAQ_FORMAT, "more than %d external files",
                        EXTERNAL_FILES_MAX);
    if ((s = resolve(folder, location, &path, d)))
        goto done;
    if ((s = haq_file_read(path, EXTERNAL_BYTES_MAX, &e.data, &e.len, d)))
        goto done;
    grown = realloc(f->external, (f->n_external + 1) * sizeof *grown);
    if (!grown) {
        s = haq_fail(d, HAQ_NOMEM, "external data '%.120s'", location);
        goto done;
    }
    f->external = grown;
    f->external[f->n_external++] = e;
    e.data = NULL; /* now the file's */
done:
    free(e.data);
    free(path);
    return s;
}

/* Initializers first, then tensors in attributes, as they stand. */
static haq_status load_external(struct haq_onnx_file *f, const char *folder,
                                struct haq_diag *d)
{
    const Onnx__GraphProto *g = f->model->graph;
    haq_status s = HAQ_OK;

    for (size_t i = 0; i < g->n_initializer && !s; i++)
        if (g->initializer[i]->data_location == 1)
            s = add_external(f, folder, g->initializer[i], d);
    for (size_t i = 0; i < g->n_node; i++)
        for (size_t k = 0; k < g->node[i]->n_attribute && !s; k++) {
            const Onnx__TensorProto *t = g->node[i]->attribute[k]->t;
            if (t && t->data_location == 1)
                s = add_external(f, folder, t, d);
        }
    return s;
}

static void hash_all(struct haq_onnx_file *f, const void *data, size_t len)
{
    struct haq_hasher h;

    haq_hasher_init(&h);
    haq_hasher_add(&h, data, len);
    for (size_t i = 0; i < f->n_external; i++)
        haq_hasher_add(&h, f->external[i].data, f->external[i].len);
    haq_hasher_end(&h, f->hash);
}

haq_status haq_onnx_file_open(struct haq_onnx_file *f, const char *path,
                              struct haq_diag *d)
{
    const char *slash = strrchr(path, '/');
    char *folder = NULL;
    void *data = NULL;
    size_t len = 0;
    haq_status s;

    memset(f, 0, sizeof *f);
    s = haq_file_read(path, MODEL_BYTES_MAX, &data, &len, d);
    if (s)
        return s;
    folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    if (!folder) {
        s = haq_fail(d, HAQ_NOMEM, "%.120s", path);
        goto done;
    }
    if (!(s = parse(f, data, len, d)) && !(s = load_external(f, folder, d)))
        hash_all(f, data, len);
    if (s)
        haq_fail_in(d, s, path);
done:
    free(folder);
    free(data);
    return s;
}

haq_status haq_onnx_file_parse(struct haq_onnx_file *f, const void *data,
                               size_t len, struct haq_diag *d)
{
    haq_status s = parse(f, data, len, d);

    if (!s && !(s = load_external(f, NULL, d)))
        hash_all(f, data, len);
    return s;
}

void haq_onnx_file_fini(struct haq_onnx_file *f)
{
    if (f->model)
        onnx__model_proto__free_unpacked(f->model, &f->allocator);
    for (size_t i = 0; i < f->n_external; i++)
        free(f->external[i].data);
    free(f->external);
    memset(f, 0, sizeof *f);
}
