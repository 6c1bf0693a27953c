#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/contest.h"
#include "report/curves.h"
#include "search/indicator.h"

/* ---- output ---------------------------------------------------------------*/

static void count_cell(struct haq_table *t, double v)
{
    if (isfinite(v))
        haq_table_cell(t, "%.0f", v);
    else
        haq_table_cell(t, "-");
}

/* A row of medians with their intervals. */
static void share_row(struct haq_table *t, const struct haq_contest *c,
                      size_t k)
{
    haq_table_cell(t, "%zu", c->mark[k]);
    for (size_t a = 0; a < c->algos; a++) {
        const struct haq_interval *i = &c->share[a * c->marks + k];
        haq_table_cell(t, "%.2f", i->value);
        haq_table_cell(t, "%.1f..%.1f", i->low, i->high);
    }
}

static void goal_row(struct haq_table *t, const struct haq_contest *c, size_t g)
{
    haq_table_cell(t, "to %g %%", 100 * haq_contest_goal[g]);
    for (size_t a = 0; a < c->algos; a++) {
        char low[24] = "-", high[24] = "-";
        const struct haq_interval *i = &c->price[a][g];
        count_cell(t, i->value);
        if (isfinite(i->low))
            snprintf(low, sizeof low, "%.0f", i->low);
        if (isfinite(i->high))
            snprintf(high, sizeof high, "%.0f", i->high);
        haq_table_cell(t, "%s..%s", low, high);
    }
}

static void igd_row(struct haq_table *t, const struct haq_contest *c)
{
    haq_table_cell(t, "IGD+");
    for (size_t a = 0; a < c->algos; a++) {
        haq_table_cell(t, "%.4f", c->igd_plus[a].value);
        haq_table_cell(t, "%.4f..%.4f", c->igd_plus[a].low,
                       c->igd_plus[a].high);
    }
}

static void print_text(const struct haq_contest *c)
{
    const char *heads[1 + 2 * HAQ_CONTEST_ALGOS_MAX] = {">evaluations"};
    char name[HAQ_CONTEST_ALGOS_MAX][32];
    for (size_t a = 0; a < c->algos; a++) {
        snprintf(name[a], sizeof name[a], ">%s", c->algo[a]->name);
        heads[1 + 2 * a] = name[a];
        heads[2 + 2 * a] = ">";
    }
    printf("%zu vectors of %zu genes; their front: %zu points of",
           c->table.points, c->table.genes, c->replay.n_front);
    for (size_t k = 0; k < c->table.m; k++)
        printf("%s %s", k ? "," : "", c->name[k]);
    printf(
        "\n%% of its hypervolume, median of %zu runs and 95 %% interval:\n\n",
        c->rules->runs);
    struct haq_table *t = haq_table_new(1 + 2 * c->algos, heads);
    for (size_t k = 0; k < c->marks; k++)
        share_row(t, c, k);
    for (size_t g = 0; g < HAQ_CONTEST_GOALS; g++)
        goal_row(t, c, g);
    igd_row(t, c);
    haq_table_print(t, stdout);
}

static json_t *interval_json(const struct haq_interval *i)
{
    return json_pack("{s:o,s:o,s:o}", "median", haq_json_real(i->value), "low",
                     haq_json_real(i->low), "high", haq_json_real(i->high));
}

/* What at least half of the runs attain, in the table's units; null unless
 * there are two objectives. */
static json_t *attainment_json(const struct haq_contest *c, size_t a)
{
    size_t runs = c->rules->runs, n = 0, corners = 0, end[HAQ_CONTEST_RUNS_MAX];
    const struct haq_replay_run *run = c->run + a * runs;
    if (c->table.m != 2)
        return json_null();
    for (size_t r = 0; r < runs; r++)
        end[r] = n += run[r].n_front;
    double *f = calloc(n + 1, 2 * sizeof *f);
    double *out = calloc(n + 1, 2 * sizeof *out);
    json_t *list = f && out ? json_array() : NULL;
    for (size_t r = 0; list && r < runs; r++) {
        memcpy(f + 2 * (end[r] - run[r].n_front), run[r].front,
               2 * run[r].n_front * sizeof *f);
    }
    struct haq_fronts fronts = {f, end, runs, 2};
    if (list && haq_attainment_surface(&fronts, (runs + 1) / 2, out, &corners))
        for (size_t i = 0; i < corners; i++)
            json_array_append_new(
                list,
                json_pack(
                    "[f,f]", c->replay.low[0] + out[2 * i] * c->replay.span[0],
                    c->replay.low[1] + out[2 * i + 1] * c->replay.span[1]));
    free(f);
    free(out);
    return list;
}

static json_t *algorithm_json(const struct haq_contest *c, size_t a)
{
    json_t *hypervolume = json_array(), *to = json_array();
    for (size_t k = 0; k < c->marks; k++) {
        json_t *o = interval_json(&c->share[a * c->marks + k]);
        json_object_set_new(o, "evaluations",
                            json_integer((json_int_t)c->mark[k]));
        json_array_append_new(hypervolume, o);
    }
    for (size_t g = 0; g < HAQ_CONTEST_GOALS; g++) {
        json_t *o = interval_json(&c->price[a][g]);
        json_object_set_new(o, "percent", json_real(100 * haq_contest_goal[g]));
        json_array_append_new(to, o);
    }
    return json_pack("{s:s,s:o,s:o,s:o,s:o}", "name", c->algo[a]->name,
                     "hypervolume", hypervolume, "evaluations_to", to,
                     "igd_plus", interval_json(&c->igd_plus[a]),
                     "median_attainment", attainment_json(c, a));
}

static json_t *contest_json(const struct haq_contest *c, const char *path)
{
    json_t *algorithms = json_array(), *objectives = json_array();
    for (size_t a = 0; a < c->algos; a++)
        json_array_append_new(algorithms, algorithm_json(c, a));
    for (size_t k = 0; k < c->table.m; k++) {
        double best = c->replay.low[k], span = c->replay.span[k];
        json_array_append_new(
            objectives,
            json_pack("{s:s,s:f,s:f,s:f,s:o}", "name", c->name[k], "best", best,
                      "worst", best + span, "reference",
                      best + HAQ_REPLAY_REFERENCE * span, "limit",
                      haq_json_real(c->table.limit[k])));
    }
    return json_pack("{s:s,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:o}", "table", path,
                     "vectors", (json_int_t)c->table.points, "front",
                     (json_int_t)c->replay.n_front, "objectives", objectives,
                     "evaluations", (json_int_t)c->evaluations, "runs",
                     (json_int_t)c->rules->runs, "population",
                     (json_int_t)c->rules->population, "seed",
                     (json_int_t)c->rules->seed, "algorithms", algorithms);
}

static haq_status write_chart(const struct haq_contest *c, const char *path,
                              struct haq_diag *d)
{
    struct haq_curve curve[HAQ_CONTEST_ALGOS_MAX];
    struct haq_buf b;
    for (size_t a = 0; a < c->algos; a++)
        curve[a] =
            (struct haq_curve){c->algo[a]->name, c->share + a * c->marks};
    struct haq_curves curves = {"Hypervolume found, median and interval",
                                "evaluations",
                                "% of the table's own",
                                c->mark,
                                c->marks,
                                curve,
                                c->algos};
    if (c->marks < 2)
        return haq_fail(d, HAQ_USAGE, "--chart: too few evaluations to draw");
    haq_buf_init(&b);
    haq_curves_write(&b, &curves);
    haq_status s = b.failed ? haq_fail(d, HAQ_NOMEM, "%s", path)
                            : haq_file_write(path, b.data, b.len, d);
    haq_buf_fini(&b);
    return s;
}

/* ---- the command ----------------------------------------------------------*/

static haq_status show(const struct haq_contest *c, const char *path,
                       const char *chart, bool as_json, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    if (as_json)
        s = haq_print_json(contest_json(c, path), d);
    else
        print_text(c);
    return !s && chart ? write_chart(c, chart, d) : s;
}

haq_status haq_cmd_bench_search(const struct haq_command *self, int argc,
                                char **argv, struct haq_diag *d)
{
    struct haq_contest_rules r = {
        .evaluations = 1000, .runs = 11, .population = 40, .seed = 1};
    const char *path, *chart = NULL;
    const struct haq_opt opts[] = {
        {"algorithm", 0, HAQ_OPT_LIST, &r.algorithms, "NAME",
         "who competes (may be given several times; default: everybody)"},
        {"objectives", 0, HAQ_OPT_TEXT, &r.objectives, "A,B",
         "of the table's (default: the first four)"},
        {"limit", 0, HAQ_OPT_LIST, &r.limits, "A=X",
         "most that an objective may be (may be given several times)"},
        {"evaluations", 0, HAQ_OPT_COUNT, &r.evaluations, "N",
         "results that a search may use (default 1000)"},
        {"runs", 0, HAQ_OPT_COUNT, &r.runs, "N",
         "searches of each algorithm, one seed each (default 11)"},
        {"population", 0, HAQ_OPT_COUNT, &r.population, "N",
         "vectors of a generation (default 40)"},
        {"seed", 0, HAQ_OPT_SEED, &r.seed, "S", "of the first run (default 1)"},
        {"chart", 0, HAQ_OPT_TEXT, &chart, "FILE.svg", "draw the curves"},
    };
    struct haq_common common;
    struct haq_bench_table file;
    struct haq_contest c;

    haq_common_init(&common);
    haq_status s = haq_opts_parse(self, opts, sizeof opts / sizeof *opts,
                                  &common, argc, argv, &path, 1, 1, d);
    if (s != HAQ_OK || common.help)
        return s;
    s = haq_bench_table_read(&file, path, d);
    if (s != HAQ_OK)
        return s;
    s = haq_fail_in(
        d, haq_contest_hold(&c, &r, &file, common.quiet || common.json, d),
        path);
    if (s == HAQ_OK)
        s = show(&c, path, chart, common.json, d);
    haq_contest_fini(&c);
    haq_bench_table_fini(&file);
    return s;
}
