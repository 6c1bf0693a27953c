#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/allocation_file.h"
#include "cli/commands.h"

/* The limits of the command line, and the costs that they are on. */
struct limits {
    struct haq_arena arena;
    size_t n;
    size_t *of;        /* [n] cost of the file */
    double *limit;     /* [n] */
    double *cost;      /* [n][layers][options] */
    const char **name; /* [n] */
};

static haq_status find_cost(const struct haq_allocation_file *f,
                            const char *text, size_t len, size_t *out,
                            struct haq_diag *d)
{
    char known[200] = "";
    for (size_t m = 0; m < f->costs; m++) {
        size_t used = strlen(known);
        if (strlen(f->cost_name[m]) == len &&
            !memcmp(f->cost_name[m], text, len)) {
            *out = m;
            return HAQ_OK;
        }
        snprintf(known + used, sizeof known - used, " %s", f->cost_name[m]);
    }
    return haq_fail(d, HAQ_USAGE, "--limit %s: the file's costs are:%s", text,
                    known);
}

/* "modelsize=6.65", or "modelsize=25%": so far from the cheapest choice to the
 * dearest. */
static haq_status read_limit(struct limits *l, size_t i, const char *text,
                             const struct haq_allocation_file *f,
                             struct haq_diag *d)
{
    const char *equals = strchr(text, '=');
    char *end = NULL;
    double v = equals ? strtod(equals + 1, &end) : NAN;
    bool percent = end && *end == '%';
    size_t table = f->layers * f->options;

    if (!equals || end == equals + 1 || end[percent] || !isfinite(v))
        return haq_fail(d, HAQ_USAGE, "--limit %s: not COST=NUMBER or COST=%%",
                        text);
    haq_status s = find_cost(f, text, (size_t)(equals - text), &l->of[i], d);
    if (s != HAQ_OK)
        return s;
    if (percent) {
        double low, high;
        haq_allocation_range(f, l->of[i], &low, &high);
        v = low + v / 100 * (high - low);
    }
    l->limit[i] = v;
    l->name[i] = f->cost_name[l->of[i]];
    memcpy(l->cost + i * table, f->cost + l->of[i] * table,
           table * sizeof *l->cost);
    return HAQ_OK;
}

static haq_status read_limits(struct limits *l, const struct haq_opt_list *list,
                              const struct haq_allocation_file *f,
                              struct haq_diag *d)
{
    *l = (struct limits){.n = list->n};
    haq_arena_init(&l->arena);
    l->of = haq_arena_array(&l->arena, l->n + 1, sizeof *l->of);
    l->limit = haq_arena_array(&l->arena, l->n + 1, sizeof *l->limit);
    l->name = haq_arena_array(&l->arena, l->n + 1, sizeof *l->name);
    l->cost = haq_arena_array(&l->arena, (l->n + 1) * f->layers * f->options,
                              sizeof *l->cost);
    haq_status s = l->of && l->limit && l->name && l->cost
                       ? HAQ_OK
                       : haq_fail(d, HAQ_NOMEM, "--limit");
    for (size_t i = 0; s == HAQ_OK && i < l->n; i++)
        s = read_limit(l, i, list->item[i], f, d);
    return s;
}

/* A number as a number, a word as it is. */
static json_t *option_json(const char *key)
{
    char *end;
    double v = strtod(key, &end);
    if (end == key || *end)
        return json_string(key);
    return v >= 0 && v < 1e9 && floor(v) >= v ? json_integer((json_int_t)v)
                                              : json_real(v);
}

static double sum_of(const struct haq_allocation_file *f, size_t m,
                     const size_t *choice)
{
    double sum = 0;
    for (size_t l = 0; l < f->layers; l++)
        sum += f->cost[(m * f->layers + l) * f->options + choice[l]];
    return sum;
}

static json_t *result_json(const struct haq_allocation_file *f,
                           const struct limits *l,
                           const struct haq_allocation *a, double ms)
{
    json_t *bits = json_array(), *cost = json_object(), *limit = json_object();
    for (size_t i = 0; i < f->layers; i++)
        json_array_append_new(bits, option_json(f->option[a->choice[i]]));
    for (size_t m = 0; m < f->costs; m++)
        json_object_set_new(cost, f->cost_name[m],
                            haq_json_real(sum_of(f, m, a->choice)));
    for (size_t i = 0; i < l->n; i++)
        json_object_set_new(limit, l->name[i], haq_json_real(l->limit[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o, s:I, s:o}", "bits", bits,
                     "sensitivity", haq_json_real(a->damage), "cost", cost,
                     "limit", limit, "optimal", a->optimal, "bound",
                     haq_json_real(a->bound), "nodes", (json_int_t)a->nodes,
                     "ms", haq_json_real(ms));
}

static void print_layers(const struct haq_allocation_file *f,
                         const struct haq_allocation *a)
{
    const char *heads[] = {"layer", ">choice", ">sensitivity"};
    struct haq_table *t = haq_table_new(3, heads);
    for (size_t l = 0; l < f->layers; l++) {
        if (f->layer_name)
            haq_table_cell(t, "%s", f->layer_name[l]);
        else
            haq_table_cell(t, "%zu", l);
        haq_table_cell(t, "%s", f->option[a->choice[l]]);
        haq_table_cell(t, "%.6g", f->damage[l * f->options + a->choice[l]]);
    }
    haq_table_print(t, stdout);
}

static void print_result(const struct haq_allocation_file *f,
                         const struct limits *l, const struct haq_allocation *a,
                         double ms)
{
    print_layers(f, a);
    printf("\nsensitivity %.8g, %s (%llu steps, %.1f ms)\n", a->damage,
           a->optimal ? "optimal" : "not proven optimal",
           (unsigned long long)a->nodes, ms);
    if (!a->optimal)
        printf("no choice has less than %.8g\n", a->bound);
    for (size_t m = 0; m < f->costs; m++) {
        printf("%s %.8g", f->cost_name[m], sum_of(f, m, a->choice));
        for (size_t i = 0; i < l->n; i++)
            if (l->of[i] == m)
                printf(", limit %.8g", l->limit[i]);
        printf("\n");
    }
}

static haq_status allocate(const struct haq_allocation_file *f,
                           const struct limits *l, bool as_json,
                           struct haq_diag *d)
{
    struct haq_allocation_problem p = {.layers = f->layers,
                                       .options = f->options,
                                       .limits = l->n,
                                       .damage = f->damage,
                                       .cost = l->cost,
                                       .limit = l->limit,
                                       .group = f->group,
                                       .limit_name = l->name};
    struct haq_allocation a = {.choice = calloc(f->layers, sizeof *a.choice)};
    uint64_t before = haq_clock_ns();
    haq_status s = a.choice ? haq_allocate(&a, &p, d)
                            : haq_fail(d, HAQ_NOMEM, "%zu layers", f->layers);
    double ms = (double)(haq_clock_ns() - before) * 1e-6;
    if (s == HAQ_OK && as_json)
        s = haq_print_json(result_json(f, l, &a, ms), d);
    else if (s == HAQ_OK)
        print_result(f, l, &a, ms);
    free(a.choice);
    return s;
}

haq_status haq_cmd_allocate(const struct haq_command *self, int argc,
                            char **argv, struct haq_diag *d)
{
    struct haq_common common;
    struct haq_opt_list list = {.n = 0};
    const char *path;
    const struct haq_opt opts[] = {
        {"limit", 0, HAQ_OPT_LIST, &list, "COST=X",
         "most that a cost may sum up to, or 25%: a quarter of the way from "
         "the cheapest choice to the dearest (may be given several times)"}};
    struct haq_allocation_file f;
    struct limits l;

    haq_common_init(&common);
    haq_status s =
        haq_opts_parse(self, opts, 1, &common, argc, argv, &path, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    s = haq_allocation_file_read(&f, path, d);
    if (s != HAQ_OK)
        return s;
    s = read_limits(&l, &list, &f, d);
    if (s == HAQ_OK)
        s = haq_fail_in(d, allocate(&f, &l, common.json, d), path);
    haq_arena_fini(&l.arena);
    haq_allocation_file_fini(&f);
    return s;
}
