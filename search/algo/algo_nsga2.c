/* NSGA-II (Deb, Pratap, Agarwal, Meyarivan 2002) over integer vectors.
 *
 *     seeds + random  ->  generation 0
 *     parents + told generation  -> ranks, crowding -> parents (population)
 *     parents -> tournament -> crossover -> mutation -> next generation
 */
#include "search/algo/algo_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/archive.h"
#include "search/algo/breed.h"

struct haq_algo_run {
    struct haq_archive a;
    struct haq_rng rng;
    size_t population;
    size_t *parent; /* [n_parents] numbers, best first, then free room */
    double *crowd;  /* [population] of the parents */
    size_t n_parents, room;
    size_t begin; /* first number of the newest generation */
};

void haq_nsga2_end(struct haq_algo_run *run)
{
    if (!run)
        return;
    haq_archive_fini(&run->a);
    free(run->parent);
    free(run->crowd);
    free(run);
}

haq_status haq_nsga2_start(struct haq_algo_run **out,
                           const struct haq_algo_config *c, struct haq_diag *d)
{
    assert(c->population >= 2);
    struct haq_algo_run *run = calloc(1, sizeof *run);
    if (!run)
        return haq_fail(d, HAQ_NOMEM, "nsga2");
    run->population = c->population;
    haq_rng_seed(&run->rng, c->seed);
    haq_status s = haq_archive_init(&run->a, c, d);
    run->crowd = calloc(c->population, sizeof *run->crowd);
    enum haq_genome_add added = run->crowd ? HAQ_GENOME_NEW : HAQ_GENOME_NOMEM;
    while (!s && added == HAQ_GENOME_NEW && run->a.all.n < run->population)
        added = haq_archive_add_random(&run->a, &run->rng);
    if (!s && added == HAQ_GENOME_NOMEM)
        s = haq_fail(d, HAQ_NOMEM, "first generation of nsga2");
    if (s)
        haq_nsga2_end(run);
    else
        *out = run;
    return s;
}

/* Parents of the next generation are the best of the last parents and their
 * children. */
static bool survive(struct haq_algo_run *run)
{
    size_t children = run->a.all.n - run->begin;
    size_t n = run->n_parents + children;
    if (n > run->room) {
        size_t *p = realloc(run->parent, n * sizeof *p);
        if (!p)
            return false;
        run->parent = p, run->room = n;
    }
    for (size_t i = 0; i < children; i++)
        run->parent[run->n_parents + i] = run->begin + i;
    return haq_archive_survive(&run->a, run->parent, n, run->population,
                               run->crowd, &run->n_parents);
}

static bool next_generation(struct haq_algo_run *run)
{
    if (!survive(run))
        return false;
    run->begin = run->a.all.n;
    const struct haq_parents parents = {run->parent, run->crowd,
                                        run->n_parents};
    return haq_breed(&run->a, &run->rng, &parents, run->population);
}

enum haq_ask haq_nsga2_ask(struct haq_algo_run *run, size_t *id,
                           const int **genes)
{
    return haq_archive_ask_or_make(&run->a, next_generation, run, id, genes);
}

void haq_nsga2_tell(struct haq_algo_run *run, size_t id,
                    const double *objective, double violation)
{
    haq_archive_tell(&run->a, id, objective, violation);
}
