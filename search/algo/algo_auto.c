/* The default: look, solve exactly, then search with a model.
 *
 *     uniform vectors, every gene alone as narrow as it can be -> told
 *     if effects added up, the best vector for a mix of objectives would have
 *     the best value of each gene: for many mixes, exactly     -> told
 *     all of it starts NSGA-II on a model (algo_surrogate.c)
 *
 * Whoever has looked already and brings seeds goes straight to the last line.
 * The vectors of the first steps are the first of the model's search, too,
 * under the same numbers: it is told about them from the archive.
 */
#include "search/algo/algo_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/scalar.h"

enum { LEVELS_MAX = 8, MIXES_MIN = 8 };

enum step { LOOKING, SOLVING, SEARCHING };

struct haq_algo_run {
    struct haq_archive a; /* of the first two steps */
    struct haq_algo_config config;
    enum step step;
    size_t mixes;
    struct haq_algo_run *search; /* of the last */
};

void haq_auto_end(struct haq_algo_run *run)
{
    if (!run)
        return;
    haq_surrogate_end(run->search);
    haq_archive_fini(&run->a);
    free(run);
}

/* ---- looking --------------------------------------------------------------*/

static bool add(struct haq_algo_run *run)
{
    return haq_archive_add(&run->a, run->a.scratch) != HAQ_GENOME_NOMEM;
}

/* Every gene at the same part of its range. */
static bool add_levels(struct haq_algo_run *run)
{
    const struct haq_genomes *g = &run->a.all;
    int levels = 2;
    for (size_t i = 0; i < g->genes; i++)
        if (g->cardinality[i] > levels)
            levels = g->cardinality[i];
    levels = levels > LEVELS_MAX ? LEVELS_MAX : levels;
    for (int k = levels - 1; k >= 0; k--) {
        for (size_t i = 0; i < g->genes; i++)
            run->a.scratch[i] =
                (int)lround((g->cardinality[i] - 1) * k / (double)(levels - 1));
        if (!add(run))
            return false;
    }
    return true;
}

static void widest(const struct haq_algo_run *run, int *genes)
{
    for (size_t i = 0; i < run->a.all.genes; i++)
        genes[i] = run->a.all.cardinality[i] - 1;
}

/* The widest vector with one gene as narrow as it can be; false: it has no
 * choice. */
static bool narrowed(const struct haq_algo_run *run, size_t gene, int *genes)
{
    widest(run, genes);
    genes[gene] = 0;
    return run->a.all.cardinality[gene] > 1;
}

static bool add_probes(struct haq_algo_run *run)
{
    for (size_t i = 0; i < run->a.all.genes; i++)
        if (narrowed(run, i, run->a.scratch) && !add(run))
            return false;
    return true;
}

static haq_status start_search(struct haq_algo_run *run, struct haq_diag *d)
{
    run->step = SEARCHING;
    return haq_surrogate_start(&run->search, &run->config, d);
}

haq_status haq_auto_start(struct haq_algo_run **out,
                          const struct haq_algo_config *c, struct haq_diag *d)
{
    struct haq_algo_run *run = calloc(1, sizeof *run);
    if (!run)
        return haq_fail(d, HAQ_NOMEM, "auto");
    run->config = *c;
    run->mixes = c->population / 2 < MIXES_MIN ? MIXES_MIN : c->population / 2;
    haq_status s = haq_archive_init(&run->a, c, d);
    if (!s && c->n_seeds)
        s = start_search(run, d);
    else if (!s && (!add_levels(run) || !add_probes(run)))
        s = haq_fail(d, HAQ_NOMEM, "first vectors of auto");
    run->config.cardinality = run->a.all.cardinality;
    if (s)
        haq_auto_end(run);
    else
        *out = run;
    return s;
}

/* ---- solving --------------------------------------------------------------*/

static double mixed(const struct haq_algo_run *run, const struct haq_range *r,
                    const double *w, size_t number)
{
    const double *f = haq_archive_objective(&run->a, number);
    double sum = 0;
    for (size_t k = 0; k < run->a.m; k++)
        sum += w[k] > 0 ? w[k] * f[k] / r->span[k] : 0;
    return sum;
}

/* As if effects added up: every gene is narrow when that alone makes the widest
 * vector better in this mix. */
static void solve(struct haq_algo_run *run, const struct haq_range *r,
                  const double *w, int *genes)
{
    size_t wide, narrow, n = run->a.all.genes;
    widest(run, run->a.scratch);
    widest(run, genes);
    if (!haq_genomes_find(&run->a.all, run->a.scratch, &wide))
        return;
    for (size_t g = 0; g < n; g++)
        if (narrowed(run, g, run->a.scratch) &&
            haq_genomes_find(&run->a.all, run->a.scratch, &narrow) &&
            mixed(run, r, w, narrow) < mixed(run, r, w, wide))
            genes[g] = 0;
}

static bool add_solutions(struct haq_algo_run *run)
{
    struct haq_range range;
    size_t n = run->a.all.genes;
    bool ok = true;
    int *genes = calloc(n, sizeof *genes);
    haq_range_of(&range, &run->a, run->a.front, run->a.n_front);
    for (size_t i = 0; genes && ok && i < run->mixes; i++) {
        double w[HAQ_MAX_OBJECTIVES];
        haq_direction(i, run->a.m, w);
        solve(run, &range, w, genes);
        memcpy(run->a.scratch, genes, n * sizeof *genes);
        ok = add(run);
    }
    ok = ok && genes;
    free(genes);
    return ok;
}

/* ---- searching ------------------------------------------------------------*/

/* The model's search begins with all that was told. */
static bool hand_over(struct haq_algo_run *run)
{
    size_t n = run->a.all.n, id;
    const int *genes;
    run->config.seeds = run->a.all.vector;
    run->config.n_seeds = n;
    if (start_search(run, NULL))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (haq_surrogate_ask(run->search, &id, &genes) != HAQ_ASK_GIVEN)
            return false;
        haq_surrogate_tell(run->search, id, haq_archive_objective(&run->a, id),
                           run->a.violation[id]);
    }
    return true;
}

static bool next_step(struct haq_algo_run *run)
{
    if (run->step == LOOKING) {
        run->step = SOLVING;
        return add_solutions(run);
    }
    return hand_over(run);
}

enum haq_ask haq_auto_ask(struct haq_algo_run *run, size_t *id,
                          const int **genes)
{
    while (run->step != SEARCHING) {
        enum haq_ask got = haq_archive_ask(&run->a, id, genes);
        if (got != HAQ_ASK_END)
            return got;
        if (!next_step(run))
            return HAQ_ASK_NOMEM;
    }
    return haq_surrogate_ask(run->search, id, genes);
}

void haq_auto_tell(struct haq_algo_run *run, size_t id, const double *objective,
                   double violation)
{
    if (run->step == SEARCHING)
        haq_surrogate_tell(run->search, id, objective, violation);
    else
        haq_archive_tell(&run->a, id, objective, violation);
}
