/* NSGA-II (Deb, Pratap, Agarwal, Meyarivan 2002) over integer vectors.
 *
 *     seeds + random  ->  generation 0
 *     parents + told generation  -> ranks, crowding -> parents (population)
 *     parents -> tournament -> crossover -> mutation -> next generation
 *
 * Vectors are numbered in order of creation and nothing looks at the order in
 * which they were told.
 */
#include "search/algo/algo_priv.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/dominance.h"
#include "search/algo/genomes.h"

/* Tries to breed a child that is new before a random vector takes its place. */
enum { BREED_TRIES = 24 };

static const double crossover_rate = 0.9;
static const double step_rate = 0.7; /* of mutations: to a neighbour */

struct haq_algo_run {
    struct haq_genomes all;
    struct haq_rng rng;
    size_t m, population;
    double *objective; /* [room][m] of every vector ever made */
    double *violation; /* [room] */
    bool *told;        /* [room] */
    size_t room;
    size_t *parent; /* [n_parents] numbers, best first */
    size_t n_parents;
    size_t begin, given, open; /* generation begin .. all.n; open: not told */
    int *child;                /* [genes] scratch */
    size_t movable;            /* genes with more than one value */
};

void haq_nsga2_end(struct haq_algo_run *run)
{
    if (!run)
        return;
    haq_genomes_fini(&run->all);
    free(run->objective);
    free(run->violation);
    free(run->told);
    free(run->parent);
    free(run->child);
    free(run);
}

/* ---- storage --------------------------------------------------------------*/

static bool grow(void **p, size_t n, size_t size)
{
    void *q = n > SIZE_MAX / size ? NULL : realloc(*p, n * size);
    if (q)
        *p = q;
    return q;
}

/* Room for what is told about the vectors made so far. */
static bool make_room(struct haq_algo_run *run)
{
    size_t old = run->room, room = old;
    while (room < run->all.n)
        room = room ? 2 * room : 64;
    if (room == old)
        return true;
    void *f = run->objective, *v = run->violation, *t = run->told;
    bool ok = grow(&f, room, run->m * sizeof(double));
    run->objective = f;
    ok = ok && grow(&v, room, sizeof(double));
    run->violation = v;
    ok = ok && grow(&t, room, sizeof(bool));
    run->told = t;
    if (!ok)
        return false;
    memset(run->told + old, 0, (room - old) * sizeof *run->told);
    run->room = room;
    return true;
}

/* ---- survival -------------------------------------------------------------*/

/* What sorting one merged population needs. */
struct merged {
    size_t *number;  /* [n] vectors in it */
    size_t *rank;    /* [n] */
    size_t *scratch; /* [n] */
    size_t *front;   /* [n] positions of one front */
    double *f;       /* [n][m] */
    double *violation;
    double *crowd; /* [n] in the order of `front` */
    struct haq_keyed *keyed;
    size_t n;
};

static void merged_fini(struct merged *g)
{
    free(g->number);
    free(g->rank);
    free(g->scratch);
    free(g->front);
    free(g->f);
    free(g->violation);
    free(g->crowd);
    free(g->keyed);
}

static bool merged_init(struct merged *g, const struct haq_algo_run *run)
{
    size_t n = run->n_parents + run->all.n - run->begin;
    *g = (struct merged){.n = n};
    g->number = calloc(n, sizeof *g->number);
    g->rank = calloc(n, sizeof *g->rank);
    g->scratch = calloc(n, sizeof *g->scratch);
    g->front = calloc(n, sizeof *g->front);
    g->f = calloc(n, run->m * sizeof *g->f);
    g->violation = calloc(n, sizeof *g->violation);
    g->crowd = calloc(n, sizeof *g->crowd);
    g->keyed = calloc(n, sizeof *g->keyed);
    if (!g->number || !g->rank || !g->scratch || !g->front || !g->f ||
        !g->violation || !g->crowd || !g->keyed)
        return false;
    for (size_t i = 0; i < n; i++) {
        size_t k = i < run->n_parents ? run->parent[i]
                                      : run->begin + i - run->n_parents;
        g->number[i] = k;
        g->violation[i] = run->violation[k];
        memcpy(g->f + i * run->m, run->objective + k * run->m,
               run->m * sizeof *g->f);
    }
    return true;
}

/* Parents of the next generation: whole fronts, then of the one that does not
 * fit the least crowded.  Within a front the least crowded come first, so the
 * position in parent[] is the order of the tournament. */
static bool survive(struct haq_algo_run *run)
{
    struct merged g;
    bool ok = merged_init(&g, run);
    if (!ok)
        goto done;
    size_t fronts =
        haq_front_ranks(g.f, g.violation, g.n, run->m, g.rank, g.scratch);
    run->n_parents = 0;
    for (size_t r = 0; r < fronts && run->n_parents < run->population; r++) {
        size_t n = 0;
        for (size_t i = 0; i < g.n; i++)
            if (g.rank[i] == r)
                g.front[n++] = i;
        haq_crowding(g.f, run->m, g.front, n, g.crowd, g.keyed);
        for (size_t i = 0; i < n; i++)
            g.keyed[i] = (struct haq_keyed){-g.crowd[i], g.front[i]};
        haq_keyed_sort(g.keyed, n);
        for (size_t i = 0; i < n && run->n_parents < run->population; i++)
            run->parent[run->n_parents++] = g.number[g.keyed[i].index];
    }
done:
    merged_fini(&g);
    return ok;
}

/* ---- variation ------------------------------------------------------------*/

static bool chance(struct haq_rng *rng, double p)
{
    return haq_rng_unit(rng) < p;
}

/* Binary tournament: parent[] is sorted, so the lower position wins. */
static const int *pick(struct haq_algo_run *run)
{
    uint64_t a = haq_rng_below(&run->rng, run->n_parents);
    uint64_t b = haq_rng_below(&run->rng, run->n_parents);
    return haq_genomes_get(&run->all, run->parent[a < b ? a : b]);
}

static void cross(struct haq_algo_run *run, const int *a, const int *b)
{
    size_t n = run->all.genes;
    memcpy(run->child, a, n * sizeof *a);
    if (!chance(&run->rng, crossover_rate))
        return;
    if (chance(&run->rng, 0.5)) {
        for (size_t i = 0; i < n; i++)
            if (chance(&run->rng, 0.5))
                run->child[i] = b[i];
        return;
    }
    size_t lo = (size_t)haq_rng_below(&run->rng, n);
    size_t hi = (size_t)haq_rng_below(&run->rng, n);
    if (lo > hi) {
        size_t t = lo;
        lo = hi, hi = t;
    }
    memcpy(run->child + lo, b + lo, (hi - lo + 1) * sizeof *b);
}

static int mutated(struct haq_rng *rng, int value, int cardinality)
{
    if (chance(rng, step_rate)) {
        int step = chance(rng, 0.5) ? 1 : -1;
        int next = value + step;
        return next < 0 || next >= cardinality ? value - step : next;
    }
    int other = (int)haq_rng_below(rng, (uint64_t)cardinality - 1);
    return other + (other >= value);
}

static void mutate(struct haq_algo_run *run, double rate)
{
    const int *cardinality = run->all.cardinality;
    for (size_t i = 0; i < run->all.genes; i++)
        if (cardinality[i] > 1 && chance(&run->rng, rate))
            run->child[i] = mutated(&run->rng, run->child[i], cardinality[i]);
}

/* One new child; each failed try mutates harder. */
static enum haq_genome_add breed_one(struct haq_algo_run *run)
{
    enum haq_genome_add added = HAQ_GENOME_KNOWN;
    for (int i = 0; i < BREED_TRIES && added == HAQ_GENOME_KNOWN; i++) {
        const int *a = pick(run), *b = pick(run);
        cross(run, a, b);
        int strength = 1 + i / 4;
        mutate(run, fmin(0.5, strength / (double)run->movable));
        added = haq_genomes_add(&run->all, run->child);
    }
    if (added == HAQ_GENOME_KNOWN)
        added = haq_genomes_add_random(&run->all, &run->rng, run->child);
    return added;
}

/* ---- the four functions ---------------------------------------------------*/

static haq_status first_generation(struct haq_algo_run *run,
                                   const struct haq_algo_config *c,
                                   struct haq_diag *d)
{
    enum haq_genome_add added = HAQ_GENOME_NEW;
    for (size_t i = 0; i < c->n_seeds && added != HAQ_GENOME_NOMEM; i++) {
        memcpy(run->child, c->seeds + i * c->genes,
               c->genes * sizeof *run->child);
        added = haq_genomes_add(&run->all, run->child);
    }
    if (added == HAQ_GENOME_KNOWN)
        added = HAQ_GENOME_NEW;
    while (added == HAQ_GENOME_NEW && run->all.n < run->population)
        added = haq_genomes_add_random(&run->all, &run->rng, run->child);
    if (added == HAQ_GENOME_NOMEM || !make_room(run))
        return haq_fail(d, HAQ_NOMEM, "first generation of nsga2");
    run->open = run->all.n;
    return HAQ_OK;
}

haq_status haq_nsga2_start(struct haq_algo_run **out,
                           const struct haq_algo_config *c, struct haq_diag *d)
{
    assert(c->population >= 2 && c->objectives &&
           c->objectives <= HAQ_MAX_OBJECTIVES);
    haq_status s = HAQ_OK;
    struct haq_algo_run *run = calloc(1, sizeof *run);
    if (!run)
        return haq_fail(d, HAQ_NOMEM, "nsga2");
    run->m = c->objectives;
    run->population = c->population;
    haq_rng_seed(&run->rng, c->seed);
    for (size_t i = 0; i < c->genes; i++)
        run->movable += c->cardinality[i] > 1;
    if (!run->movable)
        run->movable = 1;
    s = haq_genomes_init(&run->all, c, d);
    if (s)
        goto done;
    run->parent = calloc(c->population, sizeof *run->parent);
    run->child = calloc(c->genes, sizeof *run->child);
    if (!run->parent || !run->child) {
        s = haq_fail(d, HAQ_NOMEM, "nsga2");
        goto done;
    }
    s = first_generation(run, c, d);
    if (s)
        goto done;
    *out = run;
    run = NULL;
done:
    haq_nsga2_end(run);
    return s;
}

static bool next_generation(struct haq_algo_run *run)
{
    if (!survive(run))
        return false;
    run->begin = run->all.n;
    enum haq_genome_add added = HAQ_GENOME_NEW;
    while (added == HAQ_GENOME_NEW && run->all.n - run->begin < run->population)
        added = breed_one(run);
    run->open = run->all.n - run->begin;
    return added != HAQ_GENOME_NOMEM && make_room(run);
}

enum haq_ask haq_nsga2_ask(struct haq_algo_run *run, size_t *id,
                           const int **genes)
{
    if (run->given == run->all.n) {
        if (run->open)
            return HAQ_ASK_WAIT;
        if (!next_generation(run))
            return HAQ_ASK_NOMEM;
        if (run->given == run->all.n)
            return HAQ_ASK_END;
    }
    *id = run->given++;
    *genes = haq_genomes_get(&run->all, *id);
    return HAQ_ASK_GIVEN;
}

void haq_nsga2_tell(struct haq_algo_run *run, size_t id,
                    const double *objective, double violation)
{
    assert(id < run->given && !run->told[id]);
    bool bad = isnan(violation);
    for (size_t i = 0; i < run->m; i++)
        bad |= isnan(objective[i]);
    for (size_t i = 0; i < run->m; i++)
        run->objective[id * run->m + i] = bad ? INFINITY : objective[i];
    run->violation[id] = bad ? INFINITY : violation;
    run->told[id] = true;
    run->open--;
}
