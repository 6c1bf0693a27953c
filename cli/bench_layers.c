#include "cli/bench_layers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "graph/layers.h"

static const struct haq_layer *find_layer(const struct haq_layers *l,
                                          const char *tensor)
{
    for (size_t i = 0; tensor && i < l->n; i++)
        if (!strcmp(l->layer[i].tensor, tensor))
            return &l->layer[i];
    return NULL;
}

static json_t *step_json(const struct haq_step_time *t,
                         const struct haq_layers *layers, size_t batch)
{
    const struct haq_layer *l = find_layer(layers, t->layer);
    double gops = NAN;
    if (l && t->weight_bytes && t->ms > 0)
        gops = 2e-6 * (double)l->macs * (double)batch / t->ms;
    return json_pack("{s:s, s:s?, s:s, s:o, s:o, s:I, s:b}", "step", t->name,
                     "layer", t->layer, "kernel", t->kernel, "ms",
                     haq_json_real(t->ms), "gops", haq_json_real(gops),
                     "weight_bytes", (json_int_t)t->weight_bytes, "layout",
                     t->layout);
}

haq_status haq_bench_steps(json_t **out, struct haq_session *session,
                           const struct haq_recipe *recipe, size_t batch,
                           struct haq_diag *d)
{
    struct haq_profile p;
    haq_status s = haq_session_profile(session, recipe, batch, 0, &p, d);
    if (s != HAQ_OK)
        return s;
    json_t *list = json_array();
    for (size_t i = 0; i < p.n && s == HAQ_OK; i++)
        if (json_array_append_new(
                list,
                step_json(&p.step[i], haq_session_layers(session), batch)))
            s = haq_fail(d, HAQ_NOMEM, "table of steps");
    haq_profile_fini(&p);
    if (s != HAQ_OK)
        json_decref(list);
    else
        *out = list;
    return s;
}

static double at(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

/* A number, or nothing where there is none. */
static void print_cell(struct haq_table *t, bool known, double x)
{
    if (known)
        haq_table_cell(t, "%.1f", x);
    else
        haq_table_cell(t, "%s", "");
}

static void print_step(struct haq_table *t, const json_t *step, double total)
{
    double bytes = at(step, "weight_bytes"), ms = at(step, "ms");
    haq_table_cell(t, "%s", text(step, "step"));
    haq_table_cell(t, "%s", text(step, "kernel"));
    haq_table_cell(t, "%.2f", 1000 * ms);
    haq_table_cell(t, "%.1f %%", 100 * ms / total);
    print_cell(t, json_is_number(json_object_get(step, "gops")),
               at(step, "gops"));
    print_cell(t, bytes > 0, bytes / 1000);
    print_cell(t, bytes > 0 && ms > 0, bytes * 1e-6 / ms);
}

static void print_layout_changes(const json_t *steps)
{
    double ms = 0;
    int changes = 0;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        if (!json_is_true(json_object_get(step, "layout")))
            continue;
        changes++;
        ms += at(step, "ms");
    }
    printf("layout changes: %d, %.2f us\n", changes, 1000 * ms);
}

void haq_bench_print_steps(const json_t *steps)
{
    const char *heads[] = {"step",   "kernel",      ">us",  ">share",
                           ">GOP/s", ">weights kB", ">GB/s"};
    struct haq_table *t = haq_table_new(7, heads);
    double total = 0, bytes = 0;

    for (size_t i = 0; i < json_array_size(steps); i++) {
        total += at(json_array_get(steps, i), "ms");
        bytes += at(json_array_get(steps, i), "weight_bytes");
    }
    for (size_t i = 0; i < json_array_size(steps); i++)
        print_step(t, json_array_get(steps, i), fmax(total, 1e-9));
    haq_table_cell(t, "%s", "sum");
    print_cell(t, false, 0);
    haq_table_cell(t, "%.2f", 1000 * total);
    print_cell(t, false, 0);
    print_cell(t, false, 0);
    print_cell(t, true, bytes / 1000);
    print_cell(t, false, 0);
    haq_table_print(t, stdout);
    print_layout_changes(steps);
}
