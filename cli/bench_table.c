#include "cli/bench_table.h"

#include <math.h>
#include <string.h>

#include "base/json.h"

enum { VERSION = 1, GENES_MAX = 64, VALUES_MAX = 256, POINTS_MAX = 1 << 22 };

void haq_bench_table_fini(struct haq_bench_table *t)
{
    haq_arena_fini(&t->arena);
}

static haq_status read_genes(struct haq_bench_table *t, const json_t *root,
                             struct haq_diag *d)
{
    json_t *genes;
    haq_status s = haq_json_get_array(root, "file", "genes", &genes, d);
    if (s)
        return s;
    t->genes = json_array_size(genes);
    if (!t->genes || t->genes > GENES_MAX)
        return haq_fail(d, HAQ_FORMAT, "genes: %zu of them, not 1 to %d",
                        t->genes, GENES_MAX);
    t->cardinality =
        haq_arena_array(&t->arena, t->genes, sizeof *t->cardinality);
    if (!t->cardinality)
        return haq_fail(d, HAQ_NOMEM, "genes");
    t->points = 1;
    for (size_t g = 0; g < t->genes; g++) {
        const json_t *values =
            json_object_get(json_array_get(genes, g), "values");
        size_t n = json_array_size(values);
        if (!n || n > VALUES_MAX)
            return haq_fail(d, HAQ_FORMAT,
                            "genes[%zu].values: not an array of 1 to %d", g,
                            VALUES_MAX);
        t->cardinality[g] = (int)n;
        t->points *= n;
        if (t->points > POINTS_MAX)
            return haq_fail(d, HAQ_FORMAT, "genes: more than %d vectors",
                            POINTS_MAX);
    }
    return HAQ_OK;
}

static haq_status read_column(struct haq_bench_table *t, const json_t *values,
                              const char *name, struct haq_diag *d)
{
    const json_t *a = json_object_get(values, name);
    if (!json_is_array(a) || json_array_size(a) != t->points)
        return haq_fail(d, HAQ_FORMAT, "values.%s: not an array of %zu numbers",
                        name, t->points);
    double *to = haq_arena_array(&t->arena, t->points, sizeof *to);
    t->column[t->columns] = haq_arena_strdup(&t->arena, name);
    if (!to || !t->column[t->columns])
        return haq_fail(d, HAQ_NOMEM, "values.%s", name);
    for (size_t i = 0; i < t->points; i++) {
        const json_t *v = json_array_get(a, i);
        if (!json_is_number(v) && !json_is_null(v))
            return haq_fail(d, HAQ_FORMAT,
                            "values.%s[%zu]: neither a number nor null", name,
                            i);
        to[i] = json_is_null(v) ? NAN : json_number_value(v);
    }
    t->value[t->columns++] = to;
    return HAQ_OK;
}

static haq_status read_columns(struct haq_bench_table *t, const json_t *root,
                               struct haq_diag *d)
{
    json_t *names, *values;
    haq_status s = haq_json_get_array(root, "file", "objectives", &names, d);
    if (!s)
        s = haq_json_get_object(root, "file", "values", &values, d);
    if (s)
        return s;
    size_t n = json_array_size(names);
    if (!n || n > HAQ_BENCH_COLUMNS_MAX)
        return haq_fail(d, HAQ_FORMAT, "objectives: %zu of them, not 1 to %d",
                        n, HAQ_BENCH_COLUMNS_MAX);
    for (size_t i = 0; !s && i < n; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name)
            return haq_fail(d, HAQ_FORMAT, "objectives[%zu]: not a string", i);
        for (size_t k = 0; k < i; k++)
            if (!strcmp(t->column[k], name))
                return haq_fail(d, HAQ_FORMAT, "objectives[%zu]: \"%s\" again",
                                i, name);
        s = read_column(t, values, name, d);
    }
    return s;
}

static haq_status read_version(const json_t *root, struct haq_diag *d)
{
    int64_t version;
    if (!json_is_object(root))
        return haq_fail(d, HAQ_FORMAT, "not an object");
    haq_status s = haq_json_get_int(root, "file", "bench_table", &version, d);
    if (!s && version != VERSION)
        s = haq_fail(d, HAQ_FORMAT, "bench_table: version %lld, not %d",
                     (long long)version, VERSION);
    return s;
}

haq_status haq_bench_table_read(struct haq_bench_table *t, const char *path,
                                struct haq_diag *d)
{
    json_t *root;
    *t = (struct haq_bench_table){.genes = 0};
    haq_arena_init(&t->arena);
    haq_status s = haq_json_read(path, &root, d);
    if (s)
        return s;
    s = read_version(root, d);
    if (!s)
        s = read_genes(t, root, d);
    if (!s)
        s = read_columns(t, root, d);
    json_decref(root);
    if (!s)
        return HAQ_OK;
    haq_bench_table_fini(t);
    return haq_fail_in(d, s, path);
}

haq_status haq_bench_table_column(const struct haq_bench_table *t,
                                  const char *name, size_t len, size_t *out,
                                  struct haq_diag *d)
{
    char known[200] = "";
    for (size_t i = 0; i < t->columns; i++) {
        size_t used = strlen(known);
        if (strlen(t->column[i]) == len && !memcmp(t->column[i], name, len)) {
            *out = i;
            return HAQ_OK;
        }
        snprintf(known + used, sizeof known - used, " %s", t->column[i]);
    }
    return haq_fail(d, HAQ_USAGE, "\"%.*s\" is no objective of the table:%s",
                    (int)len, name, known);
}
