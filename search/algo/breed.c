#include "search/algo/breed.h"

#include <math.h>
#include <stdlib.h>

#include "search/algo/variation.h"

/* Pairs tried before a random vector takes their place. */
enum { BREED_TRIES = 24 };

/* Contestants of the tournaments: positions of parents, reshuffled when all
 * have had their turn, so that everybody competes equally often. */
struct contest {
    struct haq_rng *rng;
    size_t *order; /* [n] */
    size_t n, at;
};

static size_t contestant(struct contest *c)
{
    if (c->at == c->n) {
        for (size_t i = c->n; i > 1; i--) {
            size_t j = (size_t)haq_rng_below(c->rng, i), t = c->order[j];
            c->order[j] = c->order[i - 1], c->order[i - 1] = t;
        }
        c->at = 0;
    }
    return c->order[c->at++];
}

/* Binary tournament: parents are sorted, so the lower position wins. */
static size_t winner(struct contest *c)
{
    size_t i = contestant(c), j = contestant(c);
    return i < j ? i : j;
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
                                      const size_t *parent, size_t most)
{
    size_t before = a->all.n, genes = a->all.genes;
    for (int i = 0; i < BREED_TRIES && a->all.n == before; i++) {
        const int *x = haq_genomes_get(&a->all, parent[winner(c)]);
        const int *y = haq_genomes_get(&a->all, parent[winner(c)]);
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

bool haq_breed(struct haq_archive *a, struct haq_rng *rng, const size_t *parent,
               size_t n, size_t want)
{
    struct contest c = {rng, calloc(n, sizeof *c.order), n, n};
    size_t most = a->all.n + want;
    enum haq_genome_add added = c.order ? HAQ_GENOME_NEW : HAQ_GENOME_NOMEM;
    for (size_t i = 0; c.order && i < n; i++)
        c.order[i] = i;
    while (added == HAQ_GENOME_NEW && a->all.n < most)
        added = breed_pair(a, &c, parent, most);
    free(c.order);
    return added != HAQ_GENOME_NOMEM;
}
