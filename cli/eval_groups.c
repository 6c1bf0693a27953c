#include "cli/eval_groups.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"

static json_t *interval_json(struct haq_interval v)
{
    if (isnan(v.value))
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "value", haq_json_real(v.value),
                     "ci_low", haq_json_real(v.low), "ci_high",
                     haq_json_real(v.high));
}

static json_t *group_json(const struct haq_group_result *g)
{
    return json_pack("{s:I, s:I, s:o, s:o, s:o}", "group", (json_int_t)g->id,
                     "n", (json_int_t)g->n, "accuracy", interval_json(g->value),
                     "float", interval_json(g->base), "drop",
                     interval_json(g->drop));
}

static haq_status add(json_t *doc, const struct haq_groups *g,
                      struct haq_diag *d)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; i < g->n; i++)
        bad |= json_array_append_new(list, group_json(&g->group[i]));
    bad |= json_object_set_new(doc, "groups", list);
    bad |= json_object_set_new(
        doc, "worst_group",
        json_pack("{s:I, s:o, s:o}", "group", (json_int_t)g->group[g->worst].id,
                  "accuracy", interval_json(g->group[g->worst].value), "drop",
                  interval_json(g->worst_drop)));
    return bad ? haq_fail(d, HAQ_NOMEM, "groups") : HAQ_OK;
}

haq_status haq_eval_groups(json_t *doc, struct haq_session *session,
                           const struct haq_recipe *recipe, const char *text,
                           struct haq_diag *d)
{
    struct haq_groups g;
    enum haq_group_source source = !strcmp(text, "data")     ? HAQ_GROUPS_DATA
                                   : !strcmp(text, "labels") ? HAQ_GROUPS_LABELS
                                                             : HAQ_GROUPS_FILE;
    haq_status s = haq_session_groups(session, recipe, source, text, &g, d);
    if (s != HAQ_OK)
        return s;
    s = add(doc, &g, d);
    haq_groups_fini(&g);
    return s;
}

static double at(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static void interval_cells(struct haq_table *t, const json_t *v)
{
    if (json_is_null(v)) {
        haq_table_cell(t, "%s", "");
        haq_table_cell(t, "%s", "");
        return;
    }
    haq_table_cell(t, "%.2f", at(v, "value"));
    haq_table_cell(t, "[%.2f, %.2f]", at(v, "ci_low"), at(v, "ci_high"));
}

void haq_eval_print_groups(const json_t *doc)
{
    const char *heads[] = {"group",    ">samples", ">float %", "",
                           ">value %", "",         ">drop",    ""};
    const json_t *list = json_object_get(doc, "groups"),
                 *worst = json_object_get(doc, "worst_group");
    if (!json_array_size(list))
        return;
    struct haq_table *t = haq_table_new(8, heads);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *g = json_array_get(list, i);
        haq_table_cell(t, "%.0f", at(g, "group"));
        haq_table_cell(t, "%.0f", at(g, "n"));
        interval_cells(t, json_object_get(g, "float"));
        interval_cells(t, json_object_get(g, "accuracy"));
        interval_cells(t, json_object_get(g, "drop"));
    }
    putchar('\n');
    haq_table_print(t, stdout);
    const json_t *drop = json_object_get(worst, "drop");
    if (json_is_null(drop))
        printf("\nlowest: group %.0f, %.2f %%\n", at(worst, "group"),
               at(json_object_get(worst, "accuracy"), "value"));
    else
        printf("\nlargest drop: group %.0f, %.2f points [%.2f, %.2f], with all "
               "%zu groups counted\n",
               at(worst, "group"), at(drop, "value"), at(drop, "ci_low"),
               at(drop, "ci_high"), json_array_size(list));
}
