/* Simulated annealing (Kirkpatrick, Gelatt, Vecchi 1983), several chains at
 * once, each towards its own mix of objectives, so that together they run along
 * the front.
 *
 *     seeds + random -> every chain starts from the best told for its weights
 *     each chain: neighbour -> told -> better, or by luck -> moves there
 *     cooled down: back to the best told for its weights, warm again
 *
 * A step to a vector that was told before costs nothing, so a chain takes it at
 * once; only new vectors are proposed, one per chain and generation.
 */
#include "search/algo/algo_priv.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/scalar.h"
#include "search/algo/variation.h"

enum {
    CHAINS_MIN = 4,
    CHAINS_MAX = 24,
    FREE_STEPS = 40, /* over known vectors, before a random one is proposed */
    NONE = -1
};

/* Temperatures are parts of the range that the front spans. */
static const double warm = 0.01, cold = 0.001;
static const double cooling = 0.9;     /* per step: 22 from warm to cold */
static const double second_gene = 0.3; /* of steps change one gene more */

struct chain {
    double w[HAQ_MAX_OBJECTIVES];
    double temperature;
    size_t at;      /* number of the vector that it stands on */
    long candidate; /* number proposed, or NONE */
};

struct haq_algo_run {
    struct haq_archive a;
    struct haq_rng rng;
    struct chain *chain;
    size_t chains;
    bool placed;
    struct haq_range range;
};

void haq_annealing_end(struct haq_algo_run *run)
{
    if (!run)
        return;
    haq_archive_fini(&run->a);
    free(run->chain);
    free(run);
}

haq_status haq_annealing_start(struct haq_algo_run **out,
                               const struct haq_algo_config *c,
                               struct haq_diag *d)
{
    struct haq_algo_run *run = calloc(1, sizeof *run);
    if (!run)
        return haq_fail(d, HAQ_NOMEM, "annealing");
    size_t chains = c->population / 4;
    chains = chains < CHAINS_MIN ? CHAINS_MIN : chains;
    run->chains = chains > CHAINS_MAX ? CHAINS_MAX : chains;
    haq_rng_seed(&run->rng, c->seed);
    haq_status s = haq_archive_init(&run->a, c, d);
    run->chain = calloc(run->chains, sizeof *run->chain);
    enum haq_genome_add added = run->chain ? HAQ_GENOME_NEW : HAQ_GENOME_NOMEM;
    while (!s && added == HAQ_GENOME_NEW && run->a.all.n < run->chains)
        added = haq_archive_add_random(&run->a, &run->rng);
    if (!s && added == HAQ_GENOME_NOMEM)
        s = haq_fail(d, HAQ_NOMEM, "start of annealing");
    if (s)
        haq_annealing_end(run);
    else
        *out = run;
    return s;
}

/* ---- one chain ------------------------------------------------------------*/

static double cost(const struct haq_algo_run *run, const struct chain *c,
                   size_t number)
{
    return haq_scalar(&run->range, &run->a, c->w, number);
}

/* Warm again, on the best of the front for its weights. */
static void place(struct haq_algo_run *run, struct chain *c)
{
    double least = INFINITY;
    c->temperature = warm;
    c->candidate = NONE;
    for (size_t i = 0; i < run->a.n_front; i++) {
        double v = cost(run, c, run->a.front[i]);
        if (v < least)
            least = v, c->at = run->a.front[i];
    }
}

/* Metropolis: whatever is better, and what is worse with a probability. */
static void decide(struct haq_algo_run *run, struct chain *c, size_t number)
{
    double worse = cost(run, c, number) - cost(run, c, c->at);
    double luck = haq_rng_unit(&run->rng);
    if (worse <= 0 || luck < exp(-worse / c->temperature))
        c->at = number;
    c->temperature *= cooling;
    if (c->temperature < cold)
        place(run, c);
}

static void change_one(struct haq_algo_run *run, int *genes)
{
    const int *cardinality = run->a.all.cardinality;
    uint64_t nth = haq_rng_below(&run->rng, run->a.movable);
    for (size_t i = 0; i < run->a.all.genes; i++)
        if (cardinality[i] > 1 && !nth--) {
            genes[i] = haq_mutated(&run->rng, genes[i], cardinality[i]);
            return;
        }
}

static void neighbour(struct haq_algo_run *run, const struct chain *c,
                      int *genes)
{
    const struct haq_genomes *g = &run->a.all;
    memcpy(genes, haq_genomes_get(g, c->at), g->genes * sizeof *genes);
    do
        change_one(run, genes);
    while (haq_chance(&run->rng, second_gene));
}

/* Walk until a new vector comes up, and propose it. */
static enum haq_genome_add advance(struct haq_algo_run *run, struct chain *c)
{
    int *genes = run->a.scratch;
    enum haq_genome_add added = HAQ_GENOME_KNOWN;
    for (int i = 0; i < FREE_STEPS && added == HAQ_GENOME_KNOWN; i++) {
        size_t known;
        neighbour(run, c, genes);
        if (!haq_genomes_find(&run->a.all, genes, &known))
            added = haq_archive_add(&run->a, genes);
        else if (run->a.told[known])
            decide(run, c, known);
    }
    if (added == HAQ_GENOME_KNOWN)
        added = haq_archive_add_random(&run->a, &run->rng);
    if (added == HAQ_GENOME_NEW)
        c->candidate = (long)run->a.all.n - 1;
    return added;
}

/* ---- generations ----------------------------------------------------------*/

static void place_all(struct haq_algo_run *run)
{
    for (size_t i = 0; i < run->chains; i++) {
        haq_direction(i, run->a.m, run->chain[i].w);
        place(run, &run->chain[i]);
    }
    run->placed = true;
}

/* Every chain takes its result and proposes its next vector. */
static bool next_generation(struct haq_algo_run *run)
{
    enum haq_genome_add added = HAQ_GENOME_NEW;
    haq_range_of(&run->range, &run->a, run->a.front, run->a.n_front);
    if (!run->placed)
        place_all(run);
    for (size_t i = 0; i < run->chains; i++) {
        struct chain *c = &run->chain[i];
        if (c->candidate != NONE)
            decide(run, c, (size_t)c->candidate);
        c->candidate = NONE;
        if (added == HAQ_GENOME_NEW)
            added = advance(run, c);
    }
    return added != HAQ_GENOME_NOMEM;
}

enum haq_ask haq_annealing_ask(struct haq_algo_run *run, size_t *id,
                               const int **genes)
{
    return haq_archive_ask_or_make(&run->a, next_generation, run, id, genes);
}

void haq_annealing_tell(struct haq_algo_run *run, size_t id,
                        const double *objective, double violation)
{
    haq_archive_tell(&run->a, id, objective, violation);
}
