#include "cli/allocation_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { MAX_LAYERS = 4096, MAX_OPTIONS = 64, MAX_COSTS = 16 };

void haq_allocation_file_fini(struct haq_allocation_file *f)
{
    haq_arena_fini(&f->arena);
}

/* Numbers by value, words behind them as strings. */
static int by_key(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    char *end_x, *end_y;
    double u = strtod(x, &end_x), v = strtod(y, &end_y);
    bool words_x = end_x == x || *end_x, words_y = end_y == y || *end_y;
    if (words_x || words_y)
        return words_x == words_y ? strcmp(x, y) : words_x - words_y;
    return (u > v) - (u < v);
}

/* The keys of an object, in the arena. */
static haq_status read_keys(struct haq_allocation_file *f, json_t *o,
                            const char *where, size_t most, const char ***out,
                            size_t *n, struct haq_diag *d)
{
    const char *key;
    json_t *value;
    size_t count = json_object_size(o), i = 0;
    if (!count || count > most)
        return haq_fail(d, HAQ_FORMAT, "%s: %zu keys, not 1 to %zu", where,
                        count, most);
    *out = haq_arena_array(&f->arena, count, sizeof **out);
    if (!*out)
        return haq_fail(d, HAQ_NOMEM, "%s", where);
    json_object_foreach(o, key, value)
    {
        (*out)[i++] = haq_arena_strdup(&f->arena, key);
        if (!(*out)[i - 1])
            return haq_fail(d, HAQ_NOMEM, "%s", where);
    }
    *n = count;
    return HAQ_OK;
}

/* An array of a number per layer; null is INFINITY where it may be. */
static haq_status read_column(const struct haq_allocation_file *f,
                              const json_t *a, const char *where, bool null,
                              double *to, struct haq_diag *d)
{
    if (!json_is_array(a) || json_array_size(a) != f->layers)
        return haq_fail(d, HAQ_FORMAT, "%s: not an array of %zu numbers", where,
                        f->layers);
    for (size_t l = 0; l < f->layers; l++) {
        const json_t *v = json_array_get(a, l);
        if (json_is_null(v) && null)
            to[l * f->options] = INFINITY;
        else if (json_is_number(v))
            to[l * f->options] = json_number_value(v);
        else
            return haq_fail(d, HAQ_FORMAT, "%s[%zu]: not a number", where, l);
    }
    return HAQ_OK;
}

/* Columns of every option, [layers][options]. */
static haq_status read_table(const struct haq_allocation_file *f,
                             const json_t *o, const char *where, bool null,
                             double *to, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    if (!json_is_object(o) || json_object_size(o) != f->options)
        return haq_fail(d, HAQ_FORMAT, "%s: not an object of %zu options",
                        where, f->options);
    for (size_t i = 0; s == HAQ_OK && i < f->options; i++) {
        char place[128];
        const json_t *a = json_object_get(o, f->option[i]);
        snprintf(place, sizeof place, "%s.%s", where, f->option[i]);
        s = a ? read_column(f, a, place, null, to + i, d)
              : haq_fail(d, HAQ_FORMAT, "%s: missing", place);
    }
    return s;
}

static haq_status read_sensitivity(struct haq_allocation_file *f,
                                   const json_t *root, struct haq_diag *d)
{
    json_t *o;
    haq_status s = haq_json_get_object(root, "file", "sensitivity", &o, d);
    if (s == HAQ_OK)
        s = read_keys(f, o, "sensitivity", MAX_OPTIONS, &f->option, &f->options,
                      d);
    if (s != HAQ_OK)
        return s;
    qsort(f->option, f->options, sizeof *f->option, by_key);
    const json_t *first = json_object_get(o, f->option[0]);
    f->layers = json_array_size(first);
    if (!f->layers || f->layers > MAX_LAYERS)
        return haq_fail(d, HAQ_FORMAT,
                        "sensitivity.%s: not an array of 1 to %d numbers",
                        f->option[0], MAX_LAYERS);
    double *damage =
        haq_arena_array(&f->arena, f->layers * f->options, sizeof *damage);
    if (!damage)
        return haq_fail(d, HAQ_NOMEM, "sensitivity");
    f->damage = damage;
    return read_table(f, o, "sensitivity", true, damage, d);
}

static haq_status read_costs(struct haq_allocation_file *f, const json_t *root,
                             struct haq_diag *d)
{
    json_t *o;
    size_t table = f->layers * f->options;
    haq_status s = haq_json_get_object(root, "file", "cost", &o, d);
    if (s == HAQ_OK)
        s = read_keys(f, o, "cost", MAX_COSTS, &f->cost_name, &f->costs, d);
    if (s != HAQ_OK)
        return s;
    double *cost = haq_arena_array(&f->arena, f->costs * table, sizeof *cost);
    if (!cost)
        return haq_fail(d, HAQ_NOMEM, "cost");
    f->cost = cost;
    for (size_t m = 0; s == HAQ_OK && m < f->costs; m++) {
        char where[96];
        snprintf(where, sizeof where, "cost.%s", f->cost_name[m]);
        s = read_table(f, json_object_get(o, f->cost_name[m]), where, false,
                       cost + m * table, d);
    }
    return s;
}

static haq_status read_tie(struct haq_allocation_file *f, size_t *group,
                           const json_t *tie, size_t at, struct haq_diag *d)
{
    size_t first = 0;
    if (!json_is_array(tie))
        return haq_fail(d, HAQ_FORMAT, "ties[%zu]: not an array", at);
    for (size_t i = 0; i < json_array_size(tie); i++) {
        const json_t *v = json_array_get(tie, i);
        json_int_t l = json_integer_value(v);
        if (!json_is_integer(v) || l < 0 || l >= (json_int_t)f->layers)
            return haq_fail(d, HAQ_FORMAT,
                            "ties[%zu][%zu]: not a layer, 0 to %zu", at, i,
                            f->layers - 1);
        size_t old = group[l];
        if (!i)
            first = group[l];
        for (size_t k = 0; k < f->layers; k++) /* ties of ties */
            if (group[k] == old)
                group[k] = first;
    }
    return HAQ_OK;
}

static haq_status read_ties(struct haq_allocation_file *f, const json_t *root,
                            struct haq_diag *d)
{
    const json_t *ties = json_object_get(root, "ties");
    size_t *group = haq_arena_array(&f->arena, f->layers, sizeof *group);
    haq_status s = HAQ_OK;
    if (!group)
        return haq_fail(d, HAQ_NOMEM, "ties");
    for (size_t l = 0; l < f->layers; l++)
        group[l] = l;
    if (ties && !json_is_array(ties))
        return haq_fail(d, HAQ_FORMAT, "ties: not an array");
    for (size_t i = 0; s == HAQ_OK && i < json_array_size(ties); i++)
        s = read_tie(f, group, json_array_get(ties, i), i, d);
    f->group = group;
    return s;
}

static haq_status read_names(struct haq_allocation_file *f, const json_t *root,
                             struct haq_diag *d)
{
    const json_t *names = json_object_get(root, "names");
    if (!names)
        return HAQ_OK;
    if (!json_is_array(names) || json_array_size(names) != f->layers)
        return haq_fail(d, HAQ_FORMAT, "names: not an array of %zu strings",
                        f->layers);
    f->layer_name = haq_arena_array(&f->arena, f->layers, sizeof(char *));
    if (!f->layer_name)
        return haq_fail(d, HAQ_NOMEM, "names");
    for (size_t l = 0; l < f->layers; l++) {
        const char *text = json_string_value(json_array_get(names, l));
        if (!text)
            return haq_fail(d, HAQ_FORMAT, "names[%zu]: not a string", l);
        f->layer_name[l] = haq_arena_strdup(&f->arena, text);
        if (!f->layer_name[l])
            return haq_fail(d, HAQ_NOMEM, "names");
    }
    return HAQ_OK;
}

haq_status haq_allocation_file_read(struct haq_allocation_file *f,
                                    const char *path, struct haq_diag *d)
{
    json_t *root;
    *f = (struct haq_allocation_file){0};
    haq_arena_init(&f->arena);
    haq_status s = haq_json_read(path, &root, d);
    if (s != HAQ_OK)
        return s;
    if (!json_is_object(root))
        s = haq_fail(d, HAQ_FORMAT, "not an object");
    if (s == HAQ_OK)
        s = read_sensitivity(f, root, d);
    if (s == HAQ_OK)
        s = read_costs(f, root, d);
    if (s == HAQ_OK)
        s = read_ties(f, root, d);
    if (s == HAQ_OK)
        s = read_names(f, root, d);
    json_decref(root);
    if (s == HAQ_OK)
        return HAQ_OK;
    haq_allocation_file_fini(f);
    return haq_fail_in(d, s, path);
}

void haq_allocation_range(const struct haq_allocation_file *f, size_t m,
                          double *low, double *high)
{
    *low = *high = 0;
    for (size_t l = 0; l < f->layers; l++) {
        double lo = INFINITY, hi = -INFINITY;
        for (size_t o = 0; o < f->options; o++) {
            double c = f->cost[(m * f->layers + l) * f->options + o];
            if (isinf(f->damage[l * f->options + o]))
                continue;
            lo = fmin(lo, c);
            hi = fmax(hi, c);
        }
        *low += lo;
        *high += hi;
    }
}
