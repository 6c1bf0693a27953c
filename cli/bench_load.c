#include "cli/bench_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"

/* A number from 1 to `most`, and where it ends; NULL: none. */
static const char *read_count(const char *p, size_t most, size_t *out)
{
    char *end;
    errno = 0;
    unsigned long v = strtoul(p, &end, 10);
    if (end == p || *p == '-' || *p == '+' || errno || !v || v > most)
        return NULL;
    *out = v;
    return end;
}

haq_status haq_bench_load_parse(struct haq_load_level out[HAQ_LOAD_LEVELS],
                                size_t *n, const char *text, size_t batch,
                                struct haq_diag *d)
{
    const char *p = text;
    for (*n = 0; p && *n < HAQ_LOAD_LEVELS; p++) {
        struct haq_load_level *l = &out[(*n)++];
        l->batch = batch;
        p = read_count(p, HAQ_LOAD_CLIENTS, &l->clients);
        if (p && *p == 'x')
            p = read_count(p + 1, 1 << 16, &l->batch);
        if (p && !*p)
            return HAQ_OK;
        if (p && *p != ',')
            break;
        if (!p)
            break;
    }
    return haq_fail(d, HAQ_USAGE,
                    "--load %s: up to %d levels, separated by commas, of "
                    "CLIENTS (1 to %d) or CLIENTSxBATCH",
                    text, HAQ_LOAD_LEVELS, HAQ_LOAD_CLIENTS);
}

static json_t *row_json(const struct haq_load_row *r, const char *name)
{
    const struct haq_load_result *l = &r->result;
    double per_second = l->per_second;
    return json_pack(
        "{s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "recipe", name, "clients", (json_int_t)r->level.clients, "batch",
        (json_int_t)r->level.batch, "requests", (json_int_t)l->requests,
        "seconds", haq_json_real(l->seconds), "requests_per_second",
        haq_json_real(per_second), "samples_per_second",
        haq_json_real(per_second * (double)r->samples), "tokens_per_second",
        r->tokens ? haq_json_real(per_second * (double)r->tokens) : json_null(),
        "p50_ms", haq_json_real(l->p50_ms), "p90_ms", haq_json_real(l->p90_ms),
        "p99_ms", haq_json_real(l->p99_ms), "max_ms", haq_json_real(l->max_ms));
}

haq_status haq_bench_load(json_t **out, struct haq_session *session,
                          const struct haq_recipe *const *recipes, size_t n,
                          const char *const *name,
                          const struct haq_load_level *level, size_t levels,
                          size_t budget_ms, struct haq_diag *d)
{
    struct haq_load_row *rows = calloc(levels * (n + 1), sizeof *rows);
    *out = json_array();
    haq_status s = rows && *out ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "--load");
    if (s == HAQ_OK)
        s = haq_session_load(session, recipes, n, level, levels, budget_ms,
                             rows, d);
    for (size_t i = 0; s == HAQ_OK && i < levels * (n + 1); i++)
        if (json_array_append_new(*out,
                                  row_json(&rows[i], name[rows[i].recipe])))
            s = haq_fail(d, HAQ_NOMEM, "--load");
    free(rows);
    if (s != HAQ_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return s;
}

static double at(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

void haq_bench_print_load(const json_t *rows)
{
    if (!json_array_size(rows))
        return;
    const json_t *first = json_array_get(rows, 0);
    bool tokens = !json_is_null(json_object_get(first, "tokens_per_second"));
    const char *heads[] = {"recipe",
                           ">clients",
                           ">batch",
                           ">requests",
                           tokens ? ">tokens/s" : ">samples/s",
                           ">p50 ms",
                           ">p90 ms",
                           ">p99 ms",
                           ">max ms"};
    struct haq_table *t = haq_table_new(9, heads);
    printf("\nunder load, each request on one thread:\n");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *r = json_array_get(rows, i);
        haq_table_cell(t, "%s",
                       json_string_value(json_object_get(r, "recipe")));
        haq_table_cell(t, "%.0f", at(r, "clients"));
        haq_table_cell(t, "%.0f", at(r, "batch"));
        haq_table_cell(t, "%.0f", at(r, "requests"));
        haq_table_cell(
            t, "%.0f",
            at(r, tokens ? "tokens_per_second" : "samples_per_second"));
        haq_table_cell(t, "%.4f", at(r, "p50_ms"));
        haq_table_cell(t, "%.4f", at(r, "p90_ms"));
        haq_table_cell(t, "%.4f", at(r, "p99_ms"));
        haq_table_cell(t, "%.4f", at(r, "max_ms"));
    }
    haq_table_print(t, stdout);
}
