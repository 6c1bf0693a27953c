#include "search/algo/breed.h"

#include <math.h>
#include <stdlib.h>

#include "search/algo/variation.h"

/* Pairs tried before a random vector takes their place. */
enum { BREED_TRIES = 24 };

/* Contestants of the tournaments: positions of parents, reshuffled when all
 * have had their turn, so that everybody competes equally often. */
struct contest {
    const struct haq_archive *a;
    const struct haq_parents *parents;
    struct haq_rng *rng;
    size_t *order; /* [parents->n] */
    size_t at;
};

static size_t contestant(struct contest *c)
{
    if (c->at == c->parents->n) {
        for (size_t i = c->parents->n; i > 1; i--) {
            size_t j = (size_t)haq_rng_below(c->rng, i), t = c->order[j];
            c->order[j] = c->order[i - 1], c->order[i - 1] = t;
        }
        c->at = 0;
    }
    return c->order[c->at++];
}

/* Binary tournament.  Of two that do not beat each other the less crowded one
 * wins, whatever their ranks, as in Deb's own program: the ends of every front
 * count, which keeps a population wide. */
static const int *winner(struct contest *c)
{
    const struct haq_parents *p = c->parents;
    size_t i = contestant(c), j = contestant(c), won = i;
    if (haq_archive_beats(c->a, p->number[j], p->number[i]) ||
        (!haq_archive_beats(c->a, p->number[i], p->number[j]) &&
         p->crowd[j] > p->crowd[i]))
        won = j;
    return haq_genomes_get(&c->a->all, p->number[won]);
}

/* Mutate and add the children of one pair, as many as there is room for. */
static bool add_pair(struct haq_archive *a, struct haq_rng *rng, double rate,
                     size_t most)
{
    size_t genes = a->all.genes;
    for (size_t i = 0; i < 2; i++) {
        int *child = a->scratch + i * genes;
        haq_mutate(rng, a->all.cardinality, genes, rate, child);
        if (a->all.n < most && haq_archive_add(a, child) == HAQ_GENOME_NOMEM)
            return false;
    }
    return true;
}

/* One pair that adds at least one child, or else a random vector. */
static enum haq_genome_add breed_pair(struct haq_archive *a, struct contest *c,
                                      size_t most)
{
    size_t before = a->all.n, genes = a->all.genes;
    for (int i = 0; i < BREED_TRIES && a->all.n == before; i++) {
        const int *x = winner(c);
        const int *y = winner(c);
        haq_cross(c->rng, a->all.cardinality, genes, x, y, a->scratch,
                  a->scratch + genes);
        int strength = 1 + i / 4;
        double rate = fmin(0.5, strength / (double)a->movable);
        if (!add_pair(a, c->rng, rate, most))
            return HAQ_GENOME_NOMEM;
    }
    return a->all.n > before ? HAQ_GENOME_NEW
                             : haq_archive_add_random(a, c->rng);
}

bool haq_breed(struct haq_archive *a, struct haq_rng *rng,
               const struct haq_parents *parents, size_t want)
{
    size_t n = parents->n;
    struct contest c = {a, parents, rng, calloc(n, sizeof *c.order), n};
    size_t most = a->all.n + want;
    enum haq_genome_add added = c.order ? HAQ_GENOME_NEW : HAQ_GENOME_NOMEM;
    for (size_t i = 0; c.order && i < n; i++)
        c.order[i] = i;
    while (added == HAQ_GENOME_NEW && a->all.n < most)
        added = breed_pair(a, &c, most);
    free(c.order);
    return added != HAQ_GENOME_NOMEM;
}
