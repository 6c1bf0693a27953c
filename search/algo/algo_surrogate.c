/* NSGA-II assisted by a model of the results (model.h):
 *
 *     seeds + random -> told -> model -> NSGA-II over the model, many
 *     generations at no cost -> of its vectors those whose expected gain of
 *     hypervolume is largest, one after the other -> told -> model -> ...
 *
 * The expectation is over the model's uncertainty, by fixed normal quantiles:
 * nothing is drawn.  One vector of each generation is bred without the model,
 * which may be wrong.
 */
#include "search/algo/algo_priv.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/breed.h"
#include "search/algo/hypervolume.h"
#include "search/algo/model.h"
#include "search/algo/scalar.h"

enum {
    BATCH_MIN = 4,
    BATCH_MAX = 16,
    FIRST_MIN = 8,
    INNER_POPULATION = 60,
    INNER_VECTORS = 600,
    DRAWS = 8,
    FRONT_MAX = 80 /* points that the gain is computed against */
};

/* Normal quantiles (d + 1/2) / 8, d = 0 .. 7. */
#define LUCKIEST (-1.534)
static const double quantile[DRAWS] = {LUCKIEST, -0.887, -0.489, -0.157,
                                       0.157,    0.489,  0.887,  1.534};

/* The reference point is so much of the range beyond the front's worst. */
static const double margin = 0.2;

/* Violations up to here, in standard deviations, pass for none. */
static const double tolerance = 0.05;

struct haq_algo_run {
    struct haq_archive a;
    struct haq_rng rng;
    size_t batch;
    struct haq_algo_config config; /* of the inner search */
};

void haq_surrogate_end(struct haq_algo_run *run)
{
    if (!run)
        return;
    haq_archive_fini(&run->a);
    free(run);
}

haq_status haq_surrogate_start(struct haq_algo_run **out,
                               const struct haq_algo_config *c,
                               struct haq_diag *d)
{
    struct haq_algo_run *run = calloc(1, sizeof *run);
    if (!run)
        return haq_fail(d, HAQ_NOMEM, "surrogate");
    size_t first = c->population / 2, batch = c->population / 4;
    first = first < FIRST_MIN ? FIRST_MIN : first;
    batch = batch < BATCH_MIN ? BATCH_MIN : batch;
    run->batch = batch > BATCH_MAX ? BATCH_MAX : batch;
    haq_rng_seed(&run->rng, c->seed);
    haq_status s = haq_archive_init(&run->a, c, d);
    run->config = *c;
    run->config.cardinality = run->a.all.cardinality;
    run->config.population = INNER_POPULATION;
    enum haq_genome_add added = HAQ_GENOME_NEW;
    while (!s && added == HAQ_GENOME_NEW && run->a.all.n < first)
        added = haq_archive_add_random(&run->a, &run->rng);
    if (added == HAQ_GENOME_NOMEM)
        s = haq_fail(d, HAQ_NOMEM, "first generation of surrogate");
    if (s)
        haq_surrogate_end(run);
    else
        *out = run;
    return s;
}

/* ---- candidates -----------------------------------------------------------*/

struct candidate {
    const int *genes;
    double mean[HAQ_MODEL_TARGETS], sd[HAQ_MODEL_TARGETS];
    double gain;
    size_t judged; /* how many were chosen when the gain was computed */
};

struct pool {
    struct haq_model model;
    int *genes; /* [INNER_VECTORS][genes] */
    struct candidate *candidate;
    size_t n;
    size_t *parent; /* [n_parents] numbers of the best told, best first */
    double *crowd;  /* [n_parents] */
    size_t n_parents;
    double *front; /* [n_front][m] in units of `range` */
    size_t n_front;
    struct haq_range range;
    double ref[HAQ_MAX_OBJECTIVES];
};

static void pool_fini(struct pool *p)
{
    haq_model_fini(&p->model);
    free(p->genes);
    free(p->candidate);
    free(p->parent);
    free(p->crowd);
    free(p->front);
}

/* The best told, well spread, and the front among them scaled. */
static bool pool_init(struct pool *p, const struct haq_algo_run *run)
{
    const struct haq_archive *a = &run->a;
    size_t n = a->n_front > 2 * FRONT_MAX ? 2 * FRONT_MAX : a->n_front;
    *p = (struct pool){0};
    p->genes = calloc(INNER_VECTORS, a->all.genes * sizeof *p->genes);
    p->candidate = calloc(INNER_VECTORS, sizeof *p->candidate);
    p->parent = calloc(a->n_front + 1, sizeof *p->parent);
    p->crowd = calloc(a->n_front + 1, sizeof *p->crowd);
    p->front = calloc(FRONT_MAX + run->batch, a->m * sizeof *p->front);
    if (!p->genes || !p->candidate || !p->parent || !p->crowd || !p->front)
        return false;
    memcpy(p->parent, a->front, a->n_front * sizeof *p->parent);
    if (!haq_archive_survive(a, p->parent, a->n_front, n, p->crowd,
                             &p->n_parents))
        return false;
    haq_range_of(&p->range, a, a->front, a->n_front);
    for (size_t k = 0; k < a->m; k++)
        p->ref[k] = 1 + margin;
    for (size_t i = 0; i < p->n_parents && p->n_front < FRONT_MAX; i++) {
        const double *f = haq_archive_objective(a, p->parent[i]);
        if (a->violation[p->parent[i]] > 0)
            continue;
        double *to = p->front + p->n_front++ * a->m;
        for (size_t k = 0; k < a->m; k++)
            to[k] = (f[k] - p->range.low[k]) / p->range.span[k];
    }
    return true;
}

/* Keep a vector of the inner search that was not proposed before. */
static void keep(struct pool *p, const struct haq_algo_run *run,
                 const int *genes, const double *mean, const double *sd)
{
    size_t known, n = run->a.all.genes;
    int *copy = p->genes + p->n * n;
    memcpy(copy, genes, n * sizeof *copy);
    if (haq_genomes_find(&run->a.all, copy, &known))
        return;
    struct candidate *c = &p->candidate[p->n++];
    c->genes = copy;
    memcpy(c->mean, mean, sizeof c->mean);
    memcpy(c->sd, sd, sizeof c->sd);
}

/* Evolve over the model; its vectors become the candidates. */
static bool evolve(struct pool *p, struct haq_algo_run *run)
{
    size_t genes = run->a.all.genes, n = p->n_parents;
    struct haq_algo_config c = run->config;
    struct haq_algo_run *inner = NULL;
    int *seeds = calloc(n + 1, genes * sizeof *seeds);
    if (!seeds)
        return false;
    c.n_seeds = n < INNER_POPULATION ? n : INNER_POPULATION;
    c.seeds = seeds;
    c.seed = haq_rng_next(&run->rng);
    for (size_t i = 0; i < c.n_seeds; i++)
        memcpy(seeds + i * genes, haq_genomes_get(&run->a.all, p->parent[i]),
               genes * sizeof *seeds);
    bool ok = !haq_nsga2_start(&inner, &c, NULL);
    enum haq_ask got = HAQ_ASK_WAIT;
    for (size_t i = 0; ok && i < INNER_VECTORS; i++) {
        double mean[HAQ_MODEL_TARGETS] = {0}, sd[HAQ_MODEL_TARGETS] = {0};
        double f[HAQ_MAX_OBJECTIVES];
        const int *vector;
        size_t id;
        got = haq_nsga2_ask(inner, &id, &vector);
        if (got != HAQ_ASK_GIVEN)
            break;
        haq_model_predict(&p->model, vector, mean, sd);
        for (size_t k = 0; k < run->a.m; k++)
            f[k] = haq_model_value(&p->model, k, mean[k]);
        double v = haq_model_value(&p->model, run->a.m, mean[run->a.m]);
        haq_nsga2_tell(inner, id, f, v > tolerance ? v : 0);
        keep(p, run, vector, mean, sd);
    }
    haq_nsga2_end(inner);
    free(seeds);
    return ok && got != HAQ_ASK_NOMEM;
}

/* ---- choice ---------------------------------------------------------------*/

/* Where a candidate lies, `z[k]` standard deviations from its mean. */
static void locate(const struct pool *p, const struct candidate *c, size_t m,
                   const double *z, double *x)
{
    for (size_t k = 0; k < m; k++) {
        double v = haq_model_value(&p->model, k, c->mean[k] + z[k] * c->sd[k]);
        x[k] = (v - p->range.low[k]) / p->range.span[k];
    }
}

/* Probability that it is allowed. */
static double allowed(const struct pool *p, const struct candidate *c, size_t m)
{
    double limit =
        (tolerance - p->model.scaling[m].low - p->model.scaling[m].mean) /
        p->model.scaling[m].sd;
    double z = (limit - c->mean[m]) / fmax(c->sd[m], 1e-9);
    return 0.5 * erfc(-z / sqrt(2));
}

static double gain_at(const struct pool *p, const double *x, size_t m)
{
    return haq_hypervolume_gain(p->front, p->n_front, m, p->ref, x);
}

/* Expected gain of hypervolume.  Without a point that is allowed nothing can be
 * gained, and what comes closest to the limits is best. */
static double expected_gain(const struct pool *p, const struct candidate *c,
                            size_t m)
{
    static const double luckiest[HAQ_MAX_OBJECTIVES] = {LUCKIEST, LUCKIEST,
                                                        LUCKIEST, LUCKIEST};
    double sum = 0, x[HAQ_MAX_OBJECTIVES];
    if (!p->n_front)
        return -c->mean[m];
    locate(p, c, m, luckiest, x);
    if (!(gain_at(p, x, m) > 0))
        return 0; /* then no draw gains anything */
    for (size_t d = 0; d < DRAWS; d++) {
        double z[HAQ_MAX_OBJECTIVES];
        for (size_t k = 0; k < m; k++) /* odd strides: a Latin hypercube */
            z[k] = quantile[(d * (2 * k + 1) + k) % DRAWS];
        locate(p, c, m, z, x);
        sum += gain_at(p, x, m);
    }
    return sum / DRAWS * allowed(p, c, m);
}

/* The candidate that gains most beside those chosen.  Gains only shrink as more
 * are chosen, so an old gain is a bound, and few must be computed again. */
static struct candidate *best(struct pool *p, size_t m, size_t chosen)
{
    for (;;) {
        struct candidate *top = NULL;
        for (size_t i = 0; i < p->n; i++)
            if (p->candidate[i].genes &&
                (!top || p->candidate[i].gain > top->gain))
                top = &p->candidate[i];
        if (!top || top->judged == chosen)
            return top;
        top->gain = expected_gain(p, top, m);
        top->judged = chosen;
    }
}

/* Propose the best candidates, each taken to turn out as expected. */
static bool choose(struct pool *p, struct haq_algo_run *run, size_t want)
{
    static const double expected[HAQ_MAX_OBJECTIVES] = {0};
    size_t m = run->a.m;
    bool any = p->n_front;
    for (size_t i = 0; i < p->n; i++)
        p->candidate[i].gain = expected_gain(p, &p->candidate[i], m);
    for (size_t chosen = 0; chosen < want; chosen++) {
        struct candidate *c = best(p, m, any ? chosen : 0);
        if (!c || (any && !(c->gain > 0)))
            return true;
        memcpy(run->a.scratch, c->genes, run->a.all.genes * sizeof *c->genes);
        if (haq_archive_add(&run->a, run->a.scratch) == HAQ_GENOME_NOMEM)
            return false;
        if (any)
            locate(p, c, m, expected, p->front + p->n_front++ * m);
        c->genes = NULL;
    }
    return true;
}

/* What the batch lacks is bred from the best told. */
static bool breed_rest(const struct pool *p, struct haq_algo_run *run,
                       size_t begin)
{
    const struct haq_parents parents = {p->parent, p->crowd, p->n_parents};
    return haq_breed(&run->a, &run->rng, &parents,
                     run->batch - (run->a.all.n - begin));
}

/* ---- generations ----------------------------------------------------------*/

static bool next_generation(struct haq_algo_run *run)
{
    struct pool p;
    size_t begin = run->a.all.n;
    bool usable = false;
    bool ok = pool_init(&p, run) && haq_model_fit(&p.model, &run->a, &usable);
    if (ok && usable)
        ok = evolve(&p, run) && choose(&p, run, run->batch - 1);
    ok = ok && breed_rest(&p, run, begin);
    pool_fini(&p);
    return ok;
}

enum haq_ask haq_surrogate_ask(struct haq_algo_run *run, size_t *id,
                               const int **genes)
{
    return haq_archive_ask_or_make(&run->a, next_generation, run, id, genes);
}

void haq_surrogate_tell(struct haq_algo_run *run, size_t id,
                        const double *objective, double violation)
{
    haq_archive_tell(&run->a, id, objective, violation);
}
