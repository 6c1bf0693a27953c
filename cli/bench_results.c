#include "cli/bench_results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"

/* ---- to JSON --------------------------------------------------------------
 */

static const char *caches(const struct haq_measured *m)
{
    return m->cold ? "cold" : "warm";
}

static json_t *row_json(const struct haq_measured *m,
                        const struct haq_bench_subject *s, size_t i)
{
    const struct haq_latency *l = &m->latency[i];
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:s, s:o, s:[o, o], s:s, s:s, s:o, s:I, "
        "s:{s:o, s:o, s:o, s:I}}",
        "recipe", s->name[i], "device", "cpu", "threads",
        (json_int_t)s->threads, "batch", (json_int_t)s->batch, "caches",
        caches(m), "speedup", haq_json_real(l->ratio.value), "speedup_ci",
        haq_json_real(l->ratio.low), haq_json_real(l->ratio.high), "verdict",
        l->verdict, "reason", l->reason, "energy_mj", haq_json_real(l->mj),
        "weight_bytes", (json_int_t)s->weight_bytes[i], "latency_ms", "median",
        haq_json_real(l->ms.value), "ci_low", haq_json_real(l->ms.low),
        "ci_high", haq_json_real(l->ms.high), "rounds", (json_int_t)l->rounds);
}

static double percent(double ratio)
{
    return 100 * (ratio - 1);
}

/* The faster one first, by the medians. */
static json_t *pair_json(const struct haq_measured *m,
                         const struct haq_bench_subject *s,
                         const struct haq_pair *p)
{
    bool b_faster = p->ratio.value >= 1;
    struct haq_interval r = p->ratio;
    if (!b_faster)
        r = (struct haq_interval){1 / r.value, 1 / r.high, 1 / r.low};
    return json_pack("{s:s, s:s, s:o, s:[o, o], s:b, s:s}", "faster",
                     s->name[b_faster ? p->b : p->a], "slower",
                     s->name[b_faster ? p->a : p->b], "percent",
                     haq_json_real(percent(r.value)), "percent_ci",
                     haq_json_real(percent(r.low)),
                     haq_json_real(percent(r.high)), "different",
                     (int)p->different, "caches", caches(m));
}

/* {witness: rounds that it disturbed} */
static json_t *disturbed_json(const struct haq_measured *m)
{
    json_t *o = json_object();
    for (size_t i = 0; i < HAQ_WITNESSES; i++) {
        json_int_t n = 0;
        for (size_t r = 0; r < m->rounds; r++)
            n += m->disturbed[r] >> i & 1;
        if (n)
            json_object_set_new(o, haq_witness_name(i), json_integer(n));
    }
    return o;
}

static json_t *measured_json(const struct haq_measured *m)
{
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:b}", "caches", caches(m),
                     "rounds", (json_int_t)m->rounds, "counted",
                     (json_int_t)m->counted, "missing", haq_measured_missing(m),
                     "disturbed", disturbed_json(m), "settled",
                     (int)m->settled);
}

/* The list of that name, made when it is not there; borrowed. */
static json_t *list_of(json_t *doc, const char *key)
{
    json_t *list = json_object_get(doc, key);
    if (!list && !json_object_set_new(doc, key, json_array()))
        list = json_object_get(doc, key);
    return list;
}

haq_status haq_bench_add(json_t *doc, const struct haq_measured *m,
                         const struct haq_bench_subject *s, struct haq_diag *d)
{
    json_t *results = list_of(doc, "results");
    json_t *pairs = list_of(doc, "comparisons");
    int bad = 0;
    for (size_t i = 0; i < m->n; i++)
        bad |= json_array_append_new(results, row_json(m, s, i));
    for (size_t i = 0; i < m->pairs; i++)
        bad |= json_array_append_new(pairs, pair_json(m, s, &m->pair[i]));
    bad |= json_array_append_new(list_of(doc, "measured"), measured_json(m));
    return bad ? haq_fail(d, HAQ_NOMEM, "results of the bench") : HAQ_OK;
}

/* ---- in words -------------------------------------------------------------
 */

static double at(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static double end_of(const json_t *o, const char *key, size_t end)
{
    return json_number_value(json_array_get(json_object_get(o, key), end));
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static bool has_energy(const json_t *r)
{
    return json_is_number(json_object_get(r, "energy_mj"));
}

static void print_row(struct haq_table *t, const json_t *r)
{
    const json_t *l = json_object_get(r, "latency_ms");
    haq_table_cell(t, "%s", text(r, "recipe"));
    haq_table_cell(t, "%.0f", at(r, "threads"));
    haq_table_cell(t, "%.0f", at(r, "batch"));
    haq_table_cell(t, "%s", text(r, "caches"));
    haq_table_cell(t, "%.4f", at(l, "median"));
    haq_table_cell(t, "[%.4f, %.4f]", at(l, "ci_low"), at(l, "ci_high"));
    haq_table_cell(t, "%.2fx", at(r, "speedup"));
    haq_table_cell(t, "[%.2f, %.2f]", end_of(r, "speedup_ci", 0),
                   end_of(r, "speedup_ci", 1));
    haq_table_cell(t, "%s", text(r, "verdict"));
    haq_table_cell(t, "%.1f", at(r, "weight_bytes") / 1000);
    if (has_energy(r))
        haq_table_cell(t, "%.3f", at(r, "energy_mj"));
    else
        haq_table_cell(t, "%s", "-");
}

static void print_table(const json_t *results)
{
    const char *heads[] = {"recipe",  ">threads",    ">batch", "caches",
                           ">ms",     "interval",    ">speed", "interval ",
                           "verdict", ">weights kB", ">mJ"};
    struct haq_table *t = haq_table_new(11, heads);
    bool energy = false;
    for (size_t i = 0; i < json_array_size(results); i++) {
        print_row(t, json_array_get(results, i));
        energy |= has_energy(json_array_get(results, i));
    }
    haq_table_print(t, stdout);
    if (!energy)
        printf("mJ: the energy of the packages is not available here\n");
}

static void print_pair(const json_t *p, bool believed)
{
    const char *note = strcmp(text(p, "caches"), "cold") ? "" : " (cold)";
    double low = end_of(p, "percent_ci", 0), high = end_of(p, "percent_ci", 1);
    if (json_is_true(json_object_get(p, "different")))
        printf("  %s is faster than %s by %.1f %% [%.1f, %.1f]%s\n",
               text(p, "faster"), text(p, "slower"), at(p, "percent"), low,
               high, note);
    else if (believed)
        printf("  %s and %s: no difference shown [%.1f %%, %.1f %%]%s\n",
               text(p, "faster"), text(p, "slower"), low, high, note);
    else
        printf("  %s and %s: nothing can be said%s\n", text(p, "faster"),
               text(p, "slower"), note);
}

/* Was the machine itself while this was measured? */
static bool believed(const json_t *results, const char *state)
{
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *r = json_array_get(results, i);
        const char *v = text(r, "verdict");
        if (!strcmp(text(r, "caches"), state) &&
            (!strcmp(v, "disturbed") || !strcmp(v, "throttled")))
            return false;
    }
    return true;
}

static void print_pairs(const json_t *doc)
{
    const json_t *pairs = json_object_get(doc, "comparisons");
    const json_t *results = json_object_get(doc, "results");
    size_t n = json_array_size(pairs);
    size_t states = json_array_size(json_object_get(doc, "measured"));
    if (!n)
        return;
    printf("\nreal differences, at 95 %% for %s:\n",
           n / states > 1 ? "all pairs together" : "the pair");
    for (size_t i = 0; i < n; i++) {
        const json_t *p = json_array_get(pairs, i);
        print_pair(p, believed(results, text(p, "caches")));
    }
}

/* Reasons that are the same for all are said once. */
static void print_reasons(const json_t *results)
{
    const char *said = "";
    for (size_t i = 0; i < json_array_size(results); i++) {
        const json_t *r = json_array_get(results, i);
        const char *why = text(r, "reason");
        if (!*why || !strcmp(why, said))
            continue;
        printf("%s%s, %s caches, %s: %s\n", *said ? "" : "\n",
               text(r, "recipe"), text(r, "caches"), text(r, "verdict"), why);
        said = why;
    }
}

static void print_witnesses(const json_t *measured)
{
    for (size_t i = 0; i < json_array_size(measured); i++) {
        const json_t *m = json_array_get(measured, i);
        const json_t *missing = json_object_get(m, "missing"), *rounds;
        const char *name;
        printf("\n%s caches: %.0f of %.0f rounds count", text(m, "caches"),
               at(m, "counted"), at(m, "rounds"));
        json_object_foreach(json_object_get(m, "disturbed"), name, rounds)
            printf(", %s disturbed %lld", name, json_integer_value(rounds));
        for (size_t k = 0; k < json_array_size(missing); k++)
            printf("%s%s", k ? ", " : "; witnesses missing here: ",
                   json_string_value(json_array_get(missing, k)));
    }
    putchar('\n');
}

void haq_bench_print(const json_t *doc)
{
    print_table(json_object_get(doc, "results"));
    print_pairs(doc);
    print_reasons(json_object_get(doc, "results"));
    print_witnesses(json_object_get(doc, "measured"));
}
