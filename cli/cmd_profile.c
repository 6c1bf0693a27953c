#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/this_target.h"
#include "runtime/device_table.h"
#include "runtime/measure.h"

enum { TABLE_VERSION = 1 };

static json_t *rates_json(const struct haq_device_rates *r)
{
    json_t *roofs = json_object();
    for (int i = 0; i < HAQ_ROOFS; i++)
        if (r->roof[i] > 0)
            json_object_set_new(roofs, haq_roof_names[i],
                                haq_json_real(r->roof[i]));
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "threads",
                     (json_int_t)r->threads, "roofs", roofs, "wake_us",
                     haq_json_real(r->wake_us), "wake_sleeping_us",
                     haq_json_real(r->wake_sleeping_us), "step_us",
                     haq_json_real(r->step_us));
}

static json_t *cost_json(const struct haq_device_cost *c)
{
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:s, s:I, s:o}", "layer",
                     c->shape->name, "weights", c->weights, "threads",
                     (json_int_t)c->threads, "us", haq_json_real(c->us),
                     "best_us", haq_json_real(c->best_us), "kernel", c->kernel,
                     "weight_bytes", (json_int_t)c->weight_bytes, "gops",
                     haq_json_real(haq_layer_ops(c->shape) / c->us * 1e-3));
}

static json_t *table_json(const struct haq_device_table *t)
{
    json_t *rates = json_array(), *costs = json_array();
    for (size_t i = 0; i < t->n_rates; i++)
        json_array_append_new(rates, rates_json(&t->rates[i]));
    for (size_t i = 0; i < t->n_costs; i++)
        json_array_append_new(costs, cost_json(&t->cost[i]));
    return json_pack("{s:i, s:s, s:o, s:o}", "device_table", TABLE_VERSION,
                     "device", "cpu", "rates", rates, "layers", costs);
}

static void print_rates(const struct haq_device_table *t)
{
    const char *heads[] = {"roof", ">1 thread", ">all", "unit"};
    struct haq_table *out = haq_table_new(4, heads);
    const struct haq_device_rates *one = &t->rates[0],
                                  *all = &t->rates[t->n_rates - 1];

    for (int i = 0; i < HAQ_ROOFS; i++) {
        if (one->roof[i] <= 0 && all->roof[i] <= 0)
            continue;
        haq_table_cell(out, "%s", haq_roof_names[i]);
        haq_table_cell(out, "%.1f", one->roof[i]);
        haq_table_cell(out, "%.1f", all->roof[i]);
        haq_table_cell(out, "%s", haq_roof_units[i]);
    }
    haq_table_print(out, stdout);
    printf("\nleast time of a layer %.2f us (1 thread), %.2f us (%zu); waking "
           "%zu threads %.1f us, %.1f us when they sleep\n\n",
           one->step_us, all->step_us, all->threads, all->threads, all->wake_us,
           all->wake_sleeping_us);
}

/* The weights of the first shape are those of all, in order. */
static size_t count_formats(const struct haq_device_table *t)
{
    size_t n = 0;
    while (n < t->n_costs && t->cost[n * t->n_rates].shape == t->cost[0].shape)
        n++;
    return n;
}

static const struct haq_device_cost *
find_cost(const struct haq_device_table *t, const struct haq_device_cost *row,
          const char *weights)
{
    for (size_t i = 0; i < t->n_costs; i++)
        if (t->cost[i].shape == row->shape &&
            t->cost[i].threads == row->threads &&
            !strcmp(t->cost[i].weights, weights))
            return &t->cost[i];
    return NULL;
}

/* "int4:group32" as "int4 g32" */
static const char *short_name(struct haq_arena *a, const char *weights)
{
    size_t n = strcspn(weights, ":");
    const char *group = strstr(weights, ":group");
    return haq_arena_printf(a, ">%.*s%s%s", (int)n, weights, group ? " g" : "",
                            group ? group + strlen(":group") : "");
}

/* Microseconds: a line per layer and number of threads, a column per format. */
static haq_status print_costs(struct haq_device_table *t, struct haq_diag *d)
{
    size_t formats = count_formats(t);
    const char **heads =
        haq_arena_array(&t->arena, formats + 2, sizeof(char *));
    if (!heads)
        return haq_fail(d, HAQ_NOMEM, "device table");
    heads[0] = "us";
    heads[1] = ">threads";
    for (size_t i = 0; i < formats; i++) {
        const char *weights = t->cost[i * t->n_rates].weights;
        heads[2 + i] = short_name(&t->arena, weights);
        if (!heads[2 + i])
            return haq_fail(d, HAQ_NOMEM, "device table");
    }
    struct haq_table *out = haq_table_new(formats + 2, heads);
    for (size_t i = 0; i < t->n_costs; i++) {
        const struct haq_device_cost *row = &t->cost[i];
        if (strcmp(row->weights, t->cost[0].weights))
            continue;
        haq_table_cell(out, "%s", row->shape->name);
        haq_table_cell(out, "%zu", row->threads);
        for (size_t f = 0; f < formats; f++) {
            const struct haq_device_cost *c =
                find_cost(t, row, t->cost[f * t->n_rates].weights);
            if (c)
                haq_table_cell(out, "%.1f", c->us);
            else
                haq_table_cell(out, "%s", "");
        }
    }
    haq_table_print(out, stdout);
    return HAQ_OK;
}

static haq_status show(struct haq_device_table *t, struct haq_target *target,
                       const char *path, bool as_json, struct haq_diag *d)
{
    target->measured = table_json(t);
    if (!target->measured)
        return haq_fail(d, HAQ_NOMEM, "device table");
    haq_status s = path ? haq_target_write(target, path, d) : HAQ_OK;
    if (s == HAQ_OK && as_json)
        return haq_print_json(haq_target_to_json(target), d);
    if (s != HAQ_OK)
        return s;
    print_rates(t);
    return print_costs(t, d);
}

static haq_status profile(const struct haq_common *common, bool quick,
                          const char *path, struct haq_diag *d)
{
    struct haq_target target;
    struct haq_device_table t;
    struct haq_progress_count count;
    int lock;
    haq_status s = haq_this_target(&target, NULL, NULL, common->isa, d);
    if (s != HAQ_OK)
        return s;
    const struct haq_machine *m = &target.machine;
    struct haq_device_table_options o = {.isa = common->isa,
                                         .threads = common->threads,
                                         .quick = quick,
                                         .caches = {haq_machine_cache(m, 1),
                                                    haq_machine_cache(m, 2),
                                                    haq_machine_cache(m, 3)},
                                         .progress = haq_count_draw,
                                         .arg = &count};
    haq_count_init(&count, "layers", common->quiet);
    s = haq_device_lock(&lock, d);
    if (s == HAQ_OK) {
        s = haq_device_table_measure(&t, &o, d);
        haq_device_unlock(lock);
        haq_progress_end(&count.line);
    }
    if (s == HAQ_OK) {
        s = show(&t, &target, path, common->json, d);
        haq_device_table_fini(&t);
    }
    haq_target_fini(&target);
    return s;
}

haq_status haq_cmd_profile(const struct haq_command *self, int argc,
                           char **argv, struct haq_diag *d)
{
    struct haq_common common;
    const char *path = NULL;
    bool quick = false;
    const struct haq_opt opts[] = {
        {"output", 'o', HAQ_OPT_TEXT, &path, "FILE",
         "write the machine with the table, as haq devices --from reads it"},
        {"quick", 0, HAQ_OPT_FLAG, &quick, NULL,
         "fewer formats and rounds: a quarter of the time"}};

    haq_common_init(&common);
    haq_status s = haq_opts_parse(self, opts, sizeof opts / sizeof *opts,
                                  &common, argc, argv, NULL, 0, 0, d);
    if (s != HAQ_OK || common.help)
        return s;
    return profile(&common, quick, path, d);
}
