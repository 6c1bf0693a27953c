#include "cli/contest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/progress.h"

enum { MARKS_MAX = 64 };
enum { ALL_MAX = 50000000 }; /* evaluations of all searches together */

const double haq_contest_goal[HAQ_CONTEST_GOALS] = {0.95, 0.99};

/* ---- what is asked for ----------------------------------------------------*/

/* Columns by name, in their order; without --objectives the first few. */
static haq_status choose_objectives(struct haq_contest *c,
                                    const struct haq_bench_table *file,
                                    size_t *column, struct haq_diag *d)
{
    const char *at = c->rules->objectives;
    size_t most = file->columns;
    if (!at) {
        c->table.m = most < HAQ_MAX_OBJECTIVES ? most : HAQ_MAX_OBJECTIVES;
        for (size_t k = 0; k < c->table.m; k++)
            column[k] = k;
    }
    while (at) {
        size_t len = strcspn(at, ",");
        if (c->table.m == HAQ_MAX_OBJECTIVES)
            return haq_fail(d, HAQ_USAGE, "--objectives: more than %d",
                            HAQ_MAX_OBJECTIVES);
        haq_status s =
            haq_bench_table_column(file, at, len, &column[c->table.m++], d);
        if (s)
            return haq_fail_in(d, s, "--objectives");
        at = at[len] ? at + len + 1 : NULL;
    }
    for (size_t k = 0; k < c->table.m; k++) {
        c->name[k] = file->column[column[k]];
        c->table.limit[k] = INFINITY;
    }
    return HAQ_OK;
}

/* "wrong=100", of a chosen objective. */
static haq_status read_limit(struct haq_contest *c, const char *text,
                             struct haq_diag *d)
{
    const char *equals = strchr(text, '=');
    char *end = NULL;
    double v = equals ? strtod(equals + 1, &end) : NAN;
    if (!equals || end == equals + 1 || *end || !isfinite(v))
        return haq_fail(d, HAQ_USAGE, "--limit %s: not OBJECTIVE=NUMBER", text);
    for (size_t k = 0; k < c->table.m; k++)
        if (strlen(c->name[k]) == (size_t)(equals - text) &&
            !strncmp(c->name[k], text, (size_t)(equals - text))) {
            c->table.limit[k] = v;
            return HAQ_OK;
        }
    return haq_fail(d, HAQ_USAGE, "--limit %s: not among the objectives", text);
}

static haq_status make_table(struct haq_contest *c,
                             const struct haq_bench_table *file,
                             struct haq_diag *d)
{
    size_t column[HAQ_MAX_OBJECTIVES];
    c->table = (struct haq_replay_table){.genes = file->genes,
                                         .points = file->points,
                                         .cardinality = file->cardinality};
    haq_status s = choose_objectives(c, file, column, d);
    for (size_t i = 0; !s && i < c->rules->limits.n; i++)
        s = read_limit(c, c->rules->limits.item[i], d);
    if (s)
        return s;
    size_t m = c->table.m;
    double *f = haq_arena_array(&c->arena, c->table.points, m * sizeof *f);
    if (!f)
        return haq_fail(d, HAQ_NOMEM, "%zu points", c->table.points);
    for (size_t i = 0; i < c->table.points; i++)
        for (size_t k = 0; k < m; k++)
            f[i * m + k] = file->value[column[k]][i];
    c->table.f = f;
    return haq_replay_init(&c->replay, &c->table, d);
}

/* Named ones, or every row that does not think long. */
static haq_status choose_algorithms(struct haq_contest *c, struct haq_diag *d)
{
    const struct haq_opt_list *list = &c->rules->algorithms;
    haq_status s = HAQ_OK;
    for (size_t i = 0; !s && i < list->n; i++) {
        if (c->algos == HAQ_CONTEST_ALGOS_MAX)
            return haq_fail(d, HAQ_USAGE, "--algorithm: more than %d",
                            HAQ_CONTEST_ALGOS_MAX);
        s = haq_algo_find(&c->algo[c->algos++], list->item[i], d);
    }
    for (const struct haq_algo *a = haq_algos; !list->n && a->name; a++)
        if (!a->slow && c->algos < HAQ_CONTEST_ALGOS_MAX)
            c->algo[c->algos++] = a;
    return s;
}

static haq_status check_sizes(struct haq_contest *c, struct haq_diag *d)
{
    const struct haq_contest_rules *a = c->rules;
    c->evaluations =
        a->evaluations < c->table.points ? a->evaluations : c->table.points;
    if (!a->runs || a->runs > HAQ_CONTEST_RUNS_MAX || !c->evaluations ||
        a->population < 2)
        return haq_fail(d, HAQ_USAGE,
                        "1 to %d --runs, 1 or more --evaluations, a "
                        "--population of 2 or more",
                        HAQ_CONTEST_RUNS_MAX);
    if (c->evaluations > ALL_MAX / a->runs / c->algos)
        return haq_fail(d, HAQ_USAGE,
                        "%zu algorithms x %zu runs x %zu evaluations: more "
                        "than %d",
                        c->algos, a->runs, c->evaluations, ALL_MAX);
    return HAQ_OK;
}

/* ---- searches -------------------------------------------------------------*/

static struct haq_replay_run *run_of(const struct haq_contest *c, size_t algo,
                                     size_t run)
{
    return &c->run[algo * c->rules->runs + run];
}

static haq_status search_all(struct haq_contest *c, bool quiet,
                             struct haq_diag *d)
{
    size_t runs = c->rules->runs;
    haq_status s = HAQ_OK;
    struct haq_progress_count progress;
    c->run = haq_arena_array(&c->arena, c->algos * runs, sizeof *c->run);
    double *share = haq_arena_array(&c->arena, c->algos * runs * c->evaluations,
                                    sizeof *share);
    if (!c->run || !share)
        return haq_fail(d, HAQ_NOMEM, "%zu searches", c->algos * runs);
    haq_count_init(&progress, c->algo[0]->name, quiet);
    for (size_t i = 0; !s && i < c->algos * runs; i++) {
        const struct haq_algo *algo = c->algo[i / runs];
        progress.phase = algo->name;
        haq_count_draw(&progress, i, c->algos * runs);
        c->run[i].share = share + i * c->evaluations;
        c->run[i].evaluations = c->evaluations;
        s = haq_replay_search(&c->replay, algo, c->rules->population,
                              c->rules->seed + i % runs, &c->run[i], d);
    }
    haq_progress_end(&progress.line);
    return s;
}

/* Evaluations at which the searches are compared: 10, 15, 20, 30 ... */
static void make_marks(struct haq_contest *c)
{
    static const double step[] = {1, 1.5, 2, 3, 5, 7};
    for (double power = 10; power < 1e9; power *= 10)
        for (size_t i = 0; i < sizeof step / sizeof *step; i++)
            if (step[i] * power < (double)c->evaluations &&
                c->marks + 1 < MARKS_MAX)
                c->mark[c->marks++] = (size_t)(step[i] * power);
    c->mark[c->marks++] = c->evaluations;
}

static haq_status summarise(struct haq_contest *c, struct haq_diag *d)
{
    size_t runs = c->rules->runs;
    double x[HAQ_CONTEST_RUNS_MAX];
    c->mark = haq_arena_array(&c->arena, MARKS_MAX, sizeof *c->mark);
    if (c->mark)
        make_marks(c);
    c->share =
        haq_arena_array(&c->arena, c->algos * c->marks, sizeof *c->share);
    if (!c->mark || !c->share)
        return haq_fail(d, HAQ_NOMEM, "%zu algorithms", c->algos);
    for (size_t a = 0; a < c->algos; a++) {
        for (size_t k = 0; k < c->marks; k++) {
            for (size_t r = 0; r < runs; r++)
                x[r] = 100 * run_of(c, a, r)->share[c->mark[k] - 1];
            c->share[a * c->marks + k] = haq_median(x, runs);
        }
        for (size_t g = 0; g < HAQ_CONTEST_GOALS; g++) {
            for (size_t r = 0; r < runs; r++) {
                size_t n =
                    haq_replay_reached(run_of(c, a, r), haq_contest_goal[g]);
                x[r] = n ? (double)n : INFINITY;
            }
            c->price[a][g] = haq_median(x, runs);
        }
        for (size_t r = 0; r < runs; r++)
            x[r] = run_of(c, a, r)->igd_plus;
        c->igd_plus[a] = haq_median(x, runs);
    }
    return HAQ_OK;
}

void haq_contest_fini(struct haq_contest *c)
{
    for (size_t i = 0; c->run && i < c->algos * c->rules->runs; i++)
        free(c->run[i].front);
    haq_replay_fini(&c->replay);
    haq_arena_fini(&c->arena);
}

haq_status haq_contest_hold(struct haq_contest *c,
                            const struct haq_contest_rules *rules,
                            const struct haq_bench_table *file, bool quiet,
                            struct haq_diag *d)
{
    *c = (struct haq_contest){.rules = rules};
    haq_arena_init(&c->arena);
    haq_status s = choose_algorithms(c, d);
    if (!s)
        s = make_table(c, file, d);
    if (!s)
        s = check_sizes(c, d);
    if (!s)
        s = search_all(c, quiet, d);
    return s ? s : summarise(c, d);
}
